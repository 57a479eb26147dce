"""The thread in which a COMMIT waits for the disk, and how it gets the interpreter's lock.

While the thread is inside SQLite it does not need the lock; when SQLite returns it does. A busy
event loop gives the lock up only for a moment at a time and takes it back at once: the thread may
wait for seconds (a batch of 100 took 1.5 to 13.8 s; pinning the process to one core hides it). So
while a job runs, the loop calls `give_way` about once a millisecond: it waits, at most 100 µs, for
a lock that the thread releases at its end, and so is really asleep when the thread wants to run.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

_GIVE_WAY_SECONDS = 100e-6
_TICK_SECONDS = 0.001

_T = TypeVar("_T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class CommitThread:
    """Runs one blocking job at a time; the loop goes on and gives way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._finished = threading.Lock()
        self._tick: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._work, name="realtime-commit", daemon=True)
        self._thread.start()
        self.is_busy = False

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run `job` in the thread and return its result; its exception is raised here."""
        assert not self.is_busy
        self.is_busy = True
        self._finished.acquire()
        done: asyncio.Future[_T] = self._loop.create_future()
        self._jobs.put((job, done))
        self._tick = self._loop.call_later(_TICK_SECONDS, self._on_tick)
        try:
            return await done
        finally:
            self.is_busy = False
            self._tick.cancel()

    def give_way(self) -> None:
        """Sleep up to 100 µs for the running job, if there is one."""
        if self.is_busy and self._finished.acquire(timeout=_GIVE_WAY_SECONDS):
            self._finished.release()

    def close(self) -> None:
        """End the thread after the job at hand."""
        self._jobs.put(None)
        self._thread.join()

    def _on_tick(self) -> None:
        self.give_way()
        if self.is_busy:
            self._tick = self._loop.call_later(_TICK_SECONDS, self._on_tick)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            result: Any = None
            error: BaseException | None = None
            try:
                result = job()
            except BaseException as raised:  # every failure belongs to the waiting caller
                error = raised
            self._finished.release()
            self._loop.call_soon_threadsafe(_resolve, done, result, error)


def _resolve(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
