"""Which code reads which state.

A change of the app is a commit: from its timestamp on the new code runs, and whoever keeps an older
snapshot goes on with the code that was there when the snapshot was new. So a query ends on the
code and the schema it began with, and what the caches hold needs no version of its own: a result
of older code has an older timestamp, and none is valid at the commit of a change or after.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime.database.timestamp import Timestamp
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.resolved_calls import ResolvedCalls


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """The functions of an app, ready to run on states from `since` on."""

    since: Timestamp
    runner: FunctionRunner
    calls: ResolvedCalls


class CodeVersions:
    """The current code, and what came before it for snapshots that are still in use."""

    def __init__(self, runner: FunctionRunner) -> None:
        self.current = Code(Timestamp(0), runner, ResolvedCalls(runner))
        """Changed by `change` alone."""
        self._older: list[Code] = []

    def at(self, timestamp: Timestamp) -> Code:
        """Return the code that reads the state at a timestamp."""
        if timestamp >= self.current.since:
            return self.current
        return next(code for code in reversed(self._older) if timestamp >= code.since)

    def change(self, runner: FunctionRunner, since: Timestamp, oldest: Timestamp) -> None:
        """Have new code from `since` on; no state before `oldest` is read any more."""
        versions = [*self._older, self.current]
        ends = [code.since for code in versions[1:]] + [since]
        self._older = [code for code, end in zip(versions, ends, strict=True) if end > oldest]
        self.current = Code(since, runner, ResolvedCalls(runner))
