"""What the runtime promises to functions and their callers, on both stores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from realtime.database.database import DatabaseLimits
from realtime.errors import OverloadedError, StorageError, StorageFullError, UnavailableError
from realtime.runtime.backend import Limits
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.registry import load_app
from realtime.storage.memory import MemoryStore
from realtime.storage.records import RowWrite
from realtime.storage.sqlite import SqliteStore
from tests.harness.waiting import turns
from tests.integration.runtime.workshop import (
    WORKSHOP,
    Store,
    Submissions,
    ask,
    call,
    failure,
    mutate,
    workshop,
)

POISON = "poison"


class RefusingMemoryStore(MemoryStore):
    """A store that has no room for documents with a certain text."""

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        if any(POISON.encode() in (write.document or b"") for write in writes):
            self.rollback()
            raise StorageFullError("No room for poison")
        super().write_rows(writes)


class RefusingSqliteStore(SqliteStore):
    """The same, on a file."""

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        if any(POISON.encode() in (write.document or b"") for write in writes):
            self.rollback()
            raise StorageFullError("No room for poison")
        super().write_rows(writes)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return RefusingMemoryStore()
    return RefusingSqliteStore.open(tmp_path / "data.sqlite3")


# Batches


@pytest.mark.asyncio
async def test_member_that_fails_at_its_rows_leaves_the_others_of_its_batch(store: Store) -> None:
    async with workshop(store) as backend:
        batch = Submissions(backend)
        batch.submit("notes:add", label="a", text="first")
        batch.submit("notes:add", label="a", text=POISON)
        batch.submit("notes:add", label="a", text="third")
        first, second, third = await batch.answers()

        assert first.error is None and third.error is None
        assert second.error is not None and isinstance(second.rejection, StorageFullError)
        assert first.timestamp < third.timestamp
        assert await ask(backend, "notes:labelled", label="a") == ["first", "third"]


@pytest.mark.asyncio
async def test_refused_commit_is_repeated_member_by_member(store: Store) -> None:
    def refuse_once() -> None:
        store.before_commit = None
        raise StorageFullError("No room, for once")

    async with workshop(store) as backend:
        store.before_commit = refuse_once
        batch = Submissions(backend)
        batch.submit("notes:add", label="a", text="1")
        batch.submit("notes:refuse", label="a")
        batch.submit("notes:add", label="a", text="2")
        first, second, third = await batch.answers()

        assert (first.error, third.error) == (None, None)
        assert second.error is not None and second.error.data == b'{"code":"Refused"}'
        assert await ask(backend, "notes:labelled", label="a") == ["1", "2"]


@pytest.mark.asyncio
async def test_nothing_is_answered_while_the_commit_is_held(store: Store) -> None:
    reached, release = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert release.wait(30)

    async with workshop(store) as backend:
        await mutate(backend, "notes:add", label="a", text="before")
        await ask(backend, "notes:labelled", label="a")
        store.before_commit = hold
        batch = Submissions(backend)
        batch.submit("notes:add", session="s", number=1, label="a", text="held")
        batch.submit("notes:count", label="a")
        batch.submit("notes:refuse", label="a")
        batch.submit("notes:add", session="s", number=1, label="a", text="held")
        await asyncio.to_thread(reached.wait, 30)
        await turns(50)
        answered_early = dict(batch.outcomes)
        seen_early = await ask(backend, "notes:labelled", label="a")
        store.before_commit = None
        release.set()
        held, counted, refused, again = await batch.answers()

        assert answered_early == {}
        assert seen_early == ["before"]
        assert counted.value == b"2" and refused.error is not None
        assert (again.value, again.timestamp) == (held.value, held.timestamp)
        assert await ask(backend, "notes:labelled", label="a") == ["before", "held"]


@pytest.mark.asyncio
async def test_answer_without_writes_is_repeated_though_a_second_run_would_differ(
    store: Store,
) -> None:
    async with workshop(store) as backend:
        sent, sent_again = Submissions(backend), Submissions(backend)

        sent.submit("notes:count", session="s", number=1, label="a")
        [first] = await sent.answers()
        await mutate(backend, "notes:add", label="a", text="x")
        sent_again.submit("notes:count", session="s", number=1, label="a")
        [second] = await sent_again.answers()

        assert first.value == second.value is not None
        assert first.timestamp == second.timestamp


@pytest.mark.asyncio
async def test_unknown_outcome_of_a_commit_fences(store: Store) -> None:
    causes: list[BaseException] = []

    def fail() -> None:
        raise StorageError("The disk is gone")

    async with workshop(store) as backend:
        backend.on_fenced(causes.append)
        store.before_commit = fail
        batch = Submissions(backend)
        batch.submit("notes:add", label="a", text="x")
        while not causes:
            await turns(1)

        assert backend.state == "fenced" and batch.outcomes == {}
        with pytest.raises(UnavailableError):
            await backend.run_query(call("notes:labelled", label="a"))


@pytest.mark.asyncio
async def test_suspended_mutation_lets_its_predecessors_be_answered(store: Store) -> None:
    limits = Limits(database=DatabaseLimits(scan_chunk=2))
    async with workshop(store, limits=limits) as backend:
        for number in range(9):
            await mutate(backend, "notes:add", label="a", text=str(number))
        batch = Submissions(backend)
        batch.submit("notes:add", label="b", text="predecessor")
        batch.submit("notes:deleteWhileIterating", label="a")
        batches_before = backend.counters.commit_batches
        predecessor, deleted = await batch.answers()

        assert deleted.value == b"9"
        assert predecessor.timestamp < deleted.timestamp
        assert backend.counters.commit_batches == batches_before + 2


@pytest.mark.asyncio
async def test_conflicts_are_retried_four_times_at_most() -> None:
    async with workshop() as backend:
        module = backend.app.registry.functions["notes:conflict"].handler.__globals__
        module["runs"]["conflicting"] = 0
        runs = await mutate(backend, "notes:conflict", label="a", failures=4)
        module["runs"]["conflicting"] = 0
        with pytest.raises(OverloadedError) as refusal:
            await backend.run_mutation(call("notes:conflict", label="a", failures=5))

        assert runs == 5
        assert refusal.value.code == "OptimisticConcurrencyControlFailure"
        assert await ask(backend, "notes:labelled", label="a") == ["5"]


# Functions


@pytest.mark.asyncio
async def test_operation_that_was_never_awaited_is_named_and_nothing_is_written() -> None:
    async with workshop() as backend:
        text = await failure(backend, "notes:forgetAwait", label="a")

        assert "never awaited" in text and "functions/notes.py:" in text
        assert await ask(backend, "notes:labelled", label="a") == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "args"), [("notes:awaitATimer", {}), ("notes:gatherByAsyncio", {"label": "a"})]
)
async def test_foreign_await_is_refused_and_the_server_goes_on(
    path: str, args: dict[str, Any]
) -> None:
    async with workshop() as backend:
        text = await failure(backend, path, **args)

        assert "may await only `ctx` operations" in text
        assert await ask(backend, "notes:labelled", label="a") == []


@pytest.mark.asyncio
async def test_gather_runs_operations_in_order() -> None:
    async with workshop() as backend:
        await mutate(backend, "notes:gatherByRealtime", label="a")

        assert await ask(backend, "notes:labelled", label="a") == ["1", "2"]


@pytest.mark.asyncio
async def test_time_is_frozen_and_randomness_is_not_constant() -> None:
    async with workshop() as backend:
        first, second, one, other = await ask(backend, "notes:frozen")

        assert first == second and first == int(first)
        assert one != other


@pytest.mark.asyncio
async def test_log_lines_reach_the_caller_of_a_failed_function() -> None:
    async with workshop() as backend:
        result = await backend.run_query(call("notes:logs"))

        assert result.log_lines == ("[LOG] 'hello' 1.0 {a: [true]}", "[WARN] 'careful'")
        assert result.error is not None
        assert "Uncaught ValueError: after the logs\n    at logs (../functions/notes.py:" in (
            result.error.message
        )


@pytest.mark.asyncio
async def test_redacted_errors_keep_data_and_request_id_alone() -> None:
    async with workshop(redact_errors=True) as backend:
        outcome = await backend.run_mutation(
            FunctionCall("notes:refuse", b'{"label":"a"}', request_id="0123456789abcdef")
        )

        assert outcome.error is not None
        assert outcome.error.message == "[Request ID: 0123456789abcdef] Server Error"
        assert outcome.error.data == b'{"code":"Refused"}'


@pytest.mark.asyncio
async def test_endless_recursion_of_calls_ends() -> None:
    async with workshop() as backend:
        assert "call depth limit exceeded" in await failure(backend, "notes:deep", depth=0)


@pytest.mark.asyncio
async def test_internal_function_is_found_by_admins_alone() -> None:
    async with workshop() as backend:
        text = await failure(backend, "notes:hidden")

        assert "Could not find" in text and "'notes:hidden'" in text
        assert await mutate(backend, "notes:hidden", admin=True) == "found"


@pytest.mark.asyncio
async def test_misspelt_names_are_answered_with_the_nearest() -> None:
    async with workshop() as backend:
        note = await mutate(backend, "notes:add", label="a", text="x")

        assert "`by_label`" in await failure(backend, "notes:misspeltIndex")
        assert "`text`" in await failure(backend, "notes:misspeltField", noteId=note)


# Results


@pytest.mark.asyncio
async def test_same_query_runs_once_until_what_it_read_changes() -> None:
    async with workshop() as backend:
        await mutate(backend, "notes:add", label="a", text="x")
        for _ in range(3):
            await ask(backend, "notes:labelled", label="a")
        await mutate(backend, "notes:add", label="b", text="y")
        await ask(backend, "notes:labelled", label="a")
        runs_before = backend.counters.function_runs["notes:labelled", "query"]
        await mutate(backend, "notes:add", label="a", text="z")
        await ask(backend, "notes:labelled", label="a")

        assert runs_before == 1
        assert backend.counters.function_runs["notes:labelled", "query"] == 2


@pytest.mark.asyncio
async def test_stop_rejects_what_was_not_started_and_finishes_what_ran(store: Store) -> None:
    async with workshop(store) as backend:
        batch = Submissions(backend)
        batch.submit("notes:add", label="a", text="x")
        await backend.stop()
        (outcome,) = await batch.answers()

        assert outcome.error is None or isinstance(outcome.rejection, UnavailableError)
        with pytest.raises(UnavailableError):
            await backend.run_mutation(call("notes:add", label="a", text="y"))


def test_two_apps_live_in_one_process() -> None:
    first, second = load_app(WORKSHOP), load_app(WORKSHOP)

    assert set(first.registry.functions) == set(second.registry.functions)
    assert (
        first.registry.functions["notes:add"].handler
        is not second.registry.functions["notes:add"].handler
    )
