"""Time and randomness, passed in wherever they are needed.

Nothing else in the package asks the operating system for the time, sleeps or draws a random
number: tests pass a clock of their own (`realtime.testing.VirtualClock`).
"""

from __future__ import annotations

import os
import time
from typing import Protocol


class Clock(Protocol):
    """A source of wall time, monotonic time, delays and randomness."""

    def now_ns(self) -> int:
        """Return wall time in nanoseconds since the Unix epoch; it may jump."""
        ...

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; it never goes back."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return `count` random bytes fit for ids."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        ...


_RANDOM_POOL_BYTES = 4096


class SystemClock:
    """The clock of the machine; its randomness is drawn from the system in larger pieces."""

    def __init__(self) -> None:
        self._pool = b""
        self._position = 0

    def now_ns(self) -> int:
        """Return wall time in nanoseconds since the Unix epoch."""
        return time.time_ns()

    def monotonic_seconds(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        """Return `count` bytes of the operating system's randomness."""
        end = self._position + count
        if end > len(self._pool):
            self._pool = os.urandom(max(count, _RANDOM_POOL_BYTES))
            self._position, end = 0, count
        drawn = self._pool[self._position : end]
        self._position = end
        return drawn

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        # Here, as importing it takes a fifth of what importing this package takes, and nobody
        # needs it who only declares functions.
        import asyncio

        await asyncio.sleep(seconds)
