"""Batches: who is in one, in which order, when it ends, and what its members are told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from realtime import ApplicationError, MutationCtx, OverloadedError, mutation
from realtime.errors import StorageFullError
from realtime.runtime.backend import Backend
from realtime.runtime.batch_run import BATCH_ROWS, BATCH_SECONDS
from realtime.runtime.outcome import MutationOutcome
from realtime.runtime.registry import LoadedApp
from realtime.storage.memory import MemoryStore
from realtime.storage.records import RowWrite
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, call


class Recorder:
    """An app of mutations that note when they run, and may take some time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.events: list[str] = []
        self.while_running: Callable[[], None] = lambda: None

    def app(self) -> LoadedApp:
        @mutation
        async def add(ctx: MutationCtx, name: str, rows: int = 1, size: int = 1) -> float:
            self.events.append(name)
            self.while_running()
            for _ in range(rows):
                await ctx.db.insert(Note, label="a", text="x" * size)
            return float(len(await ctx.db.query(Note).collect()))

        @mutation
        async def slow(ctx: MutationCtx, name: str, seconds: float) -> None:
            self.events.append(name)
            self.clock.advance(seconds)
            await ctx.db.insert(Note, label="a", text="x")

        @mutation
        async def look(ctx: MutationCtx, name: str) -> float:
            self.events.append(name)
            return float(len(await ctx.db.query(Note).collect()))

        @mutation
        async def refuse(ctx: MutationCtx, name: str) -> None:
            self.events.append(name)
            await ctx.db.insert(Note, label="a", text="never")
            raise ApplicationError({"code": "Refused"})

        @mutation
        async def busy(ctx: MutationCtx, name: str) -> None:
            self.events.append(name)
            await ctx.db.insert(Note, label="a", text="never")
            raise OverloadedError("Come back later", code="Mine")

        return app_of(add, slow, look, refuse, busy)


async def batches_of(
    backend: Backend, *mutations: tuple[str, dict[str, Any]]
) -> tuple[list[MutationOutcome], int]:
    """Run mutations of one client that arrive together; return outcomes and how many batches."""
    before = backend.counters.commit_batches
    client = Watcher(backend)
    outcomes = await asyncio.gather(*(client.submit(path, args) for path, args in mutations))
    return list(outcomes), backend.counters.commit_batches - before


def value_in(outcome: MutationOutcome) -> Any:
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


# Who is in a batch


@pytest.mark.asyncio
async def test_mutations_that_wait_together_are_one_batch_each_seeing_those_before() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        outcomes, batches = await batches_of(
            backend, *(("add", {"name": str(number)}) for number in range(5))
        )

    assert [value_in(outcome) for outcome in outcomes] == [1, 2, 3, 4, 5]
    timestamps = [outcome.timestamp for outcome in outcomes]
    assert timestamps == sorted(set(timestamps)), "each has a time of its own"
    assert batches == 1


@pytest.mark.asyncio
async def test_clients_take_turns_each_in_its_own_order() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        first, second = Watcher(backend), Watcher(backend)
        answers = [first.submit("look", {"name": name}) for name in ("a1", "a2", "a3")]
        answers += [second.submit("look", {"name": name}) for name in ("b1", "b2")]
        await asyncio.gather(*answers)

    assert recorder.events == ["a1", "b1", "a2", "b2", "a3"]


@pytest.mark.asyncio
async def test_http_callers_take_turns_by_their_addresses() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        calls = [
            replace(call("look", {"name": name}), caller=name[0])
            for name in ("a1", "a2", "a3", "b1")
        ]
        await asyncio.gather(*(backend.run_mutation(each) for each in calls))

    assert recorder.events == ["a1", "b1", "a2", "a3"]


@pytest.mark.asyncio
async def test_mutation_that_arrives_while_a_batch_runs_is_in_it() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        other = Watcher(backend)
        late: list[asyncio.Future[MutationOutcome]] = []

        def arrive() -> None:
            recorder.while_running = lambda: None
            late.append(other.submit("add", {"name": "late"}))

        recorder.while_running = arrive
        _, batches = await batches_of(backend, ("add", {"name": "first"}))
        await late[0]

        assert (recorder.events, batches) == (["first", "late"], 1)


# When it ends


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mutations", "batches"),
    [
        ([("add", {"name": "a", "rows": BATCH_ROWS // 2 - 1})] * 2, 1),
        ([("add", {"name": "a", "rows": BATCH_ROWS // 2})] * 3, 2),
        ([("add", {"name": "a", "rows": 3, "size": 700_000})] * 2, 2),
        ([("add", {"name": "a", "rows": 1, "size": 700_000})] * 2, 1),
        ([("slow", {"name": "a", "seconds": BATCH_SECONDS / 2 - 0.001})] * 3, 1),
        ([("slow", {"name": "a", "seconds": BATCH_SECONDS + 0.001})] * 3, 3),
    ],
    ids=["few rows", "many rows", "many bytes", "few bytes", "little time", "much time"],
)
async def test_batch_ends_when_it_is_large_or_has_taken_long(
    mutations: list[tuple[str, dict[str, Any]]], batches: int
) -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        _, made = await batches_of(backend, *mutations)

    assert made == batches


@pytest.mark.asyncio
async def test_large_write_set_is_written_whole_or_not_at_all() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        outcomes, batches = await batches_of(
            backend, ("add", {"name": "large", "rows": 3 * BATCH_ROWS + 1})
        )
        seen, _ = await batches_of(backend, ("look", {"name": "look"}))

    assert (value_in(outcomes[0]), value_in(seen[0])) == (1_501, 1_501)
    assert batches == 1


# What its members are told


@pytest.mark.asyncio
async def test_mutation_that_only_looks_needs_no_commit_and_has_the_time_of_what_it_saw() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        (written,), _ = await batches_of(backend, ("add", {"name": "a"}))
        (looked,), batches = await batches_of(backend, ("look", {"name": "b"}))

    assert (value_in(looked), looked.timestamp, batches) == (1, written.timestamp, 0)


@pytest.mark.asyncio
async def test_look_behind_a_write_of_its_batch_has_the_time_of_that_write() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        outcomes, _ = await batches_of(
            backend, ("look", {"name": "a"}), ("add", {"name": "b"}), ("look", {"name": "c"})
        )

    before, written, after = outcomes
    assert [value_in(outcome) for outcome in outcomes] == [0, 1, 1]
    assert before.timestamp < written.timestamp == after.timestamp


@pytest.mark.asyncio
@pytest.mark.parametrize("failing", ["refuse", "busy"])
async def test_failed_member_leaves_no_rows_and_its_batch_goes_on(failing: str) -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        outcomes, batches = await batches_of(
            backend, ("add", {"name": "a"}), (failing, {"name": "b"}), ("add", {"name": "c"})
        )

    assert [value_in(outcome) for outcome in (outcomes[0], outcomes[2])] == [1, 2]
    assert outcomes[1].error is not None
    assert batches == 1


class RefusingStore(MemoryStore):
    """A store that refuses long texts and leaves its transaction open."""

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        if any(b"xxxx" in (write.document or b"") for write in writes):
            raise StorageFullError("No room")
        super().write_rows(writes)


@pytest.mark.asyncio
async def test_batch_whose_transaction_is_left_open_by_a_refusal_is_rolled_back_first() -> None:
    recorder, store = Recorder(), RefusingStore()
    async with running_backend(recorder.app(), clock=recorder.clock, persistence=store) as backend:
        outcomes, _ = await batches_of(
            backend,
            ("add", {"name": "a"}),
            ("add", {"name": "b", "size": 4}),
            ("add", {"name": "c"}),
        )

    assert [value_in(outcome) for outcome in (outcomes[0], outcomes[2])] == [1, 2]
    assert isinstance(outcomes[1].rejection, StorageFullError)
    assert recorder.events == ["a", "b", "a", "b", "c"]


@pytest.mark.asyncio
async def test_overload_of_a_handler_is_a_rejection_with_its_code() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        (refused, rejected), _ = await batches_of(
            backend, ("refuse", {"name": "a"}), ("busy", {"name": "b"})
        )

    assert refused.rejection is None
    assert isinstance(rejected.rejection, OverloadedError) and rejected.rejection.code == "Mine"


@pytest.mark.asyncio
async def test_call_of_no_function_is_answered_in_its_place() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        outcomes, _ = await batches_of(backend, ("add", {"name": "a"}), ("absent", {}))

    assert outcomes[1].error is not None and "Could not find" in outcomes[1].error.message
    assert outcomes[1].timestamp == outcomes[0].timestamp


@pytest.mark.asyncio
async def test_receiver_that_fails_keeps_nobody_from_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()

    def fail(_: MutationOutcome) -> None:
        raise ValueError("the receiver is broken")

    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        client = Watcher(backend)
        with caplog.at_level(logging.ERROR):
            backend.submit_mutation(call("add", {"name": "a"}), client, None, 0, fail)
            outcome = await client.submit("add", {"name": "b"})

    assert value_in(outcome) == 2
    assert "The answer of `t:add` could not be delivered" in caplog.text


# Clients that go


@pytest.mark.asyncio
async def test_client_that_goes_takes_back_what_has_not_started() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        gone, other = Watcher(backend), Watcher(backend)
        recorder.while_running = lambda: backend.disconnect(gone)
        answers = [gone.submit("add", {"name": name}) for name in ("1", "2", "3")]
        await other.submit("add", {"name": "other"})
        await turns(10)

    assert recorder.events == ["1", "other"]
    assert [answer.done() for answer in answers] == [True, False, False]
