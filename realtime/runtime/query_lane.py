"""The lanes of runs that only read: updates of live clients, and one-shot queries.

Every run starts here, in a turn of its own on the event loop; no socket callback runs a handler.
A turn takes jobs from the two lanes by turns until its slice is used up, then lets the loop
breathe. While a COMMIT is in flight the turns go on, and give the interpreter's lock away about
once a millisecond.

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
from typing import Literal

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.generations import Generations, SharedGeneration
from realtime.errors import OverloadedError
from realtime.runtime.operation import Steps

_log = logging.getLogger("realtime.runtime")

SLICE_SECONDS = 0.005
OVERRUN_SECONDS = 10 * SLICE_SECONDS
PAUSE_SHARE = 0.1
MAX_PAUSE_SECONDS = 0.100
GIVE_WAY_SECONDS = 0.001
MAX_WAITING = 10_000

Lane = Literal["update", "query"]


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
    """Work of a lane: its steps and the claim they read under."""

    __slots__ = ("holder", "on_failed", "steps")

    def __init__(
        self, steps: Steps[None], holder: Holder, on_failed: Callable[[Exception], None]
    ) -> None:
        self.steps = steps
        self.holder = holder
        self.on_failed = on_failed


StartJob = Callable[[], Job]


class QueryLane:
    """Runs read-only jobs in slices on the event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, commit_thread: CommitThread
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._commit_thread = commit_thread
        self._waiting: dict[Lane, deque[StartJob]] = {"update": deque(), "query": deque()}
        self._suspended: deque[Job] = deque()
        self._next_lane: Lane = "update"
        self._is_scheduled = False
        self._gave_way_at = 0.0
        self._idle_waiters: list[asyncio.Future[None]] = []

    @property
    def has_work(self) -> bool:
        """Say whether a job is waiting or suspended."""
        return bool(self._suspended or self._waiting["update"] or self._waiting["query"])

    def submit(self, lane: Lane, start: StartJob) -> None:
        """Queue a job; `start` is called when its turn has come. OverloadedError if full."""
        if lane == "query" and len(self._waiting["query"]) >= MAX_WAITING:
            raise OverloadedError(
                f"Too many queries are waiting (limit: {MAX_WAITING}). Try again later",
                code="ExpiredInQueue",
            )
        self._waiting[lane].append(start)
        self._schedule()

    async def drained(self) -> None:
        """Wait until no job is left."""
        if self.has_work:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def _schedule(self, last_turn_seconds: float = 0.0) -> None:
        if self._is_scheduled:
            return
        self._is_scheduled = True
        if last_turn_seconds > OVERRUN_SECONDS:
            pause_seconds = min(last_turn_seconds * PAUSE_SHARE, MAX_PAUSE_SECONDS)
            self._loop.call_later(pause_seconds, self._turn)
        else:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Start what waits until the slice is used up, and let one suspended job go on.

        One step of a long scan a turn, after the others: scans that never end keep nobody waiting.
        A turn that a handler has stretched far over its slice is followed by a pause, so that what
        came in meanwhile, mutations above all, gets through before the next such handler.
        """
        self._is_scheduled = False
        started = self._clock.monotonic_seconds()
        end = started + SLICE_SECONDS
        while (start := self._next_waiting()) is not None:
            self._step(start())
            if self._give_way() >= end:
                break
        if self._suspended:
            self._step(self._suspended.popleft())
            self._give_way()
        if self.has_work:
            self._schedule(self._clock.monotonic_seconds() - started)
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
        first, second = self._waiting[self._next_lane], self._waiting[_other(self._next_lane)]
        self._next_lane = _other(self._next_lane)
        queue = first or second
        return queue.popleft() if queue else None

    def _step(self, job: Job) -> None:
        try:
            if job.holder.has_expired:
                job.steps.throw(SnapshotExpired())
            else:
                next(job.steps)
        except StopIteration:
            job.holder.release()
        except Exception as error:
            job.holder.release()
            _log.exception("A query job failed")
            job.on_failed(error)
        else:
            self._suspended.append(job)

    def _wake_idle(self) -> None:
        waiters, self._idle_waiters = self._idle_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _other(lane: Lane) -> Lane:
    return "query" if lane == "update" else "update"
