"""Slow queries rest, whoever asks; an update is one snapshot, also when it has to start again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from realtime import MutationCtx, QueryCtx, mutation, query
from realtime.database.database import DatabaseLimits
from realtime.database.generations import HoldLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import QueryResult
from realtime.runtime.query_cache import REST_FACTOR, SLOW_RUN_SECONDS
from realtime.runtime.registry import LoadedApp
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turned_until, turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, call, value_of

RUN_SECONDS = 0.1
REST_SECONDS = REST_FACTOR * RUN_SECONDS


class SlowApp:
    """An app with a query whose runs take some time, and how often each query ran."""

    def __init__(self, run_seconds: float = RUN_SECONDS) -> None:
        self.clock = VirtualClock()
        self.runs: Counter[str] = Counter()
        self._run_seconds = run_seconds

    def app(self) -> LoadedApp:
        @query
        async def slow(ctx: QueryCtx, label: str) -> int:
            self.runs["slow"] += 1
            self.clock.advance(self._run_seconds)
            return len(await _notes(ctx, label))

        @query
        async def quick(ctx: QueryCtx, label: str) -> int:
            self.runs["quick"] += 1
            return len(await _notes(ctx, label))

        @mutation
        async def add(ctx: MutationCtx, label: str) -> None:
            await ctx.db.insert(Note, label=label, text="x")

        return app_of(slow, quick, add)

    async def rest(self, seconds: float) -> None:
        """Let time pass, and whatever is to happen then happen."""
        self.clock.advance(seconds)
        await turns(30)


async def _notes(ctx: QueryCtx, label: str) -> list[Note]:
    return await ctx.db.query(Note).with_index(Note.by_label, label=label).collect()


def ask(backend: Backend, path: str, label: str = "a") -> asyncio.Future[QueryResult]:
    return asyncio.ensure_future(backend.run_query(call(path, {"label": label})))


# Rests of slow queries


@pytest.mark.asyncio
async def test_slow_query_runs_again_only_after_four_times_its_run() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        await ask(backend, "slow")
        await value_of(backend, "add", {"label": "a"})
        again = ask(backend, "slow")
        await app.rest(REST_SECONDS - 0.001)
        runs_in_rest = app.runs["slow"]
        await app.rest(0.002)

        assert (runs_in_rest, app.runs["slow"]) == (1, 2)
        assert (await again).value == b"1"


@pytest.mark.asyncio
async def test_result_that_is_still_right_is_given_while_its_query_rests() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        await ask(backend, "slow")
        await value_of(backend, "add", {"label": "b"})

        assert (await ask(backend, "slow")).value == b"0"
        assert app.runs["slow"] == 1


@pytest.mark.asyncio
async def test_query_rests_for_its_own_arguments_alone() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        await ask(backend, "slow", "a")
        await value_of(backend, "add", {"label": "a"})

        assert (await ask(backend, "slow", "b")).value == b"0"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("run_seconds", "runs"), [(SLOW_RUN_SECONDS - 0.001, 2), (SLOW_RUN_SECONDS + 0.001, 1)]
)
async def test_query_rests_from_ten_milliseconds_on(run_seconds: float, runs: int) -> None:
    app = SlowApp(run_seconds)
    async with running_backend(app.app(), clock=app.clock) as backend:
        await ask(backend, "slow")
        await value_of(backend, "add", {"label": "a"})
        again = ask(backend, "slow")
        await turns(30)

        assert app.runs["slow"] == runs
        await app.rest(REST_SECONDS)
        assert (await again).value == b"1"


@pytest.mark.asyncio
async def test_client_whose_result_is_stale_waits_for_the_rest() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        client = Watcher(backend)
        client.subscribe(1, "slow", {"label": "a"})
        await turns(30)
        await value_of(backend, "add", {"label": "a"})
        await app.rest(REST_SECONDS - 0.001)
        results_in_rest = dict(client.results)
        await app.rest(0.002)

        assert (results_in_rest, client.results) == ({1: 0}, {1: 1})


@pytest.mark.asyncio
async def test_client_that_comes_while_a_query_rests_waits_with_its_whole_update() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        await ask(backend, "slow")
        await value_of(backend, "add", {"label": "a"})
        client = Watcher(backend)
        client.subscribe(1, "quick", {"label": "a"})
        client.subscribe(2, "slow", {"label": "a"})
        await app.rest(REST_SECONDS - 0.001)
        updates_in_rest = list(client.updates)
        await app.rest(0.002)

        assert (updates_in_rest, client.results) == ([], {1: 1, 2: 1})
        assert len(client.updates) == 1


@pytest.mark.asyncio
async def test_all_who_wait_for_a_rest_are_served_by_one_run() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        clients = [Watcher(backend) for _ in range(20)]
        for client in clients:
            client.subscribe(1, "slow", {"label": "a"})
        await turns(30)
        await value_of(backend, "add", {"label": "a"})
        single = [ask(backend, "slow") for _ in range(3)]
        await turns(30)
        runs_in_rest = app.runs["slow"]
        app.clock.advance(REST_SECONDS)
        clients[0].submit("add", {"label": "a"})  # may make their result stale at once
        await turned_until(lambda: all(len(client.updates) == 2 for client in clients))

        assert (runs_in_rest, app.runs["slow"]) == (1, 2)
        assert len({client.results[1] for client in clients}) == 1
        assert len({(await answer).value for answer in single}) == 1


@pytest.mark.asyncio
async def test_client_that_went_while_it_waited_is_not_updated() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        client = Watcher(backend)
        client.subscribe(1, "slow", {"label": "a"})
        await turns(30)
        await value_of(backend, "add", {"label": "a"})
        await turns(10)
        backend.disconnect(client)
        await app.rest(REST_SECONDS)

        assert (len(client.updates), app.runs["slow"]) == (1, 1)


@pytest.mark.asyncio
async def test_stop_ends_all_rests_so_that_everybody_is_answered() -> None:
    app = SlowApp()
    async with running_backend(app.app(), clock=app.clock) as backend:
        client = Watcher(backend)
        client.subscribe(1, "slow", {"label": "a"})
        await turns(30)
        await value_of(backend, "add", {"label": "a"})
        single = ask(backend, "slow")
        await turns(10)
        await backend.stop()

        assert (await single).value == b"1"
        assert client.results == {1: 1}


# An update that starts again


@pytest.mark.asyncio
async def test_update_whose_snapshot_was_taken_away_takes_in_what_became_stale() -> None:
    clock = VirtualClock()
    begun: list[str] = []

    @query
    async def count(ctx: QueryCtx, label: str) -> int:
        begun.append(label)
        return len(await _notes(ctx, label))

    @mutation
    async def add(ctx: MutationCtx, label: str, count: int) -> None:
        for _ in range(count):
            await ctx.db.insert(Note, label=label, text="x")

    limits = Limits(database=DatabaseLimits(scan_chunk=2, hold=HoldLimits(seconds=15)))
    app = app_of(count, add)
    async with running_backend(app, clock=clock, limits=limits) as backend:
        await value_of(backend, "add", {"label": "long", "count": 2_000})
        client = Watcher(backend)
        client.subscribe(1, "count", {"label": "short"})
        while not client.updates:
            await turns(1)
        client.subscribe(2, "count", {"label": "long"})
        while "long" not in begun:
            await turns(1)
        updates_before = len(client.updates)
        clock.advance(16)
        await value_of(backend, "add", {"label": "short", "count": 1})
        timestamp = backend.timestamp
        while len(client.updates) < 2:
            await turns(1)

    assert updates_before == 1
    assert client.updates[1][0] == timestamp
    assert {q: result.value for q, result in client.updates[1][1].items()} == {1: b"1", 2: b"2000"}
