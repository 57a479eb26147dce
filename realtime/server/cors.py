"""Paths as clients spell them, and leave for pages of any origin to call the API.

Both stand in front of the routes. Addresses that users configure end in a slash or have a path
prefix, and clients append `/api/…` by string concatenation (contract 1.1, 11.24). Cross-origin
calls carry credentials, so the origin is mirrored rather than answered with `*` (2.1, 11.25).
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SLASHES: Final = re.compile("//+")
_API: Final = "/api/"
_PROBES: Final = frozenset(("/version", "/instance_version", "/instance_name", "/echo", "/ready"))
"""Routes outside of the API that pages of other origins may ask, such as dashboards."""
_METHODS: Final = "GET, POST, OPTIONS, PATCH, DELETE, PUT"
_MAX_AGE_SECONDS: Final = "86400"
_VARY: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def normal_path(path: str) -> str:
    """Return the path with single slashes, and from `/api/` on if a prefix stands before it."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    start = path.find(_API)
    return path if start <= 0 else path[start:]


class ApiGate:
    """Normalises paths, answers preflight requests and adds the CORS headers of the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path = normal_path(_path_below(scope.get("root_path", ""), scope["path"]))
        if path != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        is_open = path.startswith(_API) or path in _PROBES
        if scope["type"] == "websocket" or not is_open:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await _answer_preflight(Headers(scope=scope), send)
        else:
            await self._app(scope, receive, _with_cors(Headers(scope=scope), send))


def _path_below(mount: str, path: str) -> str:
    """Return a path without that of the mount under which a host serves the application."""
    return path.removeprefix(mount) if mount and path.startswith(f"{mount}/") else path


def _with_cors(request: Headers, send: Send) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add_cors(request, MutableHeaders(scope=message))
        await send(message)

    return send_with_cors


def _add_cors(request: Headers, response: MutableHeaders) -> None:
    response["vary"] = _VARY
    origin = request.get("origin")
    if origin is not None:
        response["access-control-allow-origin"] = origin
        response["access-control-allow-credentials"] = "true"


async def _answer_preflight(request: Headers, send: Send) -> None:
    response = MutableHeaders(raw=[])
    _add_cors(request, response)
    response["access-control-allow-methods"] = _METHODS
    response["access-control-max-age"] = _MAX_AGE_SECONDS
    response["content-length"] = "0"
    requested = request.get("access-control-request-headers")
    if requested is not None:
        response["access-control-allow-headers"] = requested
    await send({"type": "http.response.start", "status": 200, "headers": response.raw})
    await send({"type": "http.response.body", "body": b""})
