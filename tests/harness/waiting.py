"""Wait until something is so, with a deadline, instead of sleeping for a guessed time."""

from __future__ import annotations

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
