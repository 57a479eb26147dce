"""A connection over any ASGI server: for hosts that are not uvicorn with our protocol class.

Writing costs a copy and an awaited `send`; there is one sending task while something is unsent
and none otherwise. The host's own limits on messages hold.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from starlette.types import Receive, Send

from realtime.server.connection import CloseCode, ConnectionListener, short_reason


class AsgiConnection:
    """An accepted WebSocket of which only ASGI's `receive` and `send` are known."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._listener: ConnectionListener | None = None

    @property
    def is_paused(self) -> bool:
        """Return whether messages are waiting for the server to take them."""
        return self._sender is not None

    @property
    def unsent_bytes(self) -> int:
        """Return the size of the messages that the server has not taken."""
        return self._unsent_bytes

    def write(self, messages: Sequence[Sequence[bytes]]) -> None:
        """Send messages in order, each given as pieces of UTF-8 text."""
        if self._closing is not None:
            return
        for pieces in messages:
            message = b"".join(pieces)
            self._unsent.append(message)
            self._unsent_bytes += len(message)
        self._start_sending()

    def close(self, code: int, reason: str) -> None:
        """Close the socket after what was written."""
        if self._closing is None:
            self._closing = (code, short_reason(reason))
            self._start_sending()

    def abort(self) -> None:
        """Forget what is unsent and close; ASGI has no way to cut a socket off."""
        self.close(CloseCode.TRY_AGAIN_LATER, "")
        self._unsent.clear()
        self._unsent_bytes = 0

    def check_alive(self) -> bool:
        """Return true: ASGI knows no ping frames, they are the host's."""
        return True

    async def run(self, listener: ConnectionListener) -> None:
        """Give the client's messages to the listener until the socket is gone."""
        self._listener = listener
        try:
            while True:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    self._notify_lost(event.get("code", 1005), event.get("reason") or "")
                    return
                if self._closing is not None:
                    continue
                text = event.get("text")
                if text is None:
                    listener.receive_binary()
                else:
                    listener.receive_text(text)
        finally:
            self._notify_lost(CloseCode.ABNORMAL, "")
            if self._sender is not None:
                self._sender.cancel()

    def _start_sending(self) -> None:
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._unsent:
                message = self._unsent.popleft()
                self._unsent_bytes -= len(message)
                await self._send({"type": "websocket.send", "text": message.decode()})
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError):
            # ASGI servers say so in different ways that the client is gone; `receive` tells too.
            self._unsent.clear()
            self._unsent_bytes = 0
        finally:
            self._sender = None
        if self._listener is not None and self._closing is None:
            self._listener.connection_drained()

    def _notify_lost(self, code: int, reason: str) -> None:
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.connection_lost(code, reason)
