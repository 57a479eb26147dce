"""Calls that block, each in a thread of its own, a bounded number at a time.

Threads of a pool are joined when the interpreter ends, so one call that never returns would keep
a stopped server from ending. These are daemon threads: what still blocks then is left behind. A
thread costs some tens of microseconds to start, little beside what blocks.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from realtime.errors import OverloadedError

R = TypeVar("R")


class BlockingCalls:
    """Runs calls in threads; belongs to one event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, max_threads: int, max_waiting: int = 10_000
    ) -> None:
        self._loop = loop
        self._free = max_threads
        self._max_threads = max_threads
        self._max_waiting = max_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def run(self, call: Callable[[], R]) -> R:
        """Return what `call` returns, or raise what it raises, once a thread was free for it.

        If whoever waits is cancelled, a call that has not begun is dropped; one that has goes on,
        and keeps its thread until it ends.

        Raises:
            OverloadedError: Too many calls are waiting.
        """
        if self._free:
            self._free -= 1
        else:
            await self._turn()
        answer: asyncio.Future[R] = self._loop.create_future()
        run_in_context = copy_context().run
        thread = threading.Thread(
            target=lambda: run_in_context(self._work, call, answer),
            name="realtime-blocking-call",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._hand_on()
            raise
        return await answer

    async def _turn(self) -> None:
        """Wait until a thread has been handed to this call."""
        if len(self._waiting) >= self._max_waiting:
            raise OverloadedError(
                f"Too many blocking calls are waiting (limit: {self._max_waiting}, of which "
                f"{self._max_threads} run at a time). Try again later"
            )
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._hand_on()
            raise

    def _work(self, call: Callable[[], R], answer: asyncio.Future[R]) -> None:
        """Make the call, in its thread."""
        result: Any = None
        failure: BaseException | None = None
        try:
            result = call()
        except StopIteration as error:  # a future can't carry it
            failure = RuntimeError(f"A blocking call raised StopIteration: {error}")
        except BaseException as error:
            failure = error
        try:
            self._loop.call_soon_threadsafe(self._finish, answer, result, failure)
        except RuntimeError:
            pass  # the loop has been closed: nobody waits any more

    def _finish(
        self, answer: asyncio.Future[Any], result: Any, failure: BaseException | None
    ) -> None:
        self._hand_on()
        if answer.done():
            return
        if failure is None:
            answer.set_result(result)
        else:
            answer.set_exception(failure)

    def _hand_on(self) -> None:
        """Give the thread of an ended call to the next one that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
