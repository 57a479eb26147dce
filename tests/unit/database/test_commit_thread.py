"""The commit thread: one job at a time, and a loop that really gives way to it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime.database.commit_thread import CommitThread

TIMEOUT_SECONDS = 20
NEVER_SECONDS = 1_000


class RecordingLoop(asyncio.SelectorEventLoop):
    """A loop that keeps its timers for the test to fire."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[Callable[[], None]] = []

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[[], None], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        self.timers.append(callback)
        return asyncio.TimerHandle(self.time() + delay, callback, (), self)


@pytest.fixture
def loop() -> Iterator[RecordingLoop]:
    """A loop that does not run by itself."""
    loop = RecordingLoop()
    yield loop
    loop.close()


@pytest.fixture
def thread(loop: RecordingLoop) -> Iterator[CommitThread]:
    """A commit thread of `loop`."""
    thread = CommitThread(loop)
    yield thread
    thread.close()


@pytest.fixture
def lock_is_never_taken_away() -> Iterator[None]:
    """Another thread gets the interpreter's lock only when it is given away."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(NEVER_SECONDS)
    yield
    sys.setswitchinterval(usual)


class Gate:
    """A named point in a job at which the test holds it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self) -> str:
        self.reached.set()
        assert self.opened.wait(TIMEOUT_SECONDS)
        return "done"


def begin(thread: CommitThread, job: Callable[[], Any]) -> tuple[Any, asyncio.Future[Any]]:
    """Start `run` up to the point where it waits, without a turn of the loop."""
    running = thread.run(job)
    return running, running.send(None)


def finish(loop: RecordingLoop, running: Any, done: asyncio.Future[Any]) -> Any:
    """Let the loop turn until the job is done, and return what `run` returns."""
    loop.run_until_complete(done)
    with pytest.raises(StopIteration) as stop:
        running.send(None)
    return stop.value.value


def test_result_of_the_job_is_returned(loop: RecordingLoop, thread: CommitThread) -> None:
    assert loop.run_until_complete(thread.run(lambda: 42)) == 42
    assert not thread.is_busy


def test_job_runs_in_a_thread_of_its_own(loop: RecordingLoop, thread: CommitThread) -> None:
    name = loop.run_until_complete(thread.run(lambda: threading.current_thread().name))

    assert name == "realtime-commit"


def test_error_of_the_job_is_raised(loop: RecordingLoop, thread: CommitThread) -> None:
    def fail() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        loop.run_until_complete(thread.run(fail))

    assert not thread.is_busy
    assert loop.run_until_complete(thread.run(lambda: "next")) == "next"


def test_loop_goes_on_while_a_job_runs(loop: RecordingLoop, thread: CommitThread) -> None:
    gate = Gate()
    running, done = begin(thread, gate.wait)
    assert gate.reached.wait(TIMEOUT_SECONDS)

    turns: list[str] = []
    loop.call_soon(turns.append, "turn")
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert turns == ["turn"]
    assert thread.is_busy
    assert not done.done()

    gate.opened.set()
    assert finish(loop, running, done) == "done"


def test_second_job_at_the_same_time_is_a_mistake(
    loop: RecordingLoop, thread: CommitThread
) -> None:
    gate = Gate()
    running, done = begin(thread, gate.wait)

    with pytest.raises(AssertionError):
        begin(thread, lambda: None)

    gate.opened.set()
    assert finish(loop, running, done) == "done"


@pytest.mark.usefixtures("lock_is_never_taken_away")
def test_giving_way_lets_the_job_run(loop: RecordingLoop, thread: CommitThread) -> None:
    ran: list[str] = []
    running, done = begin(thread, lambda: ran.append("job"))
    for _ in range(100_000):  # a busy loop keeps the lock
        assert not ran

    # Each call sleeps up to 100 µs, unless giving way is broken; then these end at once.
    for _ in range(10_000):
        thread.give_way()
        if ran:
            break

    assert ran == ["job"]
    finish(loop, running, done)


@pytest.mark.usefixtures("lock_is_never_taken_away")
def test_timer_of_the_loop_gives_way(loop: RecordingLoop, thread: CommitThread) -> None:
    ran: list[str] = []
    running, done = begin(thread, lambda: ran.append("job"))

    ticks = 0
    while loop.timers and not ran and ticks < 10_000:
        loop.timers.pop()()
        ticks += 1

    assert ran == ["job"]
    finish(loop, running, done)


def test_timer_goes_on_while_the_job_runs_and_then_ends(
    loop: RecordingLoop, thread: CommitThread
) -> None:
    gate = Gate()
    running, done = begin(thread, gate.wait)
    for _ in range(3):
        (timer,) = loop.timers
        loop.timers.clear()
        timer()
    assert len(loop.timers) == 1

    gate.opened.set()
    finish(loop, running, done)
    (timer,) = loop.timers
    loop.timers.clear()
    timer()

    assert loop.timers == []


def test_giving_way_without_a_job_returns_at_once(thread: CommitThread) -> None:
    thread.give_way()

    assert not thread.is_busy


def test_job_whose_caller_was_cancelled_ends_quietly(
    loop: RecordingLoop, thread: CommitThread
) -> None:
    gate = Gate()

    async def cancel() -> None:
        task = loop.create_task(thread.run(gate.wait))
        await asyncio.sleep(0)
        assert gate.reached.wait(TIMEOUT_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop.run_until_complete(cancel())
    gate.opened.set()

    assert loop.run_until_complete(thread.run(lambda: "next")) == "next"


def test_close_waits_for_the_job_at_hand(loop: RecordingLoop) -> None:
    thread = CommitThread(loop)
    ran: list[str] = []
    gate = Gate()
    running, done = begin(thread, lambda: ran.append(gate.wait()))
    gate.opened.set()

    thread.close()

    assert ran == ["done"]
    finish(loop, running, done)
