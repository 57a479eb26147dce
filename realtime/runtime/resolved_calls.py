"""Calls of queries after their text has been read; those that come again and again are kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from realtime.errors import RealtimeError
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.outcome import FunctionCall, QueryResult
from realtime.runtime.query_cache import CacheKey
from realtime.runtime.registry import AppFunction
from realtime.values.json_encoding import encode_json
from realtime.values.value import Value

_MAX_KEPT = 20_000
_MAX_KEPT_BYTES = 1_000
"""Longer arguments are read anew each time: what is kept must stay small."""


@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """What to run, or why it can't be run."""

    function: AppFunction | None
    args: dict[str, Value]
    encoded_args: bytes
    failure: QueryResult | None

    def cache_key(self, journal: str | None) -> CacheKey | None:
        """Return the key of the result for everybody; None if there is nothing to run."""
        if self.function is None:
            return None
        return self.function.path, self.encoded_args, journal, None


class ResolvedCalls:
    """Reads calls, and remembers the short ones."""

    def __init__(self, runner: FunctionRunner) -> None:
        self._runner = runner
        self._kept: OrderedDict[tuple[str, bytes, bool], ResolvedCall] = OrderedDict()

    def resolve(self, call: FunctionCall) -> ResolvedCall:
        """Return what a call asks for."""
        if call.component_path is not None:
            return self._read(call)
        slot = (call.path, call.args, call.reaches_internal)
        resolved = self._kept.get(slot)
        if resolved is None:
            resolved = self._read(call)
            if len(call.args) <= _MAX_KEPT_BYTES:
                self._kept[slot] = resolved
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return resolved

    def _read(self, call: FunctionCall) -> ResolvedCall:
        try:
            function, args = self._runner.resolve(call, "query")
            return ResolvedCall(function, args, encode_json(args), None)
        except RealtimeError as error:
            failure = QueryResult(None, self._runner.failure(call, error))
            return ResolvedCall(None, {}, b"", failure)
