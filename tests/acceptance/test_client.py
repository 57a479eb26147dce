"""`realtime.client` and a server process: killed, cut off, signed in, with large results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.client import (
    AdminKey,
    ApplicationError,
    AuthenticationError,
    Client,
    ConnectionLostError,
    FunctionError,
    Status,
    UnavailableError,
)
from tests.harness.fault_proxy import (
    MUTATION_CUTS,
    TO_CLIENT,
    TO_SERVER,
    FaultProxy,
    of_type,
)
from tests.harness.identity_provider import IdentityProvider
from tests.harness.server_process import ROOT, ServerProcess

DEADLINE_SECONDS = 60.0
APPS = ROOT / "tests/apps"
ADDITIONS = 60

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of lists; each test has one of its own."""
    server = ServerProcess(tmp_path_factory.mktemp("lists") / "data", app=APPS / "wire")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def proxy(server: ServerProcess) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def args(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"listName": request.node.name}


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Client]:
    async with asyncio.timeout(DEADLINE_SECONDS), Client(url, **options) as client:
        yield client


async def status_with(client: Client, **members: Any) -> Status:
    """Wait until the status of a client has these members."""
    async for status in client.statuses():
        if all(getattr(status, name) == value for name, value in members.items()):
            return status
    raise AssertionError(f"The client is closed and was never {members}")


async def test_calls_have_results_and_errors(server: ServerProcess, args: dict[str, Any]) -> None:
    async with connected(server.url) as client:
        assert await client.mutation("entries:add", {**args, "text": "one"}) == 1.0
        assert await client.query("entries:list", args) == ["one"]
        with pytest.raises(ApplicationError) as refusal:
            await client.mutation("entries:add", {**args, "text": ""})
        assert refusal.value.data == {"code": "Empty"}
        with pytest.raises(FunctionError, match="Server Error"):
            await client.query("entries:nothing")


async def test_mutation_has_taken_effect_everywhere_when_it_returns(
    server: ServerProcess, args: dict[str, Any]
) -> None:
    async with connected(server.url) as client:
        async with client.watch("entries:list", args) as lines:
            assert await anext(lines) == []
            for number in range(1, 20):
                await client.mutation("entries:add", {**args, "text": str(number)})
                assert len(await anext(lines)) == number


async def test_more_mutations_than_a_server_lets_wait_are_all_run(
    server: ServerProcess, args: dict[str, Any]
) -> None:
    many = [{"listName": f"{args['listName']} {number}", "text": "x"} for number in range(1_500)]
    async with connected(server.url) as client:
        counts = await asyncio.gather(*(client.mutation("entries:add", one) for one in many))

        assert counts == [1.0] * len(many)
        assert client.status == Status("connected")


@pytest.mark.parametrize("point", MUTATION_CUTS)
async def test_mutation_takes_effect_once_wherever_it_is_cut(
    proxy: FaultProxy, server: ServerProcess, args: dict[str, Any], point: str
) -> None:
    async with connected(proxy.url) as client:
        async with client.watch("entries:list", args) as lines:
            assert await anext(lines) == []
            fault = MUTATION_CUTS[point](proxy)

            count = await client.mutation("entries:add", {**args, "text": "hello"})

            await asyncio.to_thread(fault.wait)
            assert count == 1.0
            assert await anext(lines) == ["hello"]
    assert server.run("entries:list", args) == ["hello"]
    assert proxy.connection_count == 2


async def test_result_that_comes_again_after_a_cut_is_no_news(
    proxy: FaultProxy, server: ServerProcess, args: dict[str, Any]
) -> None:
    async with connected(proxy.url) as client:
        async with client.watch("entries:list", args) as lines:
            assert await anext(lines) == []
            proxy.cut_before(TO_SERVER, of_type("Mutation"))
            await client.mutation("entries:add", {"listName": "another", "text": "x"})
            assert proxy.connection_count == 2

            await asyncio.to_thread(server.run, "entries:add", {**args, "text": "one"})

            assert await anext(lines) == ["one"]


async def test_nothing_is_lost_or_twice_when_the_server_is_killed(
    tmp_path: Path, args: dict[str, Any]
) -> None:
    server = ServerProcess(tmp_path / "data", app=APPS / "wire")
    try:
        async with connected(server.start().url) as client:
            seen: list[list[str]] = []
            watcher = asyncio.create_task(collect(client, args, seen))
            additions = [
                asyncio.create_task(client.mutation("entries:add", {**args, "text": str(number)}))
                for number in range(ADDITIONS)
            ]
            await additions[ADDITIONS // 3]
            await asyncio.to_thread(server.kill)
            await status_with(client, connection="reconnecting")
            await asyncio.to_thread(server.restart)
            counts = await asyncio.gather(*additions)
            await watcher
        stored = server.run("entries:list", args)
    finally:
        server.close()

    expected = [str(number) for number in range(ADDITIONS)]
    assert counts == [float(number + 1) for number in range(ADDITIONS)]
    assert stored == seen[-1] == expected
    assert all(lines == expected[: len(lines)] for lines in seen)


async def collect(client: Client, args: dict[str, Any], seen: list[list[str]]) -> None:
    async for lines in client.watch("entries:list", args):
        seen.append(lines)
        if len(lines) == ADDITIONS:
            return


async def test_large_result_comes_in_parts(proxy: FaultProxy, args: dict[str, Any]) -> None:
    async with connected(proxy.url) as client:
        lines = await client.query("entries:large", {**args, "count": 120, "size": 100_000})

    assert len(lines) == 120
    assert {len(line) for line in lines} == {100_000}
    assert lines[0].startswith('0: "é€😀\\"')
    assert len(proxy.passed(TO_CLIENT, "TransitionChunk")) == 3


async def test_action_is_lost_with_its_connection_and_not_run_again(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", app=APPS / "courier", command="dev")
    try:
        with FaultProxy(server.start().port) as proxy:
            async with connected(proxy.url) as client:
                parcel = {"to": "ann", "content": "book"}
                assert await client.action("parcels:deliver", parcel) == ["book"]
                proxy.cut_before(TO_CLIENT, of_type("ActionResponse"))

                with pytest.raises(ConnectionLostError):
                    await client.action("parcels:deliver", parcel)

                assert await client.query("parcels:list", {"to": "ann"}) == ["book", "book"]
                with pytest.raises(FunctionError, match="The parcel is lost"):
                    await client.action("parcels:lose")
    finally:
        server.close()


@pytest.fixture
def members(tmp_path: Path) -> Iterator[tuple[ServerProcess, IdentityProvider]]:
    with IdentityProvider() as provider:
        environment = {"MEMBERS_PROVIDER": provider.url}
        server = ServerProcess(
            tmp_path / "data", app=APPS / "members", command="dev", environment=environment
        )
        try:
            yield server.start(), provider
        finally:
            server.close()


async def who_am_i(client: Client) -> str | None:
    identity = await client.query("who:me")
    return None if identity is None else identity["subject"]


async def test_client_is_who_its_token_says(
    members: tuple[ServerProcess, IdentityProvider],
) -> None:
    server, provider = members
    async with connected(server.url, auth=provider.token("ann")) as client:
        assert await who_am_i(client) == "ann"
        async with client.watch("who:me") as identities:
            assert (await anext(identities))["subject"] == "ann"
            await client.set_auth(provider.token("ben"))
            assert (await anext(identities))["subject"] == "ben"
            await client.set_auth(None)
            assert await anext(identities) is None

        with pytest.raises(AuthenticationError):
            await client.set_auth("no token")

        assert await who_am_i(client) is None
        assert not client.status.is_authenticated


async def test_refused_token_is_replaced_by_a_fresh_one(
    members: tuple[ServerProcess, IdentityProvider],
) -> None:
    server, provider = members
    orders: list[bool] = []

    async def fetch(is_fresh: bool) -> str | None:
        orders.append(is_fresh)
        return provider.token("ann", **({} if is_fresh else {"exp": 1_000_000_000}))

    async with connected(server.url, auth=fetch) as client:
        assert await who_am_i(client) == "ann"
        assert orders == [False, True]
        assert client.status.is_authenticated


async def test_token_is_replaced_before_it_ends(
    members: tuple[ServerProcess, IdentityProvider],
) -> None:
    server, provider = members
    tokens: list[str] = []

    async def fetch(is_fresh: bool) -> str | None:
        tokens.append(provider.token(f"user {len(tokens)}", lifetime_seconds=2))
        return tokens[-1]

    with FaultProxy(server.port) as proxy:
        async with connected(proxy.url, auth=fetch) as client:
            async with client.watch("who:me") as identities:
                seen = [(await anext(identities))["subject"] for _ in range(3)]

        assert seen == ["user 0", "user 1", "user 2"]
        assert proxy.passed(TO_CLIENT, "AuthError") == []


async def test_fetcher_without_a_good_token_leaves_nobody_signed_in(
    members: tuple[ServerProcess, IdentityProvider],
) -> None:
    server, _ = members
    orders: list[bool] = []

    async def fetch(is_fresh: bool) -> str | None:
        orders.append(is_fresh)
        return "no token"

    async with connected(server.url) as client:
        with pytest.raises(AuthenticationError):
            await client.set_auth(fetch)
        assert orders == [False, True, True]
        assert await who_am_i(client) is None


async def test_admin_key_reaches_internal_functions(
    server: ServerProcess,
) -> None:
    async with connected(server.url, auth=AdminKey(server.admin_key)) as client:
        assert await client.query("entries:count") >= 0

    with pytest.raises(AuthenticationError):
        async with connected(server.url, auth=AdminKey("test|wrong")):
            pass


async def test_client_waits_for_a_server_that_starts_later(
    tmp_path: Path, args: dict[str, Any]
) -> None:
    server = ServerProcess(tmp_path / "data", app=APPS / "wire")
    try:
        client = Client(server.url, connect_timeout_seconds=None)
        query = asyncio.create_task(query_entries(client, args))
        await failed_attempt(client)
        await asyncio.to_thread(server.start)
        assert await asyncio.wait_for(query, DEADLINE_SECONDS) == []
    finally:
        server.close()


async def query_entries(client: Client, args: dict[str, Any]) -> Any:
    async with client:
        return await client.query("entries:list", args)


async def failed_attempt(client: Client) -> None:
    async for status in client.statuses():
        if status.reason is not None:
            return


async def test_unreachable_server_is_told_at_once_if_wished(server: ServerProcess) -> None:
    with pytest.raises(UnavailableError, match=r"Cannot reach a server at http://127.0.0.1:1 "):
        async with connected("http://127.0.0.1:1", connect_timeout_seconds=0):
            pass
