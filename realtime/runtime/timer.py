"""Calls at a time of a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from realtime.clock import Clock


def call_at(clock: Clock, seconds: float, callback: Callable[[], None]) -> asyncio.Task[None]:
    """Call `callback` at a monotonic time of `clock`; the caller keeps the task, or cancels it."""

    async def wait() -> None:
        left_seconds = seconds - clock.monotonic_seconds()
        if left_seconds > 0:
            await clock.sleep(left_seconds)
        callback()

    return asyncio.get_running_loop().create_task(wait())
