"""What one lane has yet to do, and the other lane that stands back for it.

The lanes share one thread and take short turns; between two turns the loop reads sockets and serves
the other lane. A handler can stretch a turn to its whole limit of user time, and a call needs a few
turns of the loop from its socket to its answer. If the lane simply went on, somebody who queues
such functions would delay each call of everybody else by several of them.

The rule: a lane whose turn has overrun *stands back*. It begins nothing until the other has done as
much as it had open when the sockets had been read: as much, not all that comes, so that a steady
stream does not keep it waiting. Two more rules keep this harmless. A lane that begins to stand back
releases the other one if that stands back for it, so they never wait for each other. And nobody
stands back for longer than a second: the other lane may itself be waiting, for a slow disk.

Rejected: a pause for a share of the time that was taken. It is too short for an answer that waits
for the disk, and where nothing waits the loop idles.
"""

from __future__ import annotations

import asyncio
from typing import Final

from realtime.clock import Clock
from realtime.runtime.timer import call_at

MAX_STAND_BACK_SECONDS: Final = 1.0
READ_TURNS: Final = 3
"""Turns of the loop in which what the sockets hold reaches the lanes: the bytes are read, the task
of an HTTP call starts, and it joins its queue."""


class Backlog:
    """The open work of a lane: queued, or begun and not yet served."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop = loop
        self._clock = clock
        self._open_count = 0
        self._owed: int | None = None
        """How much has to be served before the other lane goes on; None until it is counted."""
        self._standing_back: asyncio.Future[None] | None = None
        """What the other lane waits for."""

    def add(self) -> None:
        """Note that a job has come."""
        self._open_count += 1

    def serve(self, count: int) -> None:
        """Note that jobs have got what they came for."""
        self._open_count -= count
        if self._owed is not None:
            self._owed -= count
            if self._owed <= 0:
                self.release()

    def release(self) -> None:
        """Let the other lane go on: this one has done enough, or begins to stand back itself."""
        waiter, self._standing_back, self._owed = self._standing_back, None, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def caught_up(self) -> None:
        """Wait until this lane has done as much as it has open once sockets are read."""
        assert self._standing_back is None, "there is one other lane"
        waiter = self._standing_back = self._loop.create_future()
        latest = self._clock.monotonic_seconds() + MAX_STAND_BACK_SECONDS
        limit = call_at(self._clock, latest, self.release)
        try:
            for _ in range(READ_TURNS):
                await asyncio.sleep(0)
            if not waiter.done():
                self._owed = self._open_count
                self.serve(0)
            await waiter
        finally:
            limit.cancel()
