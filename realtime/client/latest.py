"""A value that changes, for those who want to see the newest one, each at their own pace."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """The newest value, none at first; who comes late or reads slowly misses older ones."""

    def __init__(self) -> None:
        self._revision = 0
        self._value: T | None = None
        self._failure: Exception | None = None
        self._changed = asyncio.Event()

    def put(self, value: T) -> None:
        """Take a newer value, and wake whoever waits for one."""
        self._value = value
        self._revision += 1
        self._wake()

    def fail(self, failure: Exception) -> None:
        """End: there will be no newer value, and who waits for one gets the failure."""
        self._failure = failure
        self._wake()

    async def after(self, revision: int) -> tuple[int, T]:
        """Wait for a value newer than a revision (0: any); return its revision and it.

        Raises:
            Exception: What it has failed with, once the last value was seen.
        """
        while self._revision <= revision:
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()
        return self._revision, self._value  # type: ignore[return-value]  # one was put

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
