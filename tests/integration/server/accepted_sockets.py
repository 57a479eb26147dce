"""Sockets that a server has accepted, with what their listener was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from realtime.server.asgi_connection import AsgiConnection
from realtime.server.connection import EXTENSION, MAX_MESSAGE_BYTES, ConnectionListener
from realtime.server.websocket_protocol import RealtimeWebSocketProtocol

DEADLINE_SECONDS = 10.0


MIB = 1024 * 1024


class Listener:
    """Keeps what a connection tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.messages: list[str | None] = []
        self.drained = 0
        self.lost: list[tuple[int, str]] = []
        self._told = asyncio.Event()

    def receive_text(self, text: str) -> None:
        self.messages.append(text)
        self._told.set()

    def receive_binary(self) -> None:
        self.messages.append(None)
        self._told.set()

    def connection_drained(self) -> None:
        self.drained += 1
        self._told.set()

    def connection_lost(self, code: int, reason: str) -> None:
        self.lost.append((code, reason))
        self._told.set()

    async def until(self, condition: Callable[[Listener], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition(self):
                self._told.clear()
                await self._told.wait()


class Accepted:
    """The server's side of the sockets of a test."""

    def __init__(self) -> None:
        self.sockets: asyncio.Queue[tuple[Any, Listener]] = asyncio.Queue()
        self.calls_under_way = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        listener = Listener()
        self.calls_under_way += 1
        try:
            extension = scope["extensions"].get(EXTENSION)
            if extension is None:
                connection = AsgiConnection(websocket.receive, websocket.send)
                self.sockets.put_nowait((connection, listener))
                await connection.run(cast(ConnectionListener, listener))
            else:
                extension["connection"].attach(listener)
                self.sockets.put_nowait((extension["connection"], listener))
        finally:
            self.calls_under_way -= 1

    async def next(self) -> tuple[Any, Listener]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.sockets.get()


Test = Callable[..., Awaitable[None]]


Pair = tuple[ClientConnection, Any, Listener]


@asynccontextmanager
async def connected(serve: Any, kind: str = "transport") -> AsyncGenerator[Pair, None]:
    """Yield a client, the server's connection to it and its listener."""
    accepted = Accepted()
    protocol = RealtimeWebSocketProtocol if kind == "transport" else "websockets-sansio"
    async with (
        serve(accepted, websocket=protocol, ws_max_size=MAX_MESSAGE_BYTES) as server,
        connect(server.sync_url, compression=None, max_size=None, ping_interval=None) as client,
    ):
        yield client, *await accepted.next()


KINDS = pytest.mark.parametrize("kind", ["transport", "asgi"])
