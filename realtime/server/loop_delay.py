"""How late the event loop runs what is due: the one number that every client feels."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from realtime.clock import Clock

INTERVAL_SECONDS: Final = 0.1

BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds; what is longer is counted behind the last."""


class LoopDelay:
    """A histogram of the lateness of a timer, in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_SECONDS) + 1)
        self.sum_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one timer that ran this much late."""
        self.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.sum_seconds += seconds

    async def measure(self, clock: Clock) -> None:
        """Set one timer after the other, until cancelled."""
        while True:
            started = clock.monotonic_seconds()
            await clock.sleep(INTERVAL_SECONDS)
            self.observe(max(0.0, clock.monotonic_seconds() - started - INTERVAL_SECONDS))
