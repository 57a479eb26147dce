"""Who waits for a slow query that rests.

A query whose run was slow starts again only after a multiple of that time, however many ask for it.
Those who wait for the same end of a rest go on together, in one job on one snapshot: the query then
runs once for all of them. One by one they would each meet a newer commit and a query that rests
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from realtime.clock import Clock
from realtime.runtime.timer import call_at

T = TypeVar("T")


class Rests(Generic[T]):
    """Groups of askers by the end of the rest that they wait for."""

    def __init__(self, clock: Clock, on_over: Callable[[list[T]], None]) -> None:
        """`on_over` gets each group when its rest is over, in order of their coming."""
        self._clock = clock
        self._on_over = on_over
        self._groups: dict[float, list[T]] = {}
        self._timers: dict[float, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def wait(self, asker: T, until_seconds: float) -> None:
        """Let `asker` wait until a time of the monotonic clock."""
        group = self._groups.get(until_seconds)
        if group is not None:
            group.append(asker)
            return
        self._groups[until_seconds] = [asker]
        self._timers[until_seconds] = call_at(
            self._clock, until_seconds, lambda: self._end(until_seconds)
        )

    def end_all(self) -> None:
        """Let everybody go on now."""
        for until_seconds, timer in list(self._timers.items()):
            timer.cancel()
            self._end(until_seconds)

    def _end(self, until_seconds: float) -> None:
        del self._timers[until_seconds]
        self._on_over(self._groups.pop(until_seconds))
