"""Frames written straight to uvicorn's transport; the one module that knows uvicorn's classes.

A push to a thousand sockets is a thousand small heads and one shared result. Through ASGI each
of them costs a coroutine, a copy of the result into a frame and a dictionary of events. So this
subclass of uvicorn's sans-IO WebSocket implementation hands itself over in the scope, as the
extension `realtime.transport`: the sync worker writes `[frame header, head, shared bytes, tail]`
to the transport in one call, and gets the client's messages by a call rather than by a queue.
The handshake, parsing and control frames stay uvicorn's.

What differs from the base class once a listener is attached:

- The write buffer limits are zero, so that pausing means "a byte is unsent" and resuming means
  "everything was taken": the worker builds its next transition exactly then.
- A message too large to accept closes the socket in order: after the close frame only our half
  of the TCP stream is closed, and what the client still sends is thrown away. Closing the whole
  at once would answer the rest with a reset, and the client would never see code and reason.
- Fragments are gathered in one buffer and pongs are dropped while the client takes nothing: a
  client can make the server hold neither a list of empty fragments nor a pile of pongs.
- The connection outlives the ASGI call, so an idle socket holds no task.
- Whether the client is there is asked for all sockets by one timer, not by timers of each.
- Closing has a deadline after which the socket is cut off, whether or not its bytes were taken.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

from realtime.server.connection import EXTENSION, CloseCode, ConnectionListener, short_reason

if TYPE_CHECKING:
    from websockets.frames import Frame
    from websockets.http11 import Request

_UNSENT_IN_KERNEL_BYTES: Final = 128 * 1024
_LAST_SECONDS: Final = 2.0
"""How long a server that ends waits for a client to answer its close frame."""
# One copy and write(2) cost less than writev(2) of the pieces up to here ([m] 7.4 against 8.3 µs
# for 10 kB); larger results are better shared by all sockets that have them unsent.
_COPY_BELOW_BYTES: Final = 16 * 1024
_TEXT_FRAME: Final = 0x81
_PING_FRAME: Final = b"\x89\x00"
_SHORT_HEADER: Final = Struct("!BB").pack
_MEDIUM_HEADER: Final = Struct("!BBH").pack
_LONG_HEADER: Final = Struct("!BBQ").pack


def text_frame_header(size_bytes: int) -> bytes:
    """Return the header of an unmasked, final text frame (RFC 6455, 5.2)."""
    if size_bytes < 126:
        return _SHORT_HEADER(_TEXT_FRAME, size_bytes)
    if size_bytes < 65536:
        return _MEDIUM_HEADER(_TEXT_FRAME, 126, size_bytes)
    return _LONG_HEADER(_TEXT_FRAME, 127, size_bytes)


class _Sink:
    """Takes the place of the queue and the event that an ASGI call would wait for."""

    def put_nowait(self, event: object) -> None:
        """Drop an event for the ASGI call."""

    def set(self) -> None:
        """Do nothing: nobody waits for room to write."""

    def clear(self) -> None:
        """Do nothing as well."""


_SINK: Final = _Sink()


class RealtimeWebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket of uvicorn that a sync worker can take over; it is then its `Connection`."""

    listener: ConnectionListener | None = None
    is_paused = False
    _is_discarding = False
    _has_received = False

    def attach(self, listener: ConnectionListener) -> None:
        """Take the accepted socket over: from now on the listener gets all messages.

        Messages that the client sent before its handshake was answered come first.
        """
        self.listener = listener
        self.transport.set_write_buffer_limits(high=0)
        self._limit_unsent_in_kernel()
        while not self.queue.empty():
            event: Any = self.queue.get_nowait()
            if event["type"] == "websocket.receive":
                self._deliver(event.get("text"))
            elif event["type"] == "websocket.disconnect":
                self._notify_lost(event["code"], event.get("reason") or "")
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._forget_asgi()

    def _forget_asgi(self) -> None:
        """Let go of what only the handshake and the ASGI call need: a quarter of an idle socket."""
        del self.scope, self.request, self.response
        sink: Any = _SINK
        self.queue = self.writable = sink

    @property
    def unsent_bytes(self) -> int:
        """Return how many bytes wait in the transport."""
        return self.transport.get_write_buffer_size()

    def write(self, messages: Sequence[Sequence[bytes]]) -> None:
        """Send messages in order, each given as pieces of UTF-8 text."""
        if self.close_sent or self.transport.is_closing():
            return
        output: list[bytes] = []
        size_bytes = 0
        for pieces in messages:
            message_bytes = sum(map(len, pieces))
            size_bytes += message_bytes
            output.append(text_frame_header(message_bytes))
            output.extend(pieces)
        if size_bytes < _COPY_BELOW_BYTES:
            self.transport.write(b"".join(output))
        else:
            self.transport.writelines(output)

    def close(self, code: int, reason: str) -> None:
        """Send a close frame after what was written; cut the socket off after `close_timeout`."""
        if self.close_sent or self.transport.is_closing() or self.conn.state is not OPEN:
            return
        self.conn.send_close(code, short_reason(reason))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self._abort_later()

    def abort(self) -> None:
        """Cut the socket off at once."""
        self.transport.abort()

    def check_alive(self) -> bool:
        """Send a ping frame; return whether anything came from the client since the last call."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(_PING_FRAME)
        has_received, self._has_received = self._has_received, False
        return has_received

    def shutdown(self) -> None:
        """Close for the end of the server; called by uvicorn, normally after the worker closed.

        The client's answer to the close frame ends the socket. Closing it at once would answer
        what the client is just sending with a reset, and it would see neither code nor reason.
        """
        if self.listener is None:
            super().shutdown()
            return
        self.close(CloseCode.GOING_AWAY, "")
        self.loop.call_later(_LAST_SECONDS, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        """Start the ASGI call as the base class does, with this connection in its scope."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope.setdefault("extensions", {})[EXTENSION] = {"connection": self}

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn from the event loop that the socket is gone."""
        super().connection_lost(exc)
        self._notify_lost(CloseCode.ABNORMAL, "")

    def pause_writing(self) -> None:
        """Learn from the transport that it holds unsent bytes."""
        super().pause_writing()
        self.is_paused = True

    def resume_writing(self) -> None:
        """Learn from the transport that everything was taken."""
        super().resume_writing()
        self.is_paused = False
        if self.listener is not None:
            self.listener.connection_drained()

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent, or throw it away after a message that was refused."""
        self._has_received = True
        if not self._is_discarding:
            super().data_received(data)

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to the message under way."""
        frames: list[Any] = self.frames  # declared as bytes, which uvicorn would join
        if not isinstance(frames[0], bytearray):
            frames[0] = bytearray(frames[0])
        frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Send the pong that the base class prepared, unless earlier bytes are still unsent."""
        output = self.conn.data_to_send()
        if not self.is_paused:
            self.transport.write(b"".join(output))

    def handle_close(self, event: Frame) -> None:
        """Answer the client's close frame and tell the listener."""
        super().handle_close(event)
        closed = self.conn.close_rcvd
        assert closed is not None
        self._notify_lost(closed.code, closed.reason)

    def handle_parser_exception(self) -> None:
        """Close in order after what the parser refused; it has put the close frame to be sent."""
        self._is_discarding = True
        self.close_sent = True
        self.stop_keepalive()
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._abort_later()
        refusal = self.conn.close_sent
        assert refusal is not None
        event: Any = {
            "type": "websocket.disconnect",
            "code": refusal.code,
            "reason": refusal.reason,
        }
        self.queue.put_nowait(event)
        self._notify_lost(refusal.code, refusal.reason)

    def send_receive_event_to_app(self) -> None:
        """Give a whole message to the listener, or to the ASGI application without one."""
        if self.listener is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        message = self.frames[0]
        self.frames = []
        if self.curr_msg_data_type != "text":
            self._deliver(None)
            return
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.conn.fail(CloseCode.INVALID_TEXT, "Message is not valid UTF-8")
            self.handle_parser_exception()
        else:
            self._deliver(text)

    async def run_asgi(self) -> None:
        """Run the ASGI application; a connection that was taken over outlives the call."""
        try:
            # uvicorn leaves the type of `app` open.
            await self.app(self.scope, self.receive, self.send)  # pyright: ignore[reportUnknownMemberType]
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application")
            self.send_500_response()
        else:
            if not self.handshake_complete:
                self.logger.error("ASGI application returned without completing the handshake")
                self.send_500_response()
        if self.listener is None and self.close_timer is None:
            self.transport.close()

    def _limit_unsent_in_kernel(self) -> None:
        # Else the kernel queues megabytes of states that a slow client will find outdated, and
        # the transport looks drained long before the client has seen anything of them.
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        connection = self.transport.get_extra_info("socket")
        if option is None or connection is None or connection.family == socket.AF_UNIX:
            return
        connection.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_IN_KERNEL_BYTES)

    def _deliver(self, text: str | None) -> None:
        if self.listener is None:
            return
        if text is None:
            self.listener.receive_binary()
        else:
            self.listener.receive_text(text)

    def _notify_lost(self, code: int, reason: str) -> None:
        if self.listener is not None:
            listener, self.listener = self.listener, None
            listener.connection_lost(code, reason)

    def _abort_later(self) -> None:
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
