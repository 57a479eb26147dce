"""Messages of a client that wait while its token is being checked (contract 1.10)."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from realtime.errors import OverloadedError
from realtime.sync.messages import Action, Authenticate, Connect, ModifyQuerySet, Mutation

MAX_WAITING_MESSAGES: Final = 1_000
MAX_WAITING_BYTES: Final = 64 * 2**20

ProcessedMessage: TypeAlias = Connect | Authenticate | ModifyQuerySet | Mutation | Action
"""A message that a session acts on."""


class WaitingMessage(NamedTuple):
    """A message with the time at which it came; it came as `size_bytes` of text."""

    message: ProcessedMessage
    server_time_ns: int
    size_bytes: int


class WaitingMessages:
    """A bounded queue, in the order in which they came."""

    __slots__ = ("_queue", "_size_bytes")

    def __init__(self) -> None:
        self._queue: list[WaitingMessage] = []
        self._size_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    def append(self, waiting: WaitingMessage) -> None:
        """Let a message wait; OverloadedError if too much waits already."""
        size_bytes = self._size_bytes + waiting.size_bytes
        if len(self._queue) >= MAX_WAITING_MESSAGES or size_bytes > MAX_WAITING_BYTES:
            raise OverloadedError(
                f"Expected at most {MAX_WAITING_MESSAGES} messages and {MAX_WAITING_BYTES} bytes "
                "while a token is being checked, got more"
            )
        self._queue.append(waiting)
        self._size_bytes = size_bytes

    def pop(self) -> WaitingMessage:
        """Return the message that has waited longest."""
        waiting = self._queue.pop(0)
        self._size_bytes -= waiting.size_bytes
        return waiting
