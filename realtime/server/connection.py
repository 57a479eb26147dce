"""The border between a socket and the worker that speaks the sync protocol over it.

A worker pushes messages into a `Connection` and is called back through a `ConnectionListener`;
neither side awaits the other. There are two connections: `websocket_protocol.py` writes frames
straight to uvicorn's transport, `asgi_connection.py` goes through any server's ASGI `send`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

EXTENSION: Final = "realtime.transport"
"""The key in an ASGI scope's extensions of a socket that can be taken over."""

MAX_MESSAGE_BYTES: Final = 17 * 1024 * 1024
"""The largest message that a client may send; a larger one closes its socket with 1009."""

MAX_REASON_BYTES: Final = 123
"""The room for a reason in a close frame (RFC 6455, 5.5)."""


class CloseCode:
    """The close codes that we send or tell (contract 1.11; RFC 6455, 7.4.1)."""

    NORMAL: Final = 1000
    GOING_AWAY: Final = 1001
    UNSUPPORTED_DATA: Final = 1003
    ABNORMAL: Final = 1006
    INVALID_TEXT: Final = 1007
    POLICY_VIOLATION: Final = 1008
    INTERNAL_ERROR: Final = 1011
    TRY_AGAIN_LATER: Final = 1013


class ConnectionListener(Protocol):
    """Who is told what happens on a connection; called on the event loop.

    After `close` no message comes any more; after `connection_lost`, which always comes, nothing.
    """

    def receive_text(self, text: str) -> None:
        """Take one message of the client."""
        ...

    def receive_binary(self) -> None:
        """Learn that the client sent a binary message, which the sync protocol has no use for."""
        ...

    def connection_drained(self) -> None:
        """Learn that no byte is left unsent after a pause."""
        ...

    def connection_lost(self, code: int, reason: str) -> None:
        """Learn that the socket is gone, with the client's close code and reason if it had any."""
        ...


class Connection(Protocol):
    """An open socket that takes whole text messages."""

    @property
    def is_paused(self) -> bool:
        """Return whether bytes are waiting because the client has not taken them yet."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """Return how many bytes wait in this process for the client to take them."""
        ...

    def write(self, messages: Sequence[Sequence[bytes]]) -> None:
        """Send messages in order, each given as pieces of UTF-8 text.

        Never blocks. Nothing happens on a connection that is closing or gone.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame after what was written; the socket goes soon after.

        A client that does not take the frame in time is cut off. Idempotent.
        """
        ...

    def abort(self) -> None:
        """Cut the socket off at once and forget what is unsent."""
        ...

    def check_alive(self) -> bool:
        """Send a ping frame; return whether anything came from the client since the last call.

        Clients answer ping frames by themselves. Always true where the host does this itself.
        """
        ...


class TransportConnection(Connection, Protocol):
    """A connection that stands in the scope of its ASGI call, and outlives it once attached."""

    def attach(self, listener: ConnectionListener) -> None:
        """Take the accepted socket over: from now on the listener gets all messages."""
        ...


def short_reason(text: str) -> str:
    """Return the text cut to what a close frame holds."""
    encoded = text.encode()
    if len(encoded) <= MAX_REASON_BYTES:
        return text
    return encoded[:MAX_REASON_BYTES].decode(errors="ignore")
