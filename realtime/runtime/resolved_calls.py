"""Calls of queries after their text has been read; those that come again and again are kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from realtime.errors import RealtimeError
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.outcome import FunctionCall, QueryResult
from realtime.runtime.query_cache import CacheKey
from realtime.runtime.registry import AppFunction
from realtime.values.json_encoding import encode_json
from realtime.values.value import Value

CAPACITY_BYTES: Final = 8 * 2**20
"""Room for some ten thousand live queries with arguments of usual length."""
_MAX_CALL_BYTES: Final = 1_000
"""Longer calls are read anew each time: what is kept must stay small."""
_OVERHEAD_BYTES: Final = 500
_COPIES: Final = 3
"""Arguments are kept as they came, as values and as they are written in a key."""


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


_Slot: TypeAlias = tuple[str, bytes, bool]


class ResolvedCalls:
    """Reads calls, and remembers the short ones that were asked for last, bounded by bytes."""

    def __init__(self, runner: FunctionRunner, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._runner = runner
        self._capacity_bytes = capacity_bytes
        self._kept: OrderedDict[_Slot, ResolvedCall] = OrderedDict()
        self.size_bytes = 0

    def resolve(self, call: FunctionCall) -> ResolvedCall:
        """Return what a call asks for."""
        if call.component_path is not None:
            return self._read(call)
        slot = (call.path, call.args, call.reaches_internal)
        resolved = self._kept.get(slot)
        if resolved is not None:
            self._kept.move_to_end(slot)
            return resolved
        resolved = self._read(call)
        if len(call.path) + len(call.args) <= _MAX_CALL_BYTES:
            self._keep(slot, resolved)
        return resolved

    def _keep(self, slot: _Slot, resolved: ResolvedCall) -> None:
        self._kept[slot] = resolved
        self.size_bytes += _cost(slot)
        while self.size_bytes > self._capacity_bytes:
            oldest, _ = self._kept.popitem(last=False)
            self.size_bytes -= _cost(oldest)

    def _read(self, call: FunctionCall) -> ResolvedCall:
        try:
            function, args = self._runner.resolve(call, "query")
            return ResolvedCall(function, args, encode_json(args), None)
        except RealtimeError as error:
            failure = QueryResult(None, self._runner.failure(call, error))
            return ResolvedCall(None, {}, b"", failure)


def _cost(slot: _Slot) -> int:
    path, args, _ = slot
    return _OVERHEAD_BYTES + len(path) + _COPIES * len(args)
