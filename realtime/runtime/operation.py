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
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, overload

from realtime.errors import RealtimeError

if TYPE_CHECKING:
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

    __slots__ = ("_code", "_instruction", "_scope", "_work")

    def __init__(self, scope: OperationScope, steps: Callable[[], Steps[T_co]]) -> None:
        """`steps` makes the generator that does the work when the operation is awaited."""
        # The caller of the ctx method, for the error that names the line. `inspect` is far slower,
        # and the line itself is only looked up for the error.
        frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        self._code: CodeType = frame.f_code
        self._instruction: int = frame.f_lasti
        self._scope = scope
        self._work: Callable[[], Any] | None = steps
        scope.unawaited[self] = None

    @property
    def place(self) -> tuple[str, int, str]:
        """Return the file, line and function in which the operation was created."""
        code = self._code
        line = next(
            (line for begin, end, line in code.co_lines() if begin <= self._instruction < end), None
        )
        return code.co_filename, line or code.co_firstlineno, code.co_name

    def abandon(self) -> None:
        """Say that the operation will not be awaited, and that this is no mistake."""
        self._scope.unawaited.pop(self, None)

    def __await__(self) -> Steps[T_co]:
        """Run the operation and return its result."""
        self._scope.check_active()
        try:
            steps: Steps[T_co] = self._begin()()
            return (yield from steps)
        finally:
            self._scope.budget.resume()

    def _begin(self) -> Callable[[], Any]:
        """Take control from the handler; return the work, once."""
        self._scope.budget.pause()
        self._scope.unawaited.pop(self, None)
        work, self._work = self._work, None
        if work is None:
            raise RealtimeError("An operation was awaited twice; make a new one each time")
        return work


class ShortOperation(Operation[T_co]):
    """An operation that never lets the loop turn: its work is a plain call, which is cheaper."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, scope: OperationScope, work: Callable[[], T_co]) -> None: ...

    def __await__(self) -> Steps[T_co]:
        """Run the operation and return its result."""
        self._scope.check_active()
        try:
            result: T_co = self._begin()()
            return result
        finally:
            self._scope.budget.resume()
        yield SUSPEND  # never; it makes this a generator, as an awaitable has to give one


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
    it would run them outside of the function. (In an action it runs them at the same time.) If one
    fails, those after it are not run.
    """
    try:
        return tuple([await operation for operation in operations])
    except BaseException:
        for operation in operations:
            if isinstance(operation, Operation):
                operation.abandon()
        raise
