"""What functions learn of who calls, and which results callers share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.database.database import DatabaseLimits
from realtime.errors import RealtimeError
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import ANONYMOUS, FunctionCall, Identity, QueryCall, QueryResult
from realtime.runtime.user_identity import UserIdentity
from realtime.testing import running_backend
from realtime.values.json_encoding import encode_json

MEMBERS = Path(__file__).parents[2] / "apps" / "members"
ISSUER = "https://issuer.example"


def user(name: str, **members: Any) -> Identity:
    given = {"issuer": ISSUER, "subject": name, **members}
    return Identity(user=UserIdentity.from_wire(given))


@asynccontextmanager
async def members(**options: Any) -> AsyncIterator[Backend]:
    async with running_backend(MEMBERS, **options) as backend:
        yield backend


async def ask(backend: Backend, path: str, identity: Identity = ANONYMOUS, **args: Any) -> Any:
    outcome = await backend.run_function(FunctionCall(path, encode_json(args), identity))
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


class Watcher:
    """A live client of one query, as one identity."""

    def __init__(self, backend: Backend, identity: Identity, path: str, **args: Any) -> None:
        self._backend = backend
        self._call = FunctionCall(path, encode_json(args), identity)
        self._has_news = asyncio.Event()
        self.values: list[Any] = []
        backend.request_update(self)

    def begin_update(self) -> Mapping[int, QueryCall] | None:
        return {0: QueryCall(self._call)}

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        value = results[0].value
        assert value is not None, results[0].error
        self.values.append(json.loads(value))
        self._has_news.set()

    def query_invalidated(self, query_id: int) -> None:
        self._backend.request_update(self)

    def fail(self, error: RealtimeError) -> None:
        raise AssertionError(error)

    async def value(self, count: int) -> Any:
        """Return the newest value once there have been `count`."""
        async with asyncio.timeout(30):
            while len(self.values) < count:
                self._has_news.clear()
                await self._has_news.wait()
        assert len(self.values) == count
        return self.values[-1]


def runs(backend: Backend, path: str) -> int:
    return backend.counters.function_runs[path, "query"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["who:me", "who:meAsAnything", "who:meInMutation"])
async def test_function_gets_the_identity_of_its_caller_as_a_flat_object(path: str) -> None:
    async with members() as backend:
        assert await ask(backend, path) is None
        assert await ask(backend, path, user("ann", email="a@b.c", role={"admin": True})) == {
            "tokenIdentifier": f"{ISSUER}|ann",
            "issuer": ISSUER,
            "subject": "ann",
            "email": "a@b.c",
            "role": {"admin": True},
        }


@pytest.mark.asyncio
async def test_nested_calls_have_the_identity_of_the_caller() -> None:
    async with members() as backend:
        by_object, by_path = await ask(backend, "who:meNested", user("ann"))
        assert by_object["subject"] == by_path["subject"] == "ann"
        assert await ask(backend, "notes:addNested", user("ann"), text="x") == f"{ISSUER}|ann"
        assert await ask(backend, "notes:addNested", text="x") == "nobody"


@pytest.mark.asyncio
async def test_admin_acting_as_a_user_has_that_identity_and_reaches_internal_functions() -> None:
    acting = Identity(is_admin=True, user=user("ann").user)

    async with members() as backend:
        assert (await ask(backend, "who:me", acting))["subject"] == "ann"
        assert await ask(backend, "who:countOfEverybody", acting) == 0
        refused = await backend.run_query(FunctionCall("who:countOfEverybody", b"{}", user("ann")))
        assert refused.error is not None
        assert "Could not find public function" in refused.error.message


@pytest.mark.asyncio
async def test_query_that_ignores_identity_runs_once_for_a_thousand_of_them() -> None:
    async with members() as backend:
        watchers = [
            Watcher(backend, user(f"user {number}"), "notes:everything") for number in range(1_000)
        ]
        for watcher in watchers:
            assert await watcher.value(1) == []
        assert runs(backend, "notes:everything") == 1

        await ask(backend, "notes:add", text="hello")

        for watcher in watchers:
            assert await watcher.value(2) == ["hello"]
        assert runs(backend, "notes:everything") == 2
        for watcher in watchers:
            backend.disconnect(watcher)


@pytest.mark.asyncio
async def test_query_that_reads_identity_runs_once_for_each_of_them() -> None:
    async with members() as backend:
        people = [user(f"user {number}") for number in range(100)]
        await ask(backend, "notes:add", people[7], text="mine")

        watchers = [Watcher(backend, person, "notes:mine") for person in [*people, *people]]

        for number, watcher in enumerate(watchers):
            assert await watcher.value(1) == (["mine"] if number % 100 == 7 else [])
        assert runs(backend, "notes:mine") == 100
        for watcher in watchers:
            backend.disconnect(watcher)


@pytest.mark.asyncio
async def test_nobody_is_an_identity_too() -> None:
    async with members() as backend:
        assert await ask(backend, "who:me") is None
        assert (await ask(backend, "who:me", user("ann")))["subject"] == "ann"
        assert await ask(backend, "who:me") is None
        assert runs(backend, "who:me") == 2


@pytest.mark.asyncio
async def test_identities_that_differ_in_a_claim_do_not_share() -> None:
    async with members() as backend:
        assert await ask(backend, "who:role", user("ann", role="admin")) == "admin"
        assert await ask(backend, "who:role", user("ann", role="guest")) == "guest"
        assert await ask(backend, "who:role", user("ann")) is None


@pytest.mark.asyncio
async def test_query_that_reads_identity_in_one_branch_stays_right_when_the_branch_changes() -> (
    None
):
    async with members() as backend:
        room = await ask(backend, "notes:openRoom", title="r", isPrivate=False)
        watchers = [Watcher(backend, user(str(n)), "notes:door", roomId=room) for n in range(5)]
        for watcher in watchers:
            assert await watcher.value(1) == "Welcome"
        assert runs(backend, "notes:door") == 1

        await ask(backend, "notes:setPrivate", roomId=room, isPrivate=True)
        for number, watcher in enumerate(watchers):
            assert await watcher.value(2) == f"Welcome, {ISSUER}|{number}"
        assert await ask(backend, "notes:door", roomId=room) == "Welcome, nobody"
        assert runs(backend, "notes:door") == 7

        await ask(backend, "notes:setPrivate", roomId=room, isPrivate=False)
        for watcher in watchers:
            assert await watcher.value(3) == "Welcome"
        assert await ask(backend, "notes:door", roomId=room) == "Welcome"
        assert runs(backend, "notes:door") == 8
        for watcher in watchers:
            backend.disconnect(watcher)


@pytest.mark.asyncio
async def test_suspended_run_of_one_identity_gives_nothing_to_another() -> None:
    limits = Limits(database=DatabaseLimits(scan_chunk=2))
    async with members(limits=limits) as backend:
        for number in range(7):
            await ask(backend, "notes:add", text=str(number))
        texts = [str(number) for number in range(7)]
        people = [user(name) for name in ("ann", "bob", "ann", "eve")]

        watchers = [Watcher(backend, person, "notes:mineSlowly") for person in people]

        for watcher, person in zip(watchers, people, strict=True):
            assert person.user is not None
            name = person.user.token_identifier
            assert await watcher.value(1) == [name, *texts, name]
        assert runs(backend, "notes:mineSlowly") == 3
        for watcher in watchers:
            backend.disconnect(watcher)


@pytest.mark.asyncio
async def test_suspended_run_that_ignores_identity_is_shared_by_all_who_wait_for_it() -> None:
    limits = Limits(database=DatabaseLimits(scan_chunk=2))
    async with members(limits=limits) as backend:
        for number in range(7):
            await ask(backend, "notes:add", text=str(number))

        watchers = [Watcher(backend, user(str(n)), "notes:everything") for n in range(20)]

        for watcher in watchers:
            assert len(await watcher.value(1)) == 7
        assert runs(backend, "notes:everything") == 1
        for watcher in watchers:
            backend.disconnect(watcher)


@pytest.mark.asyncio
async def test_results_by_identity_leave_nothing_behind() -> None:
    async with members(limits=Limits(query_cache_bytes=2_000)) as backend:
        for number in range(50):
            await ask(backend, "who:me", user(str(number)))

        cache = backend._cache
        assert len(cache._entries) < 5
        assert sum(cache._by_identity.values()) == len(cache._entries)
