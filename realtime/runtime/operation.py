"""What a `ctx` method returns: an operation that runs when it is awaited.

Awaiting one runs it on the spot; nothing is scheduled. In a query or mutation only a long scan
gives the loop a turn in between, by yielding `SUSPEND` up to whoever drives the handler; in an
action, which is driven by an asyncio task, an operation yields futures as any coroutine does. An
operation remembers where it was created, because one that is never awaited is a mistake that would
lose a write without a word.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from types import CodeType
from typing import Any, Final, Generic, Protocol, TypeVar, overload

from realtime.errors import RealtimeError
from realtime.runtime.watchdog import TimeBudget

T_co = TypeVar("T_co", covariant=True)
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")


class Suspension:
    """All that a query or mutation may yield to its driver: let the loop turn, then go on."""


SUSPEND: Final = Suspension()

Steps = Generator[Suspension, None, T_co]


class OperationScope(Protocol):
    """The run that operations belong to."""

    unawaited: dict[Operation[object], None]

    @property
    def budget(self) -> TimeBudget:
        """The time of the code that runs at this moment."""
        ...

    def check_active(self) -> None:
        """Raise if the function is not being run at this moment."""
        ...


class Operation(Awaitable[T_co], Generic[T_co]):
    """One operation on a `ctx`; await it once, in the function that made it."""

    __slots__ = ("_code", "_line", "_scope", "_steps")

    def __init__(
        self,
        scope: OperationScope,
        steps: Callable[[], Steps[T_co]],
    ) -> None:
        """`steps` makes the generator that does the work when the operation is awaited."""
        # The caller of the ctx method, for the error that names the line. `inspect` is far slower.
        frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        self._code: CodeType = frame.f_code
        self._line: int = frame.f_lineno
        self._scope = scope
        self._steps: Callable[[], Steps[T_co]] | None = steps
        scope.unawaited[self] = None

    @property
    def place(self) -> tuple[str, int, str]:
        """Return the file, line and function in which the operation was created."""
        return self._code.co_filename, self._line, self._code.co_name

    def abandon(self) -> None:
        """Say that the operation will not be awaited, and that this is no mistake."""
        self._scope.unawaited.pop(self, None)

    def __await__(self) -> Steps[T_co]:
        """Run the operation and return its result."""
        self._scope.check_active()
        try:
            self._scope.budget.pause()
            self._scope.unawaited.pop(self, None)
            steps, self._steps = self._steps, None
            if steps is None:
                raise RealtimeError("An operation was awaited twice; make a new one each time")
            return (yield from steps())
        finally:
            self._scope.budget.resume()


@overload
async def gather(first: Awaitable[_A], /) -> tuple[_A]: ...
@overload
async def gather(first: Awaitable[_A], second: Awaitable[_B], /) -> tuple[_A, _B]: ...
@overload
async def gather(
    first: Awaitable[_A], second: Awaitable[_B], third: Awaitable[_C], /
) -> tuple[_A, _B, _C]: ...
@overload
async def gather(*operations: Awaitable[_A]) -> tuple[_A, ...]: ...
async def gather(*operations: Awaitable[Any]) -> tuple[Any, ...]:
    """Run operations of one `ctx` one after another and return their results in order.

    What `Promise.all` is in JavaScript. `asyncio.gather` can't be used in queries and mutations:
    it would run them outside of the function. If one fails, those after it are not run.
    """
    try:
        return tuple([await operation for operation in operations])
    except BaseException:
        for operation in operations:
            if isinstance(operation, Operation):
                operation.abandon()
        raise
