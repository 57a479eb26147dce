"""Sockets on which nothing comes: pings of both kinds, and the end of those that are gone."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from realtime.testing import VirtualClock
from tests.integration.server.running_app import DEADLINE_SECONDS, RunningApp, running_app

pytestmark = pytest.mark.asyncio

PONG = bytes([0x80 | Opcode.PONG, 0x80]) + bytes(4)


class SilentClient:
    """A socket that answers nothing by itself, with the frames that came on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.writer = writer
        self._reader = reader

    async def receive(self) -> None:
        """Take the next frame; raises IncompleteReadError at the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            first, length = await self._reader.readexactly(2)
            assert length < 126
            self.frames.append((first & 0x0F, await self._reader.readexactly(length)))

    def count(self, opcode: Opcode) -> int:
        return sum(kind == opcode for kind, _ in self.frames)


@asynccontextmanager
async def silent_client(app: RunningApp) -> AsyncGenerator[SilentClient, None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /api/1.48.0/sync HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield SilentClient(reader, writer)
    finally:
        writer.close()


async def tick(clock: VirtualClock) -> None:
    """Let a second pass, and the server act on it."""
    clock.advance(1)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_silent_client_is_pinged_in_both_ways_and_cut_off_after_120_seconds(
    serve: Any, tmp_path: Path
) -> None:
    clock = VirtualClock()
    async with running_app(serve, tmp_path, clock=clock) as app, silent_client(app) as client:
        while len(app.application.sockets) < 1:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0)
        seconds = 0
        while len(app.application.sockets):
            await tick(clock)
            seconds += 1
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            while True:
                await client.receive()

    # The handshake itself was a sign of life at the first look.
    assert seconds == 125
    assert client.count(Opcode.PING) >= 24
    assert [payload for kind, payload in client.frames if kind == Opcode.TEXT] == [
        b'{"type":"Ping"}'
    ] * 8


async def test_client_that_answers_pings_stays(serve: Any, tmp_path: Path) -> None:
    clock = VirtualClock()
    async with running_app(serve, tmp_path, clock=clock) as app, silent_client(app) as client:
        while len(app.application.sockets) < 1:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0)
        for _ in range(60):
            pings = client.count(Opcode.PING)
            for _ in range(5):
                await tick(clock)
            while client.count(Opcode.PING) == pings:
                await client.receive()
            client.writer.write(PONG)
            await client.writer.drain()

        assert len(app.application.sockets) == 1
