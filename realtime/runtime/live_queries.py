"""Answering queries, of live clients and single ones: who waits for what, and from which snapshot.

An update of a client evaluates all its queries that are new or stale at one timestamp, that of
the generation on which it starts: results in the cache that cover it are used, the others run,
one after another. What becomes stale meanwhile belongs to the next update, so updates end however
fast writes come.

A query whose run was slow rests before it runs again, and whoever needs it waits (see `rests`):
live clients with their whole update, single calls with their answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TypeVar

from realtime.clock import Clock
from realtime.database.database import Database
from realtime.database.generations import SharedGeneration
from realtime.database.timestamp import Timestamp
from realtime.errors import RealtimeError
from realtime.runtime.client_calls import fail_client
from realtime.runtime.code_versions import CodeVersions
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.operation import SUSPEND, Steps
from realtime.runtime.outcome import FunctionCall, LiveClient, NestedCall, QueryCall, QueryResult
from realtime.runtime.query_cache import QueryCache
from realtime.runtime.query_evaluator import QueryEvaluator
from realtime.runtime.query_lane import SLICE_SECONDS, Holder, Job, QueryLane, SnapshotExpired
from realtime.runtime.rests import Rests
from realtime.runtime.session_queue import MAX_WAITING
from realtime.runtime.single_asker import SingleAsker
from realtime.runtime.watched_results import FoundEntries, WatchedResults

_log = logging.getLogger("realtime.runtime")

ResultT = TypeVar("ResultT")

_Results = dict[int, QueryResult]
_Asker = LiveClient | SingleAsker


class LiveQueries:
    """Keeps the queries of all live clients current, and answers single ones."""

    def __init__(
        self,
        database: Database,
        runner: FunctionRunner,
        cache: QueryCache,
        lane: QueryLane,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._database = database
        self._cache = cache
        self._lane = lane
        self._clock = clock
        self._loop = loop
        self._queued: set[LiveClient] = set()
        self._again: set[LiveClient] = set()
        """Clients that want another update after the one in progress."""
        self._updating: dict[LiveClient, set[int]] = {}
        """Clients with an update in progress, and the queries that they have removed meanwhile."""
        self._rests: Rests[_Asker] = Rests(clock, self._go_on)
        self._may_rest = True
        self._watched = WatchedResults(cache)
        self._code = CodeVersions(runner)
        self._evaluator = QueryEvaluator(database, cache, self._code, clock)

    @property
    def subscription_count(self) -> int:
        """Return how many queries live clients are subscribed to."""
        return self._watched.count

    def request_update(self, client: LiveClient) -> None:
        """Queue one update of a client; while one is in progress, the next begins after it."""
        if client in self._updating:
            self._again.add(client)
            return
        if client in self._queued:
            return
        self._queued.add(client)
        self._lane.submit_update(lambda: self._start_update(client))

    def unsubscribe(self, client: LiveClient, query_id: int) -> None:
        """Forget one query of a client."""
        if client in self._updating:
            self._updating[client].add(query_id)
        self._watched.forget_query(client, query_id)

    def disconnect(self, client: LiveClient) -> None:
        """Forget a client."""
        self._queued.discard(client)
        self._again.discard(client)
        self._updating.pop(client, None)
        self._watched.forget_client(client)

    def fail_all(self, error: RealtimeError) -> None:
        """Tell all clients that have had an update, or wait for one, that they can't go on."""
        for client in {**dict.fromkeys(self._watched), **dict.fromkeys(self._queued)}:
            fail_client(client, error)

    def change_code(self, runner: FunctionRunner) -> None:
        """Run other functions from the newest commit on; every result is stale.

        To be followed by `announce_stale`, in the same turn.
        """
        generations = self._database.generations
        self._code.change(runner, self._database.durable, generations.oldest_timestamp())
        self._cache.invalidate_all()
        self._watched.announce_constant()

    def announce_stale(self) -> None:
        """Tell the clients whose results the last commit has made stale."""
        self._watched.announce_stale()

    async def run_once(self, call: FunctionCall) -> QueryResult:
        """Return the result of a query at the newest timestamp."""
        return await self._run_single(
            (call,), lambda holder: self._evaluator.evaluate_call(call, holder)
        )

    async def run_together(self, calls: Sequence[FunctionCall]) -> list[QueryResult]:
        """Return the results of several queries, all at the newest timestamp."""
        return await self._run_single(
            calls, lambda holder: self._evaluator.evaluate_together(calls, holder)
        )

    async def run_at(self, call: FunctionCall, timestamp: int) -> QueryResult:
        """Return the result of a query at an earlier timestamp.

        Raises:
            OutOfRetentionError: that state is gone.
            ValidationError: the timestamp is in the future.
        """
        return await self._run_single(
            (call,), lambda holder: self._evaluator.evaluate_past(call, timestamp, holder)
        )

    async def run_nested(self, call: NestedCall, caller: object) -> RunReport:
        """Return what a query gives another function, at the newest timestamp.

        A failure comes with its exception, which nobody else may get: it neither comes from the
        cache nor goes there. The queries of one `caller` wait in one queue.
        """
        return await self._run_single(
            (call,), lambda holder: self._evaluator.evaluate_nested(call, holder), caller
        )

    async def _run_single(
        self,
        calls: Sequence[FunctionCall],
        evaluate: Callable[[Holder], Steps[ResultT]],
        caller: object | None = None,
    ) -> ResultT:
        answer: asyncio.Future[ResultT] = self._loop.create_future()
        asker = SingleAsker(calls, evaluate, answer)
        if caller is None and calls:
            caller = calls[0].caller
        self._lane.submit_query(caller or asker, lambda: self._start((asker,)))
        return await answer

    def end_rests(self) -> None:
        """Let all queries run that rest, and none rest from now on: the backend stops."""
        self._may_rest = False
        self._rests.end_all()

    # Jobs

    def _go_on(self, askers: Sequence[_Asker]) -> None:
        """Serve those who have waited for one rest, in one job."""
        self._lane.submit_update(lambda: self._start(askers, have_rested=True))

    def _start(self, askers: Sequence[_Asker], *, have_rested: bool = False) -> Job:
        """Begin to serve all from one snapshot."""
        holder = Holder(self._database.generations, self._clock)
        may_rest = not have_rested
        begun = [(asker, self._begin(asker, holder, may_rest=may_rest)) for asker in askers]
        return Job(self._serve(begun, holder), holder)

    def _start_update(self, client: LiveClient) -> Job | None:
        """Bring a client up to date from the cache, or return the job that does.

        When many watch the same, all clients but the first are served from the cache; everything
        else that an update may need would cost more than what is left of it.
        """
        if self._cache.has_rests or client not in self._queued:
            return self._start((client,))
        self._queued.discard(client)
        try:
            queries = client.begin_update()
            if queries is None or self._deliver_cached(client, queries):
                return None
        except Exception as error:
            _log.exception("An update failed")
            fail_client(client, error)
            return None
        self._updating[client] = set()
        holder = Holder(self._database.generations, self._clock)
        steps = self._update(client, queries, holder, holder.generation)
        return Job(self._serve([(client, steps)], holder), holder)

    def _deliver_cached(self, client: LiveClient, queries: Mapping[int, QueryCall]) -> bool:
        """Hand the results of an update over if all are in the cache; else do nothing."""
        timestamp = self._database.generations.current.timestamp
        found: FoundEntries = {}
        results: _Results = {}
        for query_id, query in queries.items():
            entry = self._evaluator.cached(query, timestamp)
            if entry is None:
                return False
            found[query_id], results[query_id] = entry, entry.result
        for query_id, entry in found.items():
            if entry is not None:
                self._cache.watch(entry, client, query_id)
        self._deliver(client, timestamp, found, results, removed=())
        return True

    def _serve(
        self, begun: Sequence[tuple[_Asker, Steps[None] | None]], holder: Holder
    ) -> Steps[None]:
        """Serve those who have begun, one after another."""
        slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
        for asker, steps in begun:
            if steps is None:
                continue
            try:
                yield from steps
            except RealtimeError as error:
                _fail(asker, error)
            except Exception as error:
                _log.exception("A query could not be answered")
                _fail(asker, error)
            if len(begun) > 1 and self._clock.monotonic_seconds() >= slice_end:
                yield from _suspend(holder)
                slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS

    def _begin(self, asker: _Asker, holder: Holder, *, may_rest: bool) -> Steps[None] | None:
        """Return the steps that serve an asker; None if there is nothing to do, or not yet."""
        try:
            if isinstance(asker, SingleAsker):
                return self._begin_single(asker, holder, may_rest=may_rest)
            return self._begin_update(asker, holder, may_rest=may_rest)
        except Exception as error:
            _log.exception("A query could not be begun")
            _fail(asker, error)
            return None

    def _begin_single(
        self, asker: SingleAsker, holder: Holder, *, may_rest: bool
    ) -> Steps[None] | None:
        until_seconds = self._rest_until(map(QueryCall, asker.calls), holder) if may_rest else 0.0
        if not until_seconds:
            return asker.serve(holder)
        if len(self._rests) >= MAX_WAITING:
            asker.fail(self._lane.refusal())
        else:
            self._rests.wait(asker, until_seconds)
        return None

    def _begin_update(
        self, client: LiveClient, holder: Holder, *, may_rest: bool
    ) -> Steps[None] | None:
        if client not in self._queued:
            return None
        if may_rest and self._cache.has_rests:
            until_seconds = self._rest_until(client.stale_queries(), holder)
            if until_seconds:
                self._rests.wait(client, until_seconds)
                return None
        self._queued.discard(client)
        queries = client.begin_update()
        if queries is None:
            return None
        self._updating[client] = set()
        return self._update(client, queries, holder, holder.generation)

    def _rest_until(self, queries: Iterable[QueryCall], holder: Holder) -> float:
        """Return when all of `queries` may be answered (monotonic seconds); 0 for now."""
        if not self._cache.has_rests or not self._may_rest:
            return 0.0
        return self._evaluator.rest_until(queries, holder.generation.timestamp)

    def _update(
        self,
        client: LiveClient,
        queries: Mapping[int, QueryCall],
        holder: Holder,
        generation: SharedGeneration,
    ) -> Steps[None]:
        """Evaluate the queries of an update that has begun on `generation`, and deliver."""
        found: FoundEntries = {}
        try:
            while True:
                results: _Results = {}
                if client not in self._updating:
                    return
                if holder.generation is not generation:
                    generation = holder.generation
                    self._updating[client] = set()
                    queries = client.restart_update()
                try:
                    yield from self._evaluate_all(client, queries, holder, found, results)
                    break
                except SnapshotExpired:
                    self._watched.let_go(client, found)
                    holder.restart()
            removed = self._updating.pop(client, None)
            if removed is not None:
                self._deliver(client, holder.generation.timestamp, found, results, removed)
        finally:
            self._watched.let_go(client, found)
            self._updating.pop(client, None)
        if client in self._again:
            self._again.discard(client)
            self.request_update(client)

    def _deliver(
        self,
        client: LiveClient,
        timestamp: Timestamp,
        found: FoundEntries,
        results: _Results,
        removed: Container[int],
    ) -> None:
        """Hand the results over; keep watching those of the queries that are still wanted."""
        is_older_code = self._code.at(timestamp) is not self._code.current
        stale = self._watched.keep(client, found, removed, is_older_code=is_older_code)
        client.finish_update(timestamp, results)
        for query_id in stale:
            client.query_invalidated(query_id)

    def _evaluate_all(
        self,
        client: LiveClient,
        queries: Mapping[int, QueryCall],
        holder: Holder,
        found: FoundEntries,
        results: _Results,
    ) -> Steps[None]:
        """Fill `found` and `results`; each entry is watched at once: the cache can't drop it."""
        slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
        for query_id, query in queries.items():
            entry, result = yield from self._evaluator.evaluate(query, holder)
            if entry is not None:
                self._cache.watch(entry, client, query_id)
            found[query_id], results[query_id] = entry, result
            if self._clock.monotonic_seconds() >= slice_end and len(found) < len(queries):
                if holder.may_suspend():
                    yield SUSPEND
                slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS


def _suspend(holder: Holder) -> Steps[None]:
    """Let the loop turn, if the snapshot can be kept; if it is taken away, the newest follows."""
    if holder.may_suspend():
        try:
            yield SUSPEND
        except SnapshotExpired:
            holder.restart()


def _fail(asker: _Asker, error: Exception) -> None:
    if isinstance(asker, SingleAsker):
        asker.fail(error)
    else:
        fail_client(asker, error)
