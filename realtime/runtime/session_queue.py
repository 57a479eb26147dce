"""What waits in a lane: in order within a session, round-robin over sessions.

A session that queues a thousand calls delays itself; the only call of another one is still among
the next. A session is whatever its calls name: a socket, or the address of an HTTP caller.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Container
from typing import Generic, TypeVar

from realtime.errors import OverloadedError

T = TypeVar("T")

MAX_WAITING = 10_000
MAX_WAITING_PER_SESSION = 1_000


class SessionQueue(Generic[T]):
    """A bounded queue; `len` is what waits in all."""

    def __init__(self, noun: str, code: str) -> None:
        """`noun` (plural) and `code` name what waits, for the error of one too many."""
        self._noun = noun
        self._code = code
        self._queues: OrderedDict[object, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, session: object, item: T) -> None:
        """Queue an item; OverloadedError when too many wait."""
        queue = self._queues.get(session)
        if self._count >= MAX_WAITING or (
            queue is not None and len(queue) >= MAX_WAITING_PER_SESSION
        ):
            raise self.refusal()
        if queue is None:
            queue = self._queues[session] = deque()
        queue.append(item)
        self._count += 1

    def pop(self) -> T | None:
        """Take the next item; None if nothing waits."""
        if not self._count:
            return None
        session, queue = self._queues.popitem(last=False)
        item = queue.popleft()
        if queue:
            self._queues[session] = queue
        self._count -= 1
        return item

    def drop(self, session: object) -> list[T]:
        """Take back what a session has waiting, in order."""
        queue = self._queues.pop(session, None)
        if queue is None:
            return []
        self._count -= len(queue)
        return list(queue)

    def drop_all(self, but: Container[object] = ()) -> list[T]:
        """Take back everything, session by session, but for some sessions."""
        sessions = [session for session in self._queues if session not in but]
        return [item for session in sessions for item in self.drop(session)]

    def refusal(self) -> OverloadedError:
        """Return the error of one too many."""
        return OverloadedError(
            f"Too many {self._noun} are waiting (limit: {MAX_WAITING_PER_SESSION} a client, "
            f"{MAX_WAITING} in all). Wait for some to finish",
            code=self._code,
        )
