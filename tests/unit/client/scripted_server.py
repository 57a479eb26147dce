"""A WebSocket server that says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from realtime.sync.messages import encode_timestamp
from tests.unit.client.wire import Message


class Peer:
    """One connection of a client."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self._version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": encode_timestamp(0)}

    async def receive(self, message_type: str) -> Message:
        """Return the next message of a type, passing over others."""
        while True:
            message: Message = json.loads(await self.socket.recv())
            if message["type"] == message_type:
                return message

    async def send(self, message_type: str, **members: Any) -> None:
        """Say something."""
        await self.socket.send(json.dumps({"type": message_type, **members}))

    async def transition(self, *modifications: Message, ts: int, **end: int) -> None:
        """Step from the present version to one with another timestamp."""
        start = self._version
        self._version = {**start, **end, "ts": encode_timestamp(ts)}
        versions = {"startVersion": start, "endVersion": self._version}
        await self.send("Transition", **versions, modifications=modifications)

    async def answer(self, request_id: int, result: Any, ts: int) -> None:
        """Answer a mutation with a success, and say that it is reflected."""
        answer = {"requestId": request_id, "success": True, "result": result, "logLines": []}
        await self.send("MutationResponse", **answer, ts=encode_timestamp(ts))
        await self.transition(ts=ts)


class ScriptedServer:
    """Gives its connections to the test, one after the other."""

    def __init__(self) -> None:
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self.url = ""

    async def peer(self) -> Peer:
        """Return the next connection."""
        return await self._peers.get()

    async def take(self, socket: ServerConnection) -> None:
        self._peers.put_nowait(Peer(socket))
        await socket.wait_closed()


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Run such a server on a free port."""
    script = ScriptedServer()
    async with serve(script.take, "127.0.0.1", 0, ping_interval=None) as server:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield script
