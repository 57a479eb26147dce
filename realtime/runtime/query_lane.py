"""The lanes of runs that only read: updates of live clients, and one-shot queries.

Every run starts here, in a turn of its own on the event loop; no socket callback runs a handler.
A turn takes jobs from the two lanes by turns until its slice is used up, then lets the loop
breathe. While a COMMIT is in flight the turns go on, and give the interpreter's lock away about
once a millisecond. After a turn that a handler has stretched far over its slice, the lanes stand
back for the mutations (see `backlog`).

Updates come first in, first out: a client has one at most, so that is round-robin, and there are as
many as clients. Queries are taken round-robin from those who ask, and are bounded.

A job is a generator that yields `SUSPEND` where it can stop. It keeps one snapshot from its start
to its end: if it does stop, it takes a hold on its generation, and if the hold is ended from
outside, `SnapshotExpired` is thrown into it and it starts again on the newest generation, without
stopping.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextvars import copy_context

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.generations import Generations, SharedGeneration
from realtime.errors import OverloadedError
from realtime.runtime.backlog import Backlog
from realtime.runtime.operation import Steps
from realtime.runtime.session_queue import SessionQueue

_log = logging.getLogger("realtime.runtime")

SLICE_SECONDS = 0.005
OVERRUN_SECONDS = 2 * SLICE_SECONDS
GIVE_WAY_SECONDS = 0.001


class SnapshotExpired(BaseException):
    """Thrown into a suspended job whose generation was closed; not for handlers to catch."""


class Holder:
    """One job's claim on a generation: free while it runs through, a hold once it suspends."""

    def __init__(self, generations: Generations, clock: Clock) -> None:
        self._generations = generations
        self._clock = clock
        self._is_holding = False
        self._never_suspends = False
        self.generation: SharedGeneration = generations.current

    def may_suspend(self) -> bool:
        """Take the hold if there is one to have; False means to go on without suspending."""
        if self._never_suspends:
            return False
        if not self._is_holding:
            now = self._clock.monotonic_seconds()
            self._is_holding = self._generations.try_hold(self.generation, now)
        return self._is_holding

    @property
    def has_expired(self) -> bool:
        """Say whether the generation was closed while the job was suspended."""
        return self.generation.is_closed

    def restart(self) -> None:
        """Move to the newest generation, to stay there without suspending."""
        self.release()
        self.generation = self._generations.current
        self._never_suspends = True

    def release(self) -> None:
        """Give the hold back."""
        if self._is_holding:
            self._is_holding = False
            self._generations.release(self.generation)


class Job:
    """Work of a lane: its steps, which tell their failures themselves, and their claim."""

    __slots__ = ("holder", "steps")

    def __init__(self, steps: Steps[None], holder: Holder) -> None:
        self.steps = steps
        self.holder = holder


StartJob = Callable[[], Job | None]
"""Called when the turn of a job has come; None if there was nothing to do, or it is done."""


class QueryLane:
    """Runs read-only jobs in slices on the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        commit_thread: CommitThread,
        backlog: Backlog,
        mutations: Backlog,
    ) -> None:
        """`backlog` is that of this lane: what waits to be begun; `mutations` that of the other."""
        self._loop = loop
        self._clock = clock
        self._commit_thread = commit_thread
        self._backlog = backlog
        self._mutations = mutations
        self._updates: deque[StartJob] = deque()
        self._queries: SessionQueue[StartJob] = SessionQueue("queries", "ExpiredInQueue")
        self._context = copy_context()
        """That of the turns; the one of whoever submits a job is no business of the handlers."""
        self._suspended: deque[Job] = deque()
        self._is_turn_of_updates = True
        self._is_turn_of_suspended = True
        self._is_scheduled = False
        """Whether a turn will come: it is due, or the lane stands back."""
        self._standing_back: asyncio.Task[None] | None = None
        self._gave_way_at = 0.0
        self._idle_waiters: list[asyncio.Future[None]] = []

    @property
    def has_work(self) -> bool:
        """Say whether a job is waiting or suspended."""
        return bool(self._suspended or self._updates or self._queries)

    def submit_update(self, start: StartJob) -> None:
        """Queue an update of live clients; `start` is called when its turn has come."""
        self._updates.append(start)
        self._backlog.add()
        self._schedule()

    def submit_query(self, session: object, start: StartJob) -> None:
        """Queue a query that `session` asks for once; OverloadedError if too many wait."""
        self._queries.append(session, start)
        self._backlog.add()
        self._schedule()

    def refusal(self) -> OverloadedError:
        """Return the error of one query too many."""
        return self._queries.refusal()

    async def drained(self) -> None:
        """Wait until no job is left."""
        if self.has_work:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def close(self) -> None:
        """Begin nothing more."""
        self._is_scheduled = True
        if self._standing_back is not None:
            self._standing_back.cancel()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """Begin what waits until the slice is used up, and let one suspended job go on.

        One step of a long scan a turn, so scans that never end keep nobody waiting. What comes
        first changes, and nothing comes after what has overrun.
        """
        started = self._clock.monotonic_seconds()
        overrun = started + OVERRUN_SECONDS
        self._is_turn_of_suspended = not self._is_turn_of_suspended
        is_first = self._is_turn_of_suspended
        if is_first and self._suspended:
            self._step(self._suspended.popleft())
        if self._give_way() <= overrun:
            self._begin_waiting(started + SLICE_SECONDS)
        if not is_first and self._suspended and self._give_way() <= overrun:
            self._step(self._suspended.popleft())
        if self._give_way() > overrun:
            self._standing_back = self._loop.create_task(self._stand_back())
        else:
            self._go_on()

    def _begin_waiting(self, end: float) -> None:
        begun = 0
        while (start := self._next_waiting()) is not None:
            begun += 1
            job = start()
            if job is not None:
                self._step(job)
            if self._give_way() >= end:
                break
        self._backlog.serve(begun)

    async def _stand_back(self) -> None:
        """Begin nothing before the mutations that came in meanwhile are answered."""
        self._backlog.release()
        await self._mutations.caught_up()
        self._standing_back = None
        self._go_on()

    def _go_on(self) -> None:
        self._is_scheduled = False
        if self.has_work:
            self._schedule()
        else:
            self._wake_idle()

    def _give_way(self) -> float:
        """Let the commit thread run if it is time to; return the time (monotonic seconds)."""
        now = self._clock.monotonic_seconds()
        if now - self._gave_way_at >= GIVE_WAY_SECONDS:
            self._gave_way_at = now
            self._commit_thread.give_way()
        return now

    def _next_waiting(self) -> StartJob | None:
        """Take an update and a query by turns, while there are both."""
        is_update = bool(self._updates) and (self._is_turn_of_updates or not self._queries)
        self._is_turn_of_updates = not is_update
        return self._updates.popleft() if is_update else self._queries.pop()

    def _step(self, job: Job) -> None:
        try:
            if job.holder.has_expired:
                job.steps.throw(SnapshotExpired())
            else:
                next(job.steps)
        except StopIteration:
            job.holder.release()
        except Exception:
            job.holder.release()
            _log.exception("A query job failed")
        else:
            self._suspended.append(job)

    def _wake_idle(self) -> None:
        waiters, self._idle_waiters = self._idle_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
