"""The histogram of late timers."""

from __future__ import annotations

import asyncio

import pytest

from realtime.server.loop_delay import BUCKETS_SECONDS, INTERVAL_SECONDS, LoopDelay


class LateClock:
    """A clock whose sleeps take longer than asked for, by given amounts."""

    def __init__(self, *late_seconds: float) -> None:
        self._late = list(late_seconds)
        self._now = 100.0

    def now_ns(self) -> int:
        raise NotImplementedError

    def random_bytes(self, count: int) -> bytes:
        raise NotImplementedError

    def monotonic_seconds(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        assert seconds == INTERVAL_SECONDS
        if not self._late:
            raise asyncio.CancelledError
        self._now += seconds + self._late.pop(0)


def counts_by_bound(loop_delay: LoopDelay) -> dict[float, int]:
    bounds = [*BUCKETS_SECONDS, float("inf")]
    return {b: n for b, n in zip(bounds, loop_delay.counts, strict=True) if n}


def test_a_delay_is_counted_under_the_first_bound_that_holds_it() -> None:
    loop_delay = LoopDelay()

    for seconds in (0.0, 0.001, 0.0011, 5.0, 60.0):
        loop_delay.observe(seconds)

    assert counts_by_bound(loop_delay) == {0.001: 2, 0.0025: 1, 5.0: 1, float("inf"): 1}
    assert loop_delay.sum_seconds == pytest.approx(65.0021)


async def measure(clock: LateClock) -> LoopDelay:
    loop_delay = LoopDelay()
    with pytest.raises(asyncio.CancelledError):
        await loop_delay.measure(clock)
    return loop_delay


def test_measuring_counts_how_late_each_timer_was() -> None:
    loop_delay = asyncio.run(measure(LateClock(0.0005, 0.2, 0.03)))

    assert counts_by_bound(loop_delay) == {0.001: 1, 0.05: 1, 0.25: 1}


def test_timer_that_is_early_counts_as_one_in_time() -> None:
    loop_delay = asyncio.run(measure(LateClock(-0.01)))

    assert counts_by_bound(loop_delay) == {0.001: 1}
    assert loop_delay.sum_seconds == 0.0
