"""Evaluating queries, through the cache, for live clients and for single calls.

An update of a client evaluates all its queries that are new or stale at one timestamp, that of
the generation on which it starts: results in the cache that cover it are used, the others run,
one after another. What becomes stale meanwhile belongs to the next update, so updates end however
fast writes come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from realtime.clock import Clock
from realtime.database.database import Database
from realtime.database.subscriptions import Token
from realtime.errors import LimitError, OverloadedError, RealtimeError, UnavailableError
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.operation import SUSPEND, Steps
from realtime.runtime.outcome import FunctionCall, LiveClient, QueryCall, QueryResult
from realtime.runtime.query_cache import CacheEntry, CacheKey, QueryCache, for_identity
from realtime.runtime.query_lane import SLICE_SECONDS, Holder, Job, QueryLane, SnapshotExpired
from realtime.runtime.registry import AppFunction
from realtime.values.json_encoding import encode_json
from realtime.values.value import Value

_log = logging.getLogger("realtime.runtime")

MAX_TOGETHER_BYTES = 64 * 1024 * 1024
_MAX_RESOLVED = 20_000
_MAX_RESOLVED_BYTES = 1_000
"""Longer arguments are read anew each time: what is kept must stay small."""


ResultT = TypeVar("ResultT")

_Found = dict[int, tuple[CacheEntry | None, QueryResult]]
"""Results by query id; the entry is None if the result can't change."""


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A call after its text has been read: what to run, or why it can't be run."""

    function: AppFunction | None
    args: dict[str, Value]
    encoded_args: bytes
    failure: QueryResult | None


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
        self._runner = runner
        self._cache = cache
        self._lane = lane
        self._clock = clock
        self._loop = loop
        self._queued: set[LiveClient] = set()
        self._again: set[LiveClient] = set()
        """Clients that want another update after the one in progress."""
        self._updating: dict[LiveClient, set[int]] = {}
        """Clients with an update in progress, and the queries that they have removed meanwhile."""
        self._watched: dict[LiveClient, dict[int, CacheEntry | None]] = {}
        self._resolved: OrderedDict[tuple[str, bytes, bool], _Resolved] = OrderedDict()
        self._flights: set[tuple[CacheKey, int]] = set()

    @property
    def subscription_count(self) -> int:
        """Return how many queries live clients are subscribed to."""
        return sum(len(queries) for queries in self._watched.values())

    def request_update(self, client: LiveClient) -> None:
        """Queue one update of a client; while one is in progress, the next begins after it."""
        if client in self._updating:
            self._again.add(client)
            return
        if client in self._queued:
            return
        self._queued.add(client)
        wait_seconds = self._rest_until(client) - self._clock.monotonic_seconds()
        if wait_seconds > 0:
            self._loop.call_later(wait_seconds, self._submit_update, client)
        else:
            self._submit_update(client)

    def unsubscribe(self, client: LiveClient, query_id: int) -> None:
        """Forget one query of a client."""
        if client in self._updating:
            self._updating[client].add(query_id)
        entry = self._watched.get(client, {}).pop(query_id, None)
        if entry is not None:
            self._cache.unwatch(entry, client, query_id)

    def disconnect(self, client: LiveClient) -> None:
        """Forget a client."""
        self._queued.discard(client)
        self._again.discard(client)
        self._updating.pop(client, None)
        for query_id, entry in self._watched.pop(client, {}).items():
            if entry is not None:
                self._cache.unwatch(entry, client, query_id)

    def fail_all(self, error: RealtimeError) -> None:
        """Tell all clients that have had an update, or wait for one, that they can't go on."""
        for client in {**dict.fromkeys(self._watched), **dict.fromkeys(self._queued)}:
            _fail_client(client, error)

    def announce_stale(self) -> None:
        """Tell the clients whose results the last commit has made stale."""
        for entry in self._cache.take_stale():
            for client, query_id in list(entry.watchers):
                _tell(client, query_id)

    async def run_once(self, call: FunctionCall) -> QueryResult:
        """Return the result of a query at the newest timestamp."""
        return await self._run_single(lambda holder: self._evaluate_call(call, holder))

    async def run_together(self, calls: Sequence[FunctionCall]) -> list[QueryResult]:
        """Return the results of several queries, all at the newest timestamp."""
        return await self._run_single(lambda holder: self._evaluate_calls(calls, holder))

    async def run_at(self, call: FunctionCall, timestamp: int) -> QueryResult:
        """Return the result of a query at an earlier timestamp.

        Raises:
            OutOfRetentionError: that state is gone.
            ValidationError: the timestamp is in the future.
        """
        return await self._run_single(lambda holder: self._run_past(call, timestamp, holder))

    async def _run_single(self, evaluate: Callable[[Holder], Steps[ResultT]]) -> ResultT:
        answer: asyncio.Future[ResultT] = self._loop.create_future()

        def start() -> Job:
            holder = Holder(self._database.generations, self._clock)
            return Job(_single(evaluate, holder, answer), holder, _fail(answer))

        self._lane.submit("query", start)
        return await answer

    # Jobs

    def _submit_update(self, client: LiveClient) -> None:
        if client in self._queued:
            self._lane.submit("update", lambda: self._start_update(client))

    def _start_update(self, client: LiveClient) -> Job:
        holder = Holder(self._database.generations, self._clock)
        return Job(self._update(client, holder), holder, lambda error: _fail_client(client, error))

    def _update(self, client: LiveClient, holder: Holder) -> Steps[None]:
        if client not in self._queued:
            return
        self._queued.discard(client)
        queries = client.begin_update()
        if queries is None:
            return
        self._updating[client] = set()
        found: _Found = {}
        try:
            while True:
                try:
                    yield from self._evaluate_all(client, queries, holder, found)
                    break
                except SnapshotExpired:
                    self._let_go(client, found)
                    holder.restart()
            removed = self._updating.pop(client, None)
            if removed is not None:
                self._deliver(client, holder, found, removed)
        except OverloadedError as error:
            _fail_client(client, error)
        finally:
            self._let_go(client, found)
            self._updating.pop(client, None)
        if client in self._again:
            self._again.discard(client)
            self.request_update(client)

    def _deliver(
        self, client: LiveClient, holder: Holder, found: _Found, removed: set[int]
    ) -> None:
        """Hand the results over; keep watching those of the queries that are still wanted."""
        watched = self._watched.setdefault(client, {})
        kept = {
            query_id: entry for query_id, (entry, _) in found.items() if query_id not in removed
        }
        for query_id, entry in kept.items():
            previous = watched.get(query_id)
            watched[query_id] = entry
            if previous is not None and previous is not entry:
                self._cache.unwatch(previous, client, query_id)
        timestamp = holder.generation.timestamp
        client.finish_update(timestamp, {q: result for q, (_, result) in found.items()})
        for query_id, entry in kept.items():
            if entry is not None and entry.invalidated_at is not None:
                client.query_invalidated(query_id)

    def _let_go(self, client: LiveClient, found: _Found) -> None:
        """Stop watching what an update has found and the client does not keep."""
        watched = self._watched.get(client, {})
        for query_id, (entry, _) in found.items():
            if entry is not None and watched.get(query_id) is not entry:
                self._cache.unwatch(entry, client, query_id)
        found.clear()

    def _evaluate_all(
        self,
        client: LiveClient,
        queries: Mapping[int, QueryCall],
        holder: Holder,
        found: _Found,
    ) -> Steps[None]:
        """Fill `found`; each entry is watched at once, so that the cache can't drop it."""
        slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
        for query_id, query in queries.items():
            entry, result = yield from self._evaluate(query, holder)
            if entry is not None:
                self._cache.watch(entry, client, query_id)
            found[query_id] = (entry, result)
            if self._clock.monotonic_seconds() >= slice_end and len(found) < len(queries):
                if holder.may_suspend():
                    yield SUSPEND
                slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS

    def _evaluate_call(self, call: FunctionCall, holder: Holder) -> Steps[QueryResult]:
        _, result = yield from self._evaluate(QueryCall(call), holder)
        return result

    def _evaluate_calls(
        self, calls: Sequence[FunctionCall], holder: Holder
    ) -> Steps[list[QueryResult]]:
        results: list[QueryResult] = []
        size_bytes = 0
        slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
        for call in calls:
            if self._clock.monotonic_seconds() >= slice_end:
                if holder.may_suspend():
                    yield SUSPEND
                slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
            result = yield from self._evaluate_call(call, holder)
            results.append(result)
            size_bytes += len(result.modification)
            if size_bytes > MAX_TOGETHER_BYTES:
                raise LimitError(
                    f"Expected results of at most {MAX_TOGETHER_BYTES} bytes in all, got more "
                    f"after {len(results)} of {len(calls)} queries. Ask for fewer at a time"
                )
        return results

    def _run_past(self, call: FunctionCall, timestamp: int, holder: Holder) -> Steps[QueryResult]:
        """Run a query in the past; what the caches hold is the present."""
        resolved = self._resolve(call)
        if resolved.function is None:
            assert resolved.failure is not None
            return resolved.failure
        report = yield from self._runner.run(
            call,
            resolved.function,
            resolved.args,
            lambda: self._database.begin_past_query(holder.generation, timestamp),
            holder.may_suspend,
        )
        return QueryResult(report.value, report.error, report.log_lines)

    def _evaluate(
        self, query: QueryCall, holder: Holder
    ) -> Steps[tuple[CacheEntry | None, QueryResult]]:
        """Return the result at the holder's timestamp; the entry is None if it can't change."""
        resolved = self._resolve(query.call)
        if resolved.function is None:
            assert resolved.failure is not None
            if query.journal is None:
                return None, resolved.failure
            # Its pages must not have moved when the function can be called again.
            return None, replace(resolved.failure, journal=query.journal)
        key = (resolved.function.path, resolved.encoded_args, query.journal, None)
        identity = query.call.identity.visible_to_functions
        while True:
            now = self._clock.monotonic_seconds()
            entry = self._cache.find(key, identity, holder.generation.timestamp, now)
            if entry is not None:
                return entry, entry.result
            flight = (self._cache.expected_key(key, identity), holder.generation.timestamp)
            if flight not in self._flights or not holder.may_suspend():
                break
            yield SUSPEND
        self._flights.add(flight)
        try:
            entry = yield from self._run(query.call, resolved.function, resolved.args, key, holder)
        finally:
            self._flights.discard(flight)
        return entry, entry.result

    def _run(
        self,
        call: FunctionCall,
        function: AppFunction,
        args: dict[str, Value],
        key: CacheKey,
        holder: Holder,
    ) -> Steps[CacheEntry]:
        started = self._clock.monotonic_seconds()
        report = yield from self._runner.run(
            call,
            function,
            args,
            lambda: self._database.begin_query(holder.generation),
            holder.may_suspend,
            journal=key[2],
        )
        now = self._clock.monotonic_seconds()
        timestamp = holder.generation.timestamp
        token = report.transaction.token() if report.transaction else Token((), timestamp)
        if report.is_identity_dependent:
            key = for_identity(key, call.identity.visible_to_functions)
        return self._cache.insert(
            key,
            QueryResult(report.value, report.error, report.log_lines, report.journal),
            token,
            is_time_dependent=report.is_time_dependent,
            run_seconds=now - started,
            now_seconds=now,
        )

    def _resolve(self, call: FunctionCall) -> _Resolved:
        if call.component_path is not None:
            return self._read_call(call)
        slot = (call.path, call.args, call.identity.is_admin)
        resolved = self._resolved.get(slot)
        if resolved is None:
            resolved = self._read_call(call)
            if len(call.args) <= _MAX_RESOLVED_BYTES:
                self._resolved[slot] = resolved
            if len(self._resolved) > _MAX_RESOLVED:
                self._resolved.popitem(last=False)
        return resolved

    def _read_call(self, call: FunctionCall) -> _Resolved:
        try:
            function, args = self._runner.resolve(call, "query")
            return _Resolved(function, args, encode_json(args), None)
        except RealtimeError as error:
            return _Resolved(None, {}, b"", QueryResult(None, self._runner.failure(call, error)))

    def _rest_until(self, client: LiveClient) -> float:
        entries = self._watched.get(client, {}).values()
        return max(
            (
                self._cache.rest_until(entry.key)
                for entry in entries
                if entry is not None and entry.invalidated_at is not None
            ),
            default=0.0,
        )


def _tell(client: LiveClient, query_id: int) -> None:
    """Tell a client of a stale result; its fault must not keep the others from theirs."""
    try:
        client.query_invalidated(query_id)
    except Exception as error:
        _log.exception("A client could not take an invalidation")
        _fail_client(client, error)


def _single(
    evaluate: Callable[[Holder], Steps[ResultT]], holder: Holder, answer: asyncio.Future[ResultT]
) -> Steps[None]:
    """Evaluate for one caller, anew if the snapshot expires under a suspended run."""
    while True:
        try:
            result = yield from evaluate(holder)
            break
        except SnapshotExpired:
            holder.restart()
        except RealtimeError as error:
            if not answer.done():
                answer.set_exception(error)
            return
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[ResultT]) -> Callable[[Exception], None]:
    def fail(error: Exception) -> None:
        if not answer.done():
            answer.set_exception(error)

    return fail


def _fail_client(client: LiveClient, error: Exception) -> None:
    if not isinstance(error, RealtimeError):
        error = UnavailableError("Your request couldn't be completed. Try again later.")
    try:
        client.fail(error)
    except Exception:
        _log.exception("A client could not be told that it has failed")
