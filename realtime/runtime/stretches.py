"""Watching the code of actions: one stretch after another.

An action awaits what it likes, so an asyncio task drives it and other code of the server runs
between its awaits. What may not happen is that it keeps the loop: each stretch between two awaits
has a time limit of its own, by the same watchdog that ends queries and mutations which do not end.

Each coroutine of an action is driven through a `WatchedCoroutine`, whose every `send` is one
stretch: the action itself, and each task that it starts, because `asyncio.gather` and task groups
run the action's code in tasks. A task belongs to the action in whose context it was created; a task
factory on the loop sees to that. The watchdog is armed in the app's code alone: an operation of the
`ctx` disarms it in its first line, and one that was suspended in there is resumed disarmed.

A plain callback (`loop.call_soon`) is not watched; nothing says whose it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol

from realtime.runtime.watchdog import FunctionStopped, TimeBudget, Watchdog, close_coroutine


class _NoBudget(TimeBudget):
    """What counts between the stretches: nothing.

    A suspended coroutine may be closed at any time, by the garbage collector at last; the
    operations in it must not arm a watchdog then that nobody disarms.
    """

    def resume(self, at_least_seconds: float = 0.0) -> None:
        """Do nothing."""

    def pause(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class StretchOwner(Protocol):
    """The action whose coroutines are watched."""

    path: str

    def stop_stretch(self) -> Exception:
        """Learn that a stretch took too long; return what its coroutine is to raise."""
        ...


class Stretches:
    """The stretches of one action, of which at most one runs at a time."""

    def __init__(self, owner: StretchOwner, watchdog: Watchdog, limit_seconds: float) -> None:
        self.owner = owner
        self._watchdog = watchdog
        self._limit_seconds = limit_seconds
        self._none = _NoBudget(watchdog, limit_seconds)
        self.budget: TimeBudget = self._none
        """The time of the stretch that runs; changed as stretches begin and end."""

    @property
    def is_running(self) -> bool:
        """Whether the code that asks is code of the action."""
        return self.budget is not self._none

    def begin(self) -> tuple[TimeBudget, TimeBudget]:
        """Begin a stretch; return its time, and what to put back when it ends."""
        outer, self.budget = self.budget, TimeBudget(self._watchdog, self._limit_seconds)
        return self.budget, outer

    def context(self) -> Context:
        """Return a context in which every new task belongs to the action."""
        context = copy_context()
        context.run(_current.set, self)
        return context


_current: ContextVar[Stretches | None] = ContextVar("realtime_action", default=None)


class WatchedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine of an action, for a task to drive."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], stretches: Stretches, *, is_of_app: bool
    ) -> None:
        """`is_of_app` tells whether the coroutine begins in the app's code or in ours."""
        self._coroutine = coroutine
        self._stretches = stretches
        self._is_counting = is_of_app
        """Whether it was suspended in the app's code, and not in an operation of the `ctx`."""

    def send(self, value: Any) -> Any:
        """Run the coroutine until it awaits or ends."""
        return self._run(self._coroutine.send, value)

    def throw(self, kind: Any, value: Any = None, _: Any = None, /) -> Any:
        """Raise in the coroutine, and run it until it awaits or ends."""
        return self._run(self._coroutine.throw, kind if value is None else value)

    def close(self) -> None:
        """End the coroutine, which has little time for that."""
        budget, outer = self._stretches.begin()
        try:
            close_coroutine(self._coroutine, budget, self._stretches.owner.path)
        finally:
            self._stretches.budget = outer

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run the coroutine as part of another one, which is watched itself."""
        return (yield from self._coroutine.__await__())

    def _run(self, step: Callable[[Any], Any], argument: Any) -> Any:
        owner = self._stretches.owner
        budget, outer = self._stretches.begin()
        try:
            try:
                if self._is_counting:
                    budget.resume()
                yielded = step(argument)
                self._is_counting = budget.is_counting
            finally:
                budget.stop()
        except FunctionStopped:
            budget.stop()  # it may have arrived just before the one above
            close_coroutine(self._coroutine, budget, owner.path)
            raise owner.stop_stretch() from None
        finally:
            self._stretches.budget = outer
        if budget.is_used_up:  # the handler has passed over being stopped
            owner.stop_stretch()
        return yielded


class WatchingTaskFactory:
    """Makes the tasks of a loop; those that are created in an action are watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._before: Any = loop.get_task_factory()

    def install(self) -> None:
        """Make the tasks of the loop from now on, through the factory it had before if any."""
        self._loop.set_task_factory(self._make)

    def uninstall(self) -> None:
        """Give the loop back what it had, unless somebody has changed it since."""
        if self._loop.get_task_factory() == self._make:
            self._loop.set_task_factory(self._before)

    def _make(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Future[Any]:
        stretches = _current.get()
        if stretches is not None:
            coroutine = WatchedCoroutine(coroutine, stretches, is_of_app=True)
        if self._before is not None:
            task: asyncio.Future[Any] = self._before(loop, coroutine, **options)
            return task
        return asyncio.Task(coroutine, loop=loop, **options)
