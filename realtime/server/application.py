"""The ASGI application: routes, and the life of the backend behind them.

    /api/sync, /api/{version}/sync    WebSocket: the sync protocol
    /api/query, /api/mutation, …      HTTP calls, with CORS
    /version, /ready, /metrics, …     for operators
    /realtime.js, /demo.json          for the app's page
    /realtime-dev.js, /realtime-dev   for the app's page while it is developed
    /                                 the app's `web/`

An application is started and stopped by the ASGI lifespan; `stop` may be called before, by a
server that wants the answers and the last transitions out before it closes connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

from realtime.clock import Clock
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.registry import LoadedApp
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import open_authenticator, open_token_check
from realtime.server.connection import CloseCode
from realtime.server.conversation_end import INTERNAL_ERROR
from realtime.server.cors import ApiGate
from realtime.server.dev_pages import DevPageFiles, DevPages
from realtime.server.http_api import HttpApi
from realtime.server.http_messages import Outcome, error_response
from realtime.server.live_sockets import LiveSockets
from realtime.server.loop_delay import LoopDelay
from realtime.server.metrics import CONTENT_TYPE, Metrics
from realtime.server.static_files import BROWSER_CLIENT, OWN_FILES, PageFiles
from realtime.server.value_format import clean_json

_log = logging.getLogger("realtime.server")

DEMO_PATH: Final = "seed:demo"
"""The function that puts an app's demo data in place, once, and returns where it is."""

_DISTRIBUTION: Final = "realtime-backend"
_STATUS_CODES: Final = {404: "NotFound", 405: "MethodNotAllowed"}


def _installed_version() -> str:
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an application is served with.

    `web_directory` None serves no page; `dev_pages` is there while the app is developed.
    """

    admin_key: AdminKey
    web_directory: Path | None = None
    version: str = field(default_factory=_installed_version)
    dev_pages: DevPages | None = None


class Application:
    """A running app as an ASGI application."""

    def __init__(self, backend: Backend, settings: ServerSettings, clock: Clock) -> None:
        self.backend = backend
        self._authenticator = open_authenticator(
            settings.admin_key,
            backend.app.auth_providers,
            clock,
            is_redacted=backend.redact_errors,
        )
        self.sockets = LiveSockets(backend, self._authenticator, clock)
        self.demo_json: bytes | None = None
        """What `/demo.json` serves: where the demo data is, once `seed:demo` has run."""
        self.before_serving: Callable[[], Awaitable[None]] | None = None
        """Called when the backend has started and nobody else can reach it yet."""
        self._settings = settings
        self._clock = clock
        self._own_files = PageFiles(OWN_FILES)
        self._loop_delay = LoopDelay()
        self._metrics = Metrics(backend, self.sockets, self._loop_delay)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None
        self._asgi = ApiGate(
            Starlette(
                routes=self._routes(),
                lifespan=self._lifespan,
                exception_handlers={HTTPException: _answer_http_exception},
            )
        )
        backend.on_fenced(self._fenced)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket or lifespan."""
        await self._asgi(scope, receive, send)

    async def start(self) -> None:
        """Start the backend, and take calls."""
        await self.backend.start()
        if self.before_serving is not None:
            await self.before_serving()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self.sockets.ping_idle(), name="pings"),
            loop.create_task(self._loop_delay.measure(self._clock), name="loop delay"),
        ]

    async def stop(self) -> None:
        """Stop in order; idempotent, and it may be awaited by several.

        New sockets and calls are refused, no further mutation starts; what ran is committed and
        answered and its transitions are sent; then the sockets close with 1001.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self.sockets.stop_accepting()
        try:
            await self.backend.stop()
        finally:
            self.sockets.close_all(CloseCode.GOING_AWAY, "")
            await self._authenticator.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def change_app(self, app: LoadedApp) -> None:
        """Serve another version of the app from here on; errors as `Backend.change_app`.

        Users who are signed in stay so until their tokens end, whoever vouches for users now.
        """
        providers = self.backend.app.auth_providers
        await self.backend.change_app(app)
        if app.auth_providers != providers:
            is_redacted = self.backend.redact_errors
            tokens = open_token_check(app.auth_providers, self._clock, is_redacted=is_redacted)
            await self._authenticator.change_tokens(tokens)

    def _fenced(self, cause: BaseException) -> None:
        del cause  # the backend has logged it
        self.sockets.close_all(CloseCode.INTERNAL_ERROR, INTERNAL_ERROR)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def run_function(self, call: FunctionCall) -> Outcome:
        """Run any function for an operator; what `seed:demo` returns is for the page to find."""
        outcome = await self.backend.run_function(call)
        if call.path == DEMO_PATH and outcome.value is not None and call.identity.is_admin:
            self.demo_json = clean_json(outcome.value)
        return outcome

    def _routes(self) -> list[BaseRoute]:
        settings = self._settings
        api = HttpApi(
            self.backend, self._authenticator, self._clock, settings.version, self.run_function
        )
        routes: list[BaseRoute] = [
            WebSocketRoute("/api/sync", self.sockets.endpoint),
            WebSocketRoute("/api/{version}/sync", self.sockets.endpoint),
            *api.routes(),
            Route("/metrics", self._get_metrics),
            Route(f"/{BROWSER_CLIENT}", self._get_browser_client),
            Route("/demo.json", self._get_demo),
        ]
        if settings.dev_pages is not None:
            routes += settings.dev_pages.routes()
        root = Route("/", _get_root)
        pages = settings.web_directory
        if pages is None:
            routes.append(root)
        elif settings.dev_pages is not None:  # the folder may yet be made
            routes.append(Mount("/", DevPageFiles(pages, otherwise=Router([root]))))
        else:
            routes.append(Mount("/", PageFiles(pages)) if pages.is_dir() else root)
        return routes

    async def _get_metrics(self, _: Request) -> Response:
        return Response(self._metrics.render(), headers={"content-type": CONTENT_TYPE})

    async def _get_browser_client(self, request: Request) -> Response:
        return await self._own_files.get_response(BROWSER_CLIENT, request.scope)

    async def _get_demo(self, _: Request) -> Response:
        if self.demo_json is None:
            raise HTTPException(404, f"There is no demo data: run `realtime run {DEMO_PATH}`")
        headers = {"cache-control": "no-store"}
        return Response(self.demo_json, media_type="application/json", headers=headers)


async def _get_root(_: Request) -> Response:
    return PlainTextResponse("This is a realtime server.\n")


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):
        code = _STATUS_CODES.get(error.status_code, "BadRequest")
        return error_response(error.status_code, code, f"{request.url.path}: {error.detail}")
    return PlainTextResponse(error.detail, error.status_code, error.headers)
