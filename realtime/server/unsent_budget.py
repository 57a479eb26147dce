"""A limit on the bytes that wait in this process for clients to take them.

A socket has at most one transition unsent, but responses and other sockets add up. A socket that
is written to while too much of it is unsent is closed; when all sockets together hold too much,
the one that holds most is closed, again and again until it fits. Sockets that are being closed
still hold their bytes until they take them or are cut off; they have as much room again, beyond
which they are cut off at once. So memory is bounded by twice the total.

Only sockets that are behind are known here, so a server whose clients keep up pays nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

MAX_UNSENT_BYTES_PER_SOCKET: Final = 32 * 1024 * 1024
"""What may be unsent when something is added to it; one message alone may be larger."""

MAX_UNSENT_BYTES: Final = 256 * 1024 * 1024
"""What may be unsent on all sockets together."""


class Holder(Protocol):
    """A socket that holds unsent bytes."""

    @property
    def unsent_bytes(self) -> int:
        """Return how many bytes it holds."""
        ...

    def close_as_too_slow(self) -> None:
        """Close the socket and tell the client why."""
        ...

    def abort(self) -> None:
        """Cut the socket off and drop its bytes."""
        ...


class UnsentBudget:
    """The sockets that are behind, with the bytes last seen at each."""

    def __init__(
        self,
        per_socket_bytes: int = MAX_UNSENT_BYTES_PER_SOCKET,
        total_bytes: int = MAX_UNSENT_BYTES,
    ) -> None:
        self._per_socket_bytes = per_socket_bytes
        self._total_limit_bytes = total_bytes
        self._open: dict[Holder, int] = {}
        self._closing: dict[Holder, int] = {}
        self._open_bytes = 0

    @property
    def open_bytes(self) -> int:
        """Return the bytes last seen at sockets that are not being closed."""
        return self._open_bytes

    def is_too_slow(self, holder: Holder) -> bool:
        """Return whether so much is unsent at this socket that nothing may be added."""
        return holder.unsent_bytes > self._per_socket_bytes

    def update(self, holder: Holder) -> None:
        """Look at a socket that has just been written to and is behind."""
        self._count(holder)
        if self._open_bytes > self._total_limit_bytes:
            self._close_slowest()

    def start_closing(self, holder: Holder) -> None:
        """Count a socket as one that is being closed; idempotent."""
        if self._open.get(holder) is None:
            return
        self.release(holder)
        self._closing[holder] = holder.unsent_bytes
        if sum(self._closing.values()) > self._total_limit_bytes:
            self._recount_closing()

    def release(self, holder: Holder) -> None:
        """Forget a socket that has caught up or is gone; idempotent."""
        self._open_bytes -= self._open.pop(holder, 0)
        self._closing.pop(holder, None)

    def _count(self, holder: Holder) -> None:
        size_bytes = holder.unsent_bytes
        self._open_bytes += size_bytes - self._open.get(holder, 0)
        self._open[holder] = size_bytes

    def _close_slowest(self) -> None:
        # What was counted has been drained in part since.
        for holder in self._open:
            self._count(holder)
        while self._open_bytes > self._total_limit_bytes:
            slowest = max(self._open, key=self._open.__getitem__)
            slowest.close_as_too_slow()
            self.start_closing(slowest)

    def _recount_closing(self) -> None:
        for holder in self._closing:
            self._closing[holder] = holder.unsent_bytes
        while sum(self._closing.values()) > self._total_limit_bytes:
            largest = max(self._closing, key=self._closing.__getitem__)
            del self._closing[largest]
            largest.abort()
