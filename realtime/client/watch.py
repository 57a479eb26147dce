"""The results of a live query, as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from realtime.client.latest import Latest
from realtime.client.outcome import Outcome

T = TypeVar("T")


class Watch(Generic[T]):
    """A live query: gives its present result and then each newer one.

    Who takes long for one result gets the newest next, not those between. A result that is an error
    is raised; the watch goes on with the next one if it is asked again. It ends with `async with`,
    `aclose`, or when nothing refers to it any more, as after a loop over `client.watch(…)`.
    """

    _release: Callable[[], None] | None = None
    """What ends the subscription; None when that has been done."""

    def __init__(self, results: Latest[Outcome], release: Callable[[], None]) -> None:
        """`results` come from a subscription, which `release` ends."""
        self._results = results
        self._loop = asyncio.get_running_loop()
        self._release = release
        self._revision = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Return the next result.

        Raises:
            ApplicationError: The function raised one; it has the data.
            FunctionError: It failed in another way.
            UnavailableError: The client is closed.
        """
        if self._release is None:
            raise StopAsyncIteration
        self._revision, outcome = await self._results.after(self._revision)
        value: T = outcome.value()
        return value

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the watch; again does no harm."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __del__(self) -> None:
        # The collector may run in any thread.
        if self._release is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._release)
