"""Steps that need a batch of their own, taken by the mutation lane between those of mutations."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from realtime.database.committer import Batch
from realtime.errors import RealtimeError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class BatchStep:
    """A step that waits, and whoever waits for it.

    `work` writes into the open batch and may leave it empty; `on_published` follows in the turn in
    which its commit becomes visible, before anybody is told of it.
    """

    work: Callable[[Batch], Any]
    on_published: Callable[[Any], None]
    done: asyncio.Future[Any]

    def succeed(self, result: Any) -> None:
        """Tell who waits that the step is durable."""
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Tell who waits that nothing of the step has happened, or that nobody can tell."""
        if not self.done.done():
            self.done.set_exception(error)


class BatchSteps:
    """The steps that wait, in the order in which they came."""

    def __init__(self, on_arrival: Callable[[], None]) -> None:
        self._waiting: deque[BatchStep] = deque()
        self._on_arrival = on_arrival
        self._refusal: RealtimeError | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def take(
        self, work: Callable[[Batch], T], on_published: Callable[[T], None] = lambda _: None
    ) -> T:
        """Have a step taken; return what it gave once it is durable.

        Raises:
            OverloadedError: The storage had no room or was busy; nothing happened.
            StorageError: The storage failed; nothing happened.
            UnavailableError: No more steps are taken.
            RealtimeError: What the step raised; nothing happened.
        """
        if self._refusal is not None:
            raise self._refusal
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(BatchStep(work, on_published, done))
        self._on_arrival()
        return await done

    def pop(self) -> BatchStep:
        """Return the step that is next."""
        return self._waiting.popleft()

    def refuse_all(self, error: RealtimeError) -> None:
        """Take no more steps, nor those that wait."""
        self._refusal = error
        while self._waiting:
            self._waiting.popleft().fail(error)
