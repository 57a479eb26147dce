"""The watchdog is armed in the code of an action, stretch by stretch, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import coroutine
from typing import Any

import pytest

from realtime.runtime.stretches import Stretches, WatchedCoroutine, WatchingTaskFactory
from realtime.runtime.watchdog import Watchdog


class RecordedWatchdog(Watchdog):
    """Tells when it was armed, and stops nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.is_armed = False
        self.arm_count = 0

    def arm(self, seconds: float) -> None:
        self.is_armed = True
        self.arm_count += 1

    def disarm(self) -> None:
        self.is_armed = False

    def clear(self) -> None:
        self.is_armed = False


class Owner:
    """An action with a watchdog; `seen` is for what its code saw."""

    path = "m:act"

    def __init__(self, limit_seconds: float = 30.0) -> None:
        self.watchdog = RecordedWatchdog()
        self.stretches = Stretches(self, self.watchdog, limit_seconds)
        self.seen: list[bool] = []
        self.stop_count = 0

    def stop_stretch(self) -> Exception:
        self.stop_count += 1
        return TimeoutError("stopped")

    def look(self) -> None:
        """Note whether the watchdog is armed at this moment."""
        self.seen.append(self.watchdog.is_armed)

    @coroutine
    def turn(self) -> Generator[Any, Any, Any]:
        """Await something that is not of the `ctx`."""
        return (yield "turn")

    @coroutine
    def operation(self) -> Generator[Any, Any, Any]:
        """Do as an operation of the `ctx` does, and look around before and after its wait."""
        try:
            self.stretches.budget.pause()
            self.look()
            yield "operation"
            self.look()
        finally:
            self.stretches.budget.resume()


def test_watchdog_is_armed_in_each_stretch_and_not_between_them() -> None:
    owner = Owner()

    async def act() -> str:
        owner.look()
        await owner.turn()
        owner.look()
        return "done"

    watched = WatchedCoroutine(act(), owner.stretches, is_of_app=True)
    first = watched.send(None)
    armed_between = owner.watchdog.is_armed
    with pytest.raises(StopIteration) as end:
        watched.send(None)

    assert (first, end.value.value) == ("turn", "done")
    assert owner.seen == [True, True]
    assert not armed_between and not owner.watchdog.is_armed


def test_operation_that_was_suspended_is_resumed_disarmed() -> None:
    owner = Owner()

    async def act() -> None:
        await owner.operation()
        owner.look()

    watched = WatchedCoroutine(act(), owner.stretches, is_of_app=True)
    watched.send(None)
    with pytest.raises(StopIteration):
        watched.send(None)

    assert owner.seen == [False, False, True]


def test_coroutine_that_begins_in_our_code_begins_disarmed() -> None:
    owner = Owner()

    async def ours() -> None:
        owner.look()
        await owner.turn()
        owner.look()

    watched = WatchedCoroutine(ours(), owner.stretches, is_of_app=False)
    watched.send(None)
    with pytest.raises(StopIteration):
        watched.send(None)

    assert owner.seen == [False, False]


def test_operation_that_is_closed_between_stretches_arms_nothing() -> None:
    owner = Owner()
    inner = owner.operation()
    watched = WatchedCoroutine(inner, owner.stretches, is_of_app=True)
    watched.send(None)
    before = owner.watchdog.arm_count

    inner.close()  # as the garbage collector does

    assert owner.watchdog.arm_count == before
    assert not owner.stretches.is_running


def test_code_that_passes_over_being_stopped_is_reported_at_its_next_await() -> None:
    owner = Owner(limit_seconds=0.0)

    async def act() -> None:
        await owner.turn()

    watched = WatchedCoroutine(act(), owner.stretches, is_of_app=True)
    yielded = watched.send(None)

    assert (yielded, owner.stop_count) == ("turn", 1)
    watched.close()


@pytest.mark.asyncio
async def test_tasks_of_an_action_are_watched_and_others_are_not() -> None:
    owner = Owner()
    factory = WatchingTaskFactory(asyncio.get_running_loop())

    async def look() -> None:
        owner.look()

    async def act() -> None:
        await asyncio.gather(look(), look())

    factory.install()
    try:
        await asyncio.create_task(look())
        watched = WatchedCoroutine(act(), owner.stretches, is_of_app=True)
        loop = asyncio.get_running_loop()
        await loop.create_task(watched, context=owner.stretches.context())
        await asyncio.create_task(look())
    finally:
        factory.uninstall()

    assert owner.seen == [False, True, True, False]


@pytest.mark.asyncio
async def test_task_that_is_cancelled_before_it_begins_leaves_no_warning() -> None:
    owner = Owner()

    async def act() -> None:
        owner.look()

    watched = WatchedCoroutine(act(), owner.stretches, is_of_app=True)
    task = asyncio.get_running_loop().create_task(watched)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert owner.seen == []
