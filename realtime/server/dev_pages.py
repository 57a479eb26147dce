"""What the pages of an app are told while it is developed, and how.

Each page of `web/` gets a script, which keeps a socket open: on it comes the state of the app in
a line of JSON, at once and whenever it changes. The script shows what keeps the newest files from
being served, and loads the page again when its files have changed. Nothing of it is there under
`realtime serve`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime.server.static_files import OWN_FILES, PageFiles

SCRIPT: Final = "realtime-dev.js"
STATUS_PATH: Final = "/realtime-dev"

_TAG: Final = f'\n<script type="module" src="/{SCRIPT}"></script>\n'.encode()
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class DevStatus(msgspec.Struct, frozen=True):
    """What pages are told."""

    page: str
    """Changes with the files of the page."""
    error: str | None = None
    """Why the newest files of the app are not served, with file and line."""


class DevPages:
    """Tells the open pages of one server; belongs to its event loop."""

    def __init__(self, page: str) -> None:
        self._status = DevStatus(page)
        self._changed = asyncio.Event()
        self._own_files = PageFiles(OWN_FILES)

    def show_error(self, error: str | None) -> None:
        """Have pages show why the newest files are not served; None takes it away."""
        self._show(DevStatus(self._status.page, error))

    def change_page(self, page: str) -> None:
        """Have pages of another version load again."""
        self._show(DevStatus(page, self._status.error))

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the script and of its socket."""
        return [
            Route(f"/{SCRIPT}", self._get_script),
            WebSocketRoute(STATUS_PATH, self._serve_status),
        ]

    def _show(self, status: DevStatus) -> None:
        self._status = status
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _get_script(self, request: Request) -> Response:
        return await self._own_files.get_response(SCRIPT, request.scope)

    async def _serve_status(self, websocket: WebSocket) -> None:
        await websocket.accept()
        sending = asyncio.ensure_future(self._send_status(websocket))
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send_status(self, websocket: WebSocket) -> None:
        while True:
            changed = self._changed
            await websocket.send_text(msgspec.json.encode(self._status).decode())
            await changed.wait()


class DevPageFiles(PageFiles):
    """The files of `web/`, its pages with the script of `DevPages`; the folder may come and go."""

    def __init__(self, directory: Path, otherwise: ASGIApp) -> None:
        """Serve the files of `directory`; while it is not there, `otherwise` answers."""
        super().__init__(directory)
        self._folder = directory
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        served = super().__call__ if self._folder.is_dir() else self._otherwise
        await served(scope, receive, send)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file; a page is never taken from what the browser has."""
        if os.path.splitext(full_path)[1].lower() != ".html":
            return super().file_response(full_path, stat_result, scope, status_code)
        page = Path(full_path).read_bytes() + _TAG
        return Response(page, status_code, _HEADERS, media_type="text/html")
