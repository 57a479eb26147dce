"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from random import Random

_NS_PER_SECOND = 1_000_000_000
_START_NS = 1_700_000_000 * _NS_PER_SECOND


class VirtualClock:
    """A clock that moves only when told to, with randomness from a seed."""

    def __init__(self, seed: int = 0, start_ns: int = _START_NS) -> None:
        self._now_ns = start_ns
        self._random = Random(seed)
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._sleeper_count = 0

    def now_ns(self) -> int:
        """Return the virtual wall time, in nanoseconds since the Unix epoch."""
        return self._now_ns

    def monotonic_seconds(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now_ns / _NS_PER_SECOND

    def random_bytes(self, count: int) -> bytes:
        """Return the next bytes of the seeded source."""
        return self._random.randbytes(count)

    async def sleep(self, seconds: float) -> None:
        """Suspend until `advance` has moved the clock far enough."""
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeper_count += 1
        due = self._now_ns + int(seconds * _NS_PER_SECOND)
        heapq.heappush(self._sleepers, (due, self._sleeper_count, wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Move the time on and wake whoever slept until then."""
        self._now_ns += int(seconds * _NS_PER_SECOND)
        while self._sleepers and self._sleepers[0][0] <= self._now_ns:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
