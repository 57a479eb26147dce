"""Who comes next: updates and single queries by turns, askers round-robin, scans step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from realtime import MutationCtx, QueryCtx, mutation, query
from realtime.database.database import DatabaseLimits
from realtime.errors import OverloadedError
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.registry import LoadedApp
from realtime.runtime.session_queue import MAX_WAITING_PER_SESSION
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, call

SMALL_CHUNKS = Limits(database=DatabaseLimits(scan_chunk=2))


class Recorder:
    """An app whose queries note when they begin and end."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.clock = VirtualClock()

    def app(self) -> LoadedApp:
        @query
        async def quick(ctx: QueryCtx, name: str) -> None:
            self.events.append(name)

        @query
        async def slow(ctx: QueryCtx, name: str) -> None:
            self.events.append(name)
            self.clock.advance(0.1)

        @query
        async def scan(ctx: QueryCtx, name: str) -> int:
            self.events.append(f"{name} begins")
            found = await ctx.db.query(Note).full_table_scan().collect()
            self.events.append(f"{name} ends")
            return len(found)

        @mutation
        async def add(ctx: MutationCtx, count: int) -> None:
            for _ in range(count):
                await ctx.db.insert(Note, label="a", text="x")

        return app_of(quick, slow, scan, add)


def ask(
    backend: Backend, path: str, names: Sequence[str], caller: str | None = None
) -> list[asyncio.Future[Any]]:
    calls = (replace(call(path, {"name": name}), caller=caller) for name in names)
    return [asyncio.ensure_future(backend.run_query(one)) for one in calls]


@pytest.mark.asyncio
async def test_queries_are_taken_round_robin_from_their_callers() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app()) as backend:
        many = ask(backend, "quick", ["a1", "a2", "a3"], caller="a")
        few = ask(backend, "quick", ["b1"], caller="b")
        await asyncio.gather(*many, *few)

    assert recorder.events == ["a1", "b1", "a2", "a3"]


@pytest.mark.asyncio
async def test_query_without_a_caller_is_one_of_its_own() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app()) as backend:
        many = ask(backend, "quick", ["a1", "a2"], caller="a")
        others = ask(backend, "quick", ["x", "y"])
        await asyncio.gather(*many, *others)

    assert recorder.events == ["a1", "x", "y", "a2"]


@pytest.mark.asyncio
async def test_updates_and_single_queries_are_taken_by_turns() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app()) as backend:
        single = ask(backend, "quick", ["q1", "q2", "q3"])
        await turns(0)
        for name in ("u1", "u2"):
            Watcher(backend).subscribe(1, "quick", {"name": name})
        await asyncio.gather(*single)

    assert recorder.events == ["u1", "q1", "u2", "q2", "q3"]


@pytest.mark.asyncio
async def test_client_that_is_updated_again_waits_for_the_others() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app()) as backend:
        first, second, third = (Watcher(backend) for _ in range(3))
        for client, name in ((first, "1"), (second, "2")):
            client.subscribe(1, "quick", {"name": name})
        first.subscribe(2, "quick", {"name": "1 too"})
        third.subscribe(1, "quick", {"name": "3"})
        while not third.updates:
            await turns(1)

    assert recorder.events == ["1", "1 too", "2", "3"]
    assert [len(client.updates) for client in (first, second, third)] == [1, 1, 1]


@pytest.mark.asyncio
async def test_caller_with_a_thousand_waiting_queries_is_refused_and_nobody_else() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app()) as backend:
        names = [str(number) for number in range(MAX_WAITING_PER_SESSION + 1)]
        many = ask(backend, "quick", names, caller="a")
        other = ask(backend, "quick", ["b"], caller="b")
        answers = await asyncio.gather(*many, *other, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert answers.index(refused[0]) == MAX_WAITING_PER_SESSION and len(refused) == 1
    assert isinstance(refused[0], OverloadedError) and refused[0].code == "ExpiredInQueue"


@pytest.mark.asyncio
async def test_quick_query_does_not_wait_for_the_end_of_a_scan() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), limits=SMALL_CHUNKS) as backend:
        await backend.run_mutation(call("add", {"count": 20}))
        scan = ask(backend, "scan", ["scan"])
        await turns(2)
        quick = ask(backend, "quick", ["quick"])
        await asyncio.gather(*scan, *quick)

    assert recorder.events == ["scan begins", "quick", "scan ends"]


@pytest.mark.asyncio
async def test_scan_goes_on_while_quick_queries_keep_coming() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), limits=SMALL_CHUNKS) as backend:
        await backend.run_mutation(call("add", {"count": 20}))
        (scan,) = ask(backend, "scan", ["scan"])
        count = 0
        while not scan.done():
            count += 1
            await asyncio.gather(*ask(backend, "quick", [f"quick {count}"]))

    assert 1 < count < 11


@pytest.mark.asyncio
async def test_update_goes_on_while_slow_queries_wait_and_they_begin_while_it_does() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), clock=recorder.clock) as backend:
        client = Watcher(backend)
        for number in range(3):
            client.subscribe(number, "slow", {"name": f"u{number}"})
        await asyncio.gather(*ask(backend, "slow", ["q0", "q1", "q2"]))

    assert recorder.events == ["u0", "u1", "q0", "u2", "q1", "q2"]


@pytest.mark.asyncio
async def test_lane_is_drained_when_the_last_job_has_ended() -> None:
    recorder = Recorder()
    async with running_backend(recorder.app(), limits=SMALL_CHUNKS) as backend:
        await backend.run_mutation(call("add", {"count": 20}))
        (scan,) = ask(backend, "scan", ["scan"])
        await turns(2)
        await backend.stop()

        assert (await scan).value == b"20"
