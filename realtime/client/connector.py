"""Drives a `ClientSession` over WebSocket connections, one after the other, as long as wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from realtime.client.backoff import Backoff
from realtime.client.session import ClientSession, Event, Refused
from realtime.client.together import run_together
from realtime.clock import Clock
from realtime.errors import ProtocolError

_OPEN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0
_SILENCE_SECONDS: Final = 30.0
"""A server says something at least every 15 seconds (contract 1.11); one that does not is gone."""
_OVERLOADED: Final = 1013
_HEADERS: Final = {"Convex-Client": "realtime-0.1.0"}
"""By name and version a server knows that large transitions may come in parts."""

_log: Final = logging.getLogger("realtime.client")


class Connector:
    """Keeps a session connected.

    `deliver` gets what happens, in order; `opened` and `lost` hear of each connection, the latter
    also of one that could not be opened, with the reason.
    """

    def __init__(
        self,
        session: ClientSession,
        address: str,
        clock: Clock,
        *,
        deliver: Callable[[Event], None],
        opened: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self._session = session
        self._address = address
        self._clock = clock
        self._deliver = deliver
        self._opened = opened
        self._lost = lost
        self._backoff = Backoff()
        self._has_work = asyncio.Event()
        self._message_count = 0
        self._refusal: str | None = None

    def wake(self) -> None:
        """Have the session asked for messages to send."""
        self._has_work.set()

    async def run(self) -> None:
        """Connect again and again, until the server refuses this client for good.

        Raises:
            ProtocolError: It does.
        """
        while True:
            reason, is_overloaded = await self._connect_once()
            for event in self._session.connection_lost(reason):
                self._deliver(event)
            if self._refusal is not None:
                raise ProtocolError(f"The server refuses this client: {self._refusal}")
            self._lost(reason)
            _log.debug("no connection to %s: %s", self._address, reason)
            spread = int.from_bytes(self._clock.random_bytes(4), "big") / 2**32
            await self._clock.sleep(
                self._backoff.next_delay_seconds(spread, is_overloaded=is_overloaded)
            )

    async def _connect_once(self) -> tuple[str, bool]:
        """Keep one connection; return why it ended, and whether the server has too much to do."""
        try:
            async with connect(
                self._address,
                additional_headers=_HEADERS,
                compression=None,
                max_size=None,
                ping_interval=None,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
            ) as socket:
                self._session.connection_opened()
                self._opened()
                await self._drive(socket)
        except ConnectionClosed as error:
            frame = error.rcvd
            if frame is None:
                return "The connection was cut", False
            return frame.reason or f"closed with code {frame.code}", frame.code == _OVERLOADED
        except (OSError, InvalidHandshake, WebSocketException, ProtocolError) as error:
            return _text_of(error), False
        raise AssertionError("A connection is driven until it fails")

    async def _drive(self, socket: ClientConnection) -> None:
        """Send, receive and listen for silence, until one of these fails."""
        self.wake()
        await run_together(
            self._receive(socket),
            self._send(socket),
            self._end_in_silence(),
            until=asyncio.FIRST_EXCEPTION,
        )

    async def _receive(self, socket: ClientConnection) -> None:
        while True:
            text = await socket.recv()
            self._message_count += 1
            for event in self._session.receive_message(text):
                if isinstance(event, Refused):
                    self._refusal = event.reason
                    raise ProtocolError(event.reason)
                self._deliver(event)
            if self._session.is_caught_up:
                self._backoff.reset()
            self.wake()

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            for message in self._session.messages_to_send():
                try:
                    await socket.send(message, text=True)
                except ConnectionClosed:
                    return  # what the server has said at last is still to be read

    async def _end_in_silence(self) -> None:
        heard = -1
        while heard != self._message_count:
            heard = self._message_count
            await self._clock.sleep(_SILENCE_SECONDS)
        raise ProtocolError(f"The server was silent for {_SILENCE_SECONDS:g} seconds")


def _text_of(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
