"""A uvicorn server on a real socket, in the event loop of the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from realtime.server.websocket_protocol import RealtimeWebSocketProtocol


class RunningServer(uvicorn.Server):
    """A server that tests start and stop; it takes no signals."""

    port: int
    on_started: asyncio.Event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started.set()

    @property
    def host_and_port(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sync_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/sync"


@asynccontextmanager
async def serving(
    app: Any, *, websocket: Any = RealtimeWebSocketProtocol, **options: Any
) -> AsyncGenerator[RunningServer, None]:
    """Run a server for an ASGI application on a free port, until the block ends."""
    defaults: dict[str, Any] = {
        "ws_per_message_deflate": False,
        "ws_ping_interval": None,
        "timeout_graceful_shutdown": 5,
        "lifespan": "off",
    }
    server = RunningServer(
        uvicorn.Config(app, ws=websocket, log_config=None, **{**defaults, **options})
    )
    server.on_started = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        task = asyncio.create_task(server._serve([listener]))
        await asyncio.wait_for(server.on_started.wait(), 10)
        try:
            yield server
        finally:
            server.should_exit = True
            await task
