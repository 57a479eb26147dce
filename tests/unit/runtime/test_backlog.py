"""A lane that has overrun begins nothing before the other one has done what was open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from realtime import MutationCtx, QueryCtx, mutation, query
from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Limits
from realtime.runtime.backlog import MAX_STAND_BACK_SECONDS, Backlog
from realtime.runtime.registration import Mutation, Query
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, call, value_of


class Runaways:
    """An app whose functions take a second each, and what happened in which order.

    `while_running` is called by the first function that takes a second; what it asks for arrives
    when the loop turns next, as the messages do that a socket has received meanwhile.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.events: list[str] = []
        self.while_running: Callable[[], None] | None = None

    def _take_a_second(self, name: str) -> None:
        self.events.append(name)
        self.clock.advance(1.0)
        arrive, self.while_running = self.while_running, None
        if arrive is not None:
            asyncio.get_running_loop().call_soon(arrive)

    def functions(self) -> list[Query[..., Any] | Mutation[..., Any]]:
        @query
        async def slow_query(ctx: QueryCtx, number: int) -> None:
            self._take_a_second(f"query {number}")

        @mutation
        async def slow_mutation(ctx: MutationCtx, number: int) -> None:
            self._take_a_second(f"mutation {number}")

        @mutation
        async def add(ctx: MutationCtx, text: str) -> None:
            await ctx.db.insert(Note, label="a", text=text)

        @query
        async def notes(ctx: QueryCtx) -> list[str]:
            return [note.text for note in await ctx.db.query(Note).full_table_scan().collect()]

        return [slow_query, slow_mutation, add, notes]

    def note(self, name: str) -> Callable[[Any], None]:
        """Return what notes that a future is done."""
        return lambda _: self.events.append(name)


@pytest.mark.asyncio
async def test_mutation_that_came_during_a_runaway_query_is_answered_before_the_next_one() -> None:
    app = Runaways()
    async with running_backend(app_of(*app.functions()), clock=app.clock) as backend:
        client = Watcher(backend)
        app.while_running = lambda: client.submit("add", {"text": "x"}).add_done_callback(
            app.note("answered")
        )
        await asyncio.gather(
            *(backend.run_query(call("slowQuery", {"number": number})) for number in range(4))
        )

    assert app.events == ["query 0", "answered", "query 1", "query 2", "query 3"]


@pytest.mark.asyncio
async def test_mutation_is_answered_between_the_runaway_queries_of_one_update() -> None:
    app = Runaways()
    async with running_backend(app_of(*app.functions()), clock=app.clock) as backend:
        client, other = Watcher(backend), Watcher(backend)
        app.while_running = lambda: other.submit("add", {"text": "x"}).add_done_callback(
            app.note("answered")
        )
        for number in range(3):
            client.subscribe(number, "slowQuery", {"number": number})
        while not client.updates:
            await turns(1)

    assert app.events == ["query 0", "answered", "query 1", "query 2"]


@pytest.mark.asyncio
async def test_update_that_came_during_a_runaway_mutation_is_delivered_before_the_next() -> None:
    app = Runaways()
    async with running_backend(app_of(*app.functions()), clock=app.clock) as backend:
        client = Watcher(backend)
        other = Watcher(backend, on_update=lambda: app.events.append("updated"))
        app.while_running = lambda: other.subscribe(1, "notes")
        answers = [client.submit("slowMutation", {"number": number}) for number in range(3)]
        await asyncio.gather(*answers)

    assert app.events == ["mutation 0", "updated", "mutation 1", "mutation 2"]


@pytest.mark.asyncio
async def test_runaways_of_both_lanes_take_turns() -> None:
    app = Runaways()
    async with running_backend(app_of(*app.functions()), clock=app.clock) as backend:
        client = Watcher(backend)
        answers = [client.submit("slowMutation", {"number": number}) for number in range(3)]
        queries = [
            asyncio.ensure_future(backend.run_query(call("slowQuery", {"number": number})))
            for number in range(3)
        ]
        await asyncio.gather(*answers, *queries)

    kinds = [event.split()[0] for event in app.events]
    assert kinds[:6] in (["query", "mutation"] * 3, ["mutation", "query"] * 3)


@pytest.mark.asyncio
async def test_mutations_that_keep_coming_do_not_keep_queries_waiting() -> None:
    app = Runaways()
    async with running_backend(app_of(*app.functions()), clock=app.clock) as backend:
        client = Watcher(backend)
        mutations = 0

        def ask_again(_: Any = None) -> None:
            nonlocal mutations
            if app.events[-1] == "query 0":
                mutations += 1
                client.submit("add", {"text": "x"}).add_done_callback(ask_again)

        app.while_running = ask_again
        await asyncio.gather(
            *(backend.run_query(call("slowQuery", {"number": number})) for number in range(2))
        )

    assert app.events == ["query 0", "query 1"]
    assert mutations >= 1


@pytest.mark.asyncio
async def test_nobody_stands_back_for_a_disk_that_hangs_for_longer_than_a_second() -> None:
    app, store = Runaways(), MemoryStore()
    async with running_backend(
        app_of(*app.functions()), clock=app.clock, persistence=store
    ) as backend:
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            assert release.wait(5)

        store.before_commit = hold
        client = Watcher(backend)
        queries = [
            asyncio.ensure_future(backend.run_query(call("slowQuery", {"number": number})))
            for number in range(2)
        ]
        app.while_running = lambda: client.submit("add", {"text": "x"}).add_done_callback(
            app.note("answered")
        )
        await asyncio.to_thread(held.wait, 5)
        await turns(20)
        before = list(app.events)
        app.clock.advance(MAX_STAND_BACK_SECONDS)
        await asyncio.gather(*queries)
        after = list(app.events)
        release.set()

    assert before == ["query 0"]
    assert after == ["query 0", "query 1"]


@pytest.mark.asyncio
async def test_quick_functions_of_both_lanes_run_side_by_side() -> None:
    app = Runaways()
    async with running_backend(
        app_of(*app.functions()),
        clock=app.clock,
        limits=Limits(database=DatabaseLimits(scan_chunk=2)),
    ) as backend:
        client = Watcher(backend)
        answers = [client.submit("add", {"text": str(number)}) for number in range(20)]
        listed = await value_of(backend, "notes")
        await asyncio.gather(*answers)

    assert listed == []


# One backlog


def new_backlog() -> tuple[Backlog, VirtualClock]:
    clock = VirtualClock()
    return Backlog(asyncio.get_running_loop(), clock), clock


@pytest.mark.asyncio
async def test_lane_without_work_keeps_nobody_waiting() -> None:
    backlog, _ = new_backlog()

    await backlog.caught_up()


@pytest.mark.asyncio
async def test_lane_has_caught_up_when_as_much_is_done_as_was_open() -> None:
    backlog, _ = new_backlog()
    backlog.add()
    backlog.add()
    waiting = asyncio.ensure_future(backlog.caught_up())
    await turns(10)

    backlog.add()
    backlog.serve(1)
    await turns(2)
    was_done_after_one = waiting.done()
    backlog.serve(1)
    await turns(2)

    assert (was_done_after_one, waiting.done()) == (False, True)


@pytest.mark.asyncio
async def test_work_that_arrives_while_sockets_are_read_is_waited_for() -> None:
    backlog, _ = new_backlog()
    waiting = asyncio.ensure_future(backlog.caught_up())
    await turns(1)

    backlog.add()
    await turns(10)
    was_done = waiting.done()
    backlog.serve(1)
    await waiting

    assert not was_done


@pytest.mark.asyncio
async def test_lane_that_is_released_goes_on_whatever_is_open() -> None:
    backlog, _ = new_backlog()
    backlog.add()
    waiting = asyncio.ensure_future(backlog.caught_up())
    await turns(1)

    backlog.release()
    await waiting
