"""A client that writes and reads its frames by hand."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tests.integration.server.accepted_sockets import DEADLINE_SECONDS, Accepted, Listener


def frame(opcode: int, payload: bytes = b"", *, is_last: bool = True) -> bytes:
    """Return a masked frame of a client; the mask is zero."""
    assert len(payload) < 126
    return bytes([(0x80 if is_last else 0) | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


HANDSHAKE = (
    b"GET /api/sync HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\n\r\n"
)


class RawClient:
    """A client that writes frames as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def receive_frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            first, length = await self._reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            return first & 0x0F, await self._reader.readexactly(length)

    async def read_to_end(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._reader.read()


@asynccontextmanager
async def raw_client(
    serve: Any, first: bytes = b"", **options: Any
) -> AsyncGenerator[tuple[RawClient, Any, Listener], None]:
    """Yield a raw client whose frames `first` follow its handshake without waiting for it."""
    accepted = Accepted()
    async with serve(accepted, **options) as server:
        reader, writer = await asyncio.open_connection(*server.host_and_port)
        writer.write(HANDSHAKE)
        connection, listener = await accepted.next()
        writer.write(first)
        await reader.readuntil(b"\r\n\r\n")
        try:
            yield RawClient(reader, writer), connection, listener
        finally:
            writer.close()
