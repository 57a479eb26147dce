"""All sockets of one server: who takes them, pings them and closes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from starlette.responses import Response
from starlette.websockets import WebSocket

from realtime.clock import Clock
from realtime.runtime.backend import Backend
from realtime.server.asgi_connection import AsgiConnection
from realtime.server.auth.authenticator import Authenticator
from realtime.server.client_version import (
    HEADER,
    ClientVersion,
    client_of_header,
    client_of_path,
    deprecation_headers,
)
from realtime.server.connection import EXTENSION, CloseCode, Connection, TransportConnection
from realtime.server.ping_wheel import PingWheel, WatchWheel
from realtime.server.socket_calls import SocketCalls
from realtime.server.sync_worker import SyncServices, SyncWorker
from realtime.server.unsent_budget import UnsentBudget

PING_INTERVAL_SECONDS: Final = 15
WATCH_INTERVAL_SECONDS: Final = 5
_TICK_SECONDS: Final = 1.0
_DENIAL_EXTENSION: Final = "websocket.http.response"


class LiveSockets:
    """The open sockets, each with its worker."""

    def __init__(self, backend: Backend, authenticator: Authenticator, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._wheel = PingWheel(PING_INTERVAL_SECONDS)
        self._watch_wheel = WatchWheel(WATCH_INTERVAL_SECONDS)
        self._workers: set[SyncWorker] = set()
        self._is_open = True
        self._services = SyncServices(
            backend,
            SocketCalls(backend),
            clock,
            authenticator,
            self._wheel,
            UnsentBudget(),
            self._forget,
        )

    def __len__(self) -> int:
        """Return how many clients are connected."""
        return len(self._wheel)

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one socket: the ASGI endpoint of the sync routes."""
        if not self._is_open or self._backend.state != "running":
            await _refuse(websocket)
            return
        client = _client(websocket)
        await websocket.accept(headers=_encoded(deprecation_headers(client)))
        # The client may have gone, and the server may have stopped, while the answer was sent.
        extension: Any = websocket.scope.get("extensions", {}).get(EXTENSION)
        if extension is None:
            asgi_connection = AsgiConnection(websocket.receive, websocket.send)
            await asgi_connection.run(self._open(asgi_connection, client))
        else:
            connection = cast(TransportConnection, extension["connection"])
            connection.attach(self._open(connection, client))

    def stop_accepting(self) -> None:
        """Refuse new sockets from now on."""
        self._is_open = False

    def close_all(self, code: int, reason: str) -> None:
        """Close every socket with a close code and reason; none is accepted any more."""
        self._is_open = False
        for worker in list(self._workers):
            worker.close(code, reason)

    async def ping_idle(self) -> None:
        """Send pings to clients that hear nothing else, and find those that are gone.

        Until cancelled.
        """
        while True:
            await self._clock.sleep(_TICK_SECONDS)
            self._wheel.advance()
            self._watch_wheel.advance()

    def _forget(self, worker: SyncWorker) -> None:
        self._workers.discard(worker)
        self._watch_wheel.discard(worker)

    def _open(self, connection: Connection, client: ClientVersion) -> SyncWorker:
        worker = SyncWorker(connection, self._services, takes_chunks=client.takes_chunks)
        self._workers.add(worker)
        self._watch_wheel.add(worker)
        if not self._is_open:
            worker.close(CloseCode.GOING_AWAY, "")
        return worker


def _client(websocket: WebSocket) -> ClientVersion:
    """Return which client opens the socket; only that of npm has its version in the path."""
    version = websocket.path_params.get("version")
    if version is not None:
        return client_of_path(version)
    return client_of_header(websocket.headers.get(HEADER))


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _refuse(websocket: WebSocket) -> None:
    if _DENIAL_EXTENSION in websocket.scope.get("extensions", {}):
        refusal = Response("The server is starting or stopping. Try again in a moment", 503)
        await websocket.send_denial_response(refusal)
    else:
        await websocket.close(CloseCode.TRY_AGAIN_LATER)
