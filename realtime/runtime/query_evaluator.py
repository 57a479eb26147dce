"""Evaluating a query at the timestamp of a snapshot: from the cache, or by a run that fills it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from realtime.clock import Clock
from realtime.database.database import Database
from realtime.database.subscriptions import Token
from realtime.database.timestamp import Timestamp
from realtime.errors import LimitError
from realtime.runtime.code_versions import CodeVersions
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.operation import SUSPEND, Steps
from realtime.runtime.outcome import FunctionCall, NestedCall, QueryCall, QueryResult
from realtime.runtime.query_cache import CacheEntry, CacheKey, QueryCache, for_identity
from realtime.runtime.query_lane import SLICE_SECONDS, Holder
from realtime.runtime.resolved_calls import ResolvedCall
from realtime.values.json_encoding import encode_json

MAX_TOGETHER_BYTES = 64 * 1024 * 1024
"""Of the results of queries that are asked for together."""


class QueryEvaluator:
    """Evaluates queries; each method is the steps of a job and reads under its `holder`."""

    def __init__(
        self, database: Database, cache: QueryCache, code: CodeVersions, clock: Clock
    ) -> None:
        self._database = database
        self._cache = cache
        self._code = code
        self._clock = clock
        self._flights: set[tuple[CacheKey, int]] = set()
        """The runs under way, by what they will fill and at which timestamp."""

    def cached(self, query: QueryCall, timestamp: Timestamp) -> CacheEntry | None:
        """Return the entry of the cache that is right at `timestamp`, if there is one."""
        key = self._code.at(timestamp).calls.resolve(query.call).cache_key(query.journal)
        if key is None:
            return None
        identity = query.call.identity.visible_to_functions
        return self._cache.find(key, identity, timestamp, self._clock.monotonic_seconds())

    def rest_until(self, queries: Iterable[QueryCall], timestamp: Timestamp) -> float:
        """Return the end of the last rest of those that would run (monotonic seconds).

        It is 0 if none rests, or the cache has the results of all that do.
        """
        calls = self._code.at(timestamp).calls
        now = self._clock.monotonic_seconds()
        latest = 0.0
        for query in queries:
            key = calls.resolve(query.call).cache_key(query.journal)
            if key is None:
                continue
            identity = query.call.identity.visible_to_functions
            until_seconds = self._cache.rest_until(key, identity)
            if until_seconds > max(now, latest):
                if self._cache.find(key, identity, timestamp, now) is None:
                    latest = until_seconds
        return latest

    def evaluate_call(self, call: FunctionCall, holder: Holder) -> Steps[QueryResult]:
        """Return the result of a query that is asked for once."""
        _, result = yield from self.evaluate(QueryCall(call), holder)
        return result

    def evaluate_together(
        self, calls: Sequence[FunctionCall], holder: Holder
    ) -> Steps[list[QueryResult]]:
        """Return the results of several queries; LimitError if they are too large together."""
        results: list[QueryResult] = []
        size_bytes = 0
        slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
        for call in calls:
            if self._clock.monotonic_seconds() >= slice_end:
                if holder.may_suspend():
                    yield SUSPEND
                slice_end = self._clock.monotonic_seconds() + SLICE_SECONDS
            result = yield from self.evaluate_call(call, holder)
            results.append(result)
            size_bytes += len(result.modification)
            if size_bytes > MAX_TOGETHER_BYTES:
                raise LimitError(
                    f"Expected results of at most {MAX_TOGETHER_BYTES} bytes in all, got more "
                    f"after {len(results)} of {len(calls)} queries. Ask for fewer at a time"
                )
        return results

    def evaluate_nested(self, call: NestedCall, holder: Holder) -> Steps[RunReport]:
        """Return what a query gives another function; a failure with its exception."""
        runner = self._code.at(holder.generation.timestamp).runner
        function, args = runner.resolve(call, "query")
        key = (function.path, encode_json(args), None, None)
        identity = call.identity.visible_to_functions
        started = self._clock.monotonic_seconds()
        entry = self._cache.find(key, identity, holder.generation.timestamp, started)
        if entry is not None and entry.result.error is None:
            return RunReport(entry.result.value, None, entry.result.log_lines, None)
        report = yield from runner.run(
            call,
            function,
            args,
            lambda: self._database.begin_query(holder.generation),
            holder.may_suspend,
        )
        if report.error is None:
            self._keep(report, call, key, holder, started)
        return report

    def evaluate_past(
        self, call: FunctionCall, timestamp: int, holder: Holder
    ) -> Steps[QueryResult]:
        """Run a query in the past; what the caches hold is the present."""
        code = self._code.at(holder.generation.timestamp)
        resolved = code.calls.resolve(call)
        if resolved.function is None:
            assert resolved.failure is not None
            return resolved.failure
        report = yield from code.runner.run(
            call,
            resolved.function,
            resolved.args,
            lambda: self._database.begin_past_query(holder.generation, timestamp),
            holder.may_suspend,
        )
        return QueryResult(report.value, report.error, report.log_lines)

    def evaluate(
        self, query: QueryCall, holder: Holder
    ) -> Steps[tuple[CacheEntry | None, QueryResult]]:
        """Return the result at the holder's timestamp; the entry is None if it can't change."""
        code = self._code.at(holder.generation.timestamp)
        resolved = code.calls.resolve(query.call)
        key = resolved.cache_key(query.journal)
        if resolved.function is None or key is None:
            assert resolved.failure is not None
            if query.journal is None:
                return None, resolved.failure
            # Its pages must not have moved when the function can be called again.
            return None, replace(resolved.failure, journal=query.journal)
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
            entry = yield from self._run(code.runner, query.call, resolved, key, holder)
        finally:
            self._flights.discard(flight)
        return entry, entry.result

    def _run(
        self,
        runner: FunctionRunner,
        call: FunctionCall,
        resolved: ResolvedCall,
        key: CacheKey,
        holder: Holder,
    ) -> Steps[CacheEntry]:
        assert resolved.function is not None
        started = self._clock.monotonic_seconds()
        report = yield from runner.run(
            call,
            resolved.function,
            resolved.args,
            lambda: self._database.begin_query(holder.generation),
            holder.may_suspend,
            journal=key[2],
        )
        return self._keep(report, call, key, holder, started)

    def _keep(
        self, report: RunReport, call: FunctionCall, key: CacheKey, holder: Holder, started: float
    ) -> CacheEntry:
        """Put a result into the cache."""
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
