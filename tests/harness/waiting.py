"""Wait until something is so, with a deadline, instead of sleeping for a guessed time.

In an event loop: `turns` for what can happen without waiting, `turned_until` for all else.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02
DEADLINE_SECONDS = 30.0


def wait_for(
    condition: Callable[[], T], expected: str, deadline_seconds: float = DEADLINE_SECONDS
) -> T:
    """Return the first true answer of `condition`.

    Args:
        condition: asked again and again; its exceptions are not caught.
        expected: what is waited for, completes the sentence "Expected …".
        deadline_seconds: the longest wait.

    Raises:
        AssertionError: when the deadline passed; names what was expected.
    """
    never = threading.Event()
    end = time.monotonic() + deadline_seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"Expected {expected} within {deadline_seconds:g} s")
        never.wait(POLL_SECONDS)
    return answer


async def turns(count: int) -> None:
    """Let the loop turn: often enough for whatever can happen without waiting."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def turned_until(
    condition: Callable[[], object], deadline_seconds: float = DEADLINE_SECONDS
) -> None:
    """Let the loop turn until `condition` is true; TimeoutError at the deadline."""
    async with asyncio.timeout(deadline_seconds):
        while not condition():
            await turns(1)
