"""`Realtime`: an app inside of another program.

It is an ASGI application, for `uvicorn app:app` or under a path of FastAPI or Starlette, and a
caller of its own functions, without a socket. It runs between `start` and `stop`: of the ASGI
lifespan, where it is served by itself, or of an `async with` block. Hosts do not pass their
lifespan on to what they mount, so there the block is the host's to write; a request that comes
before it is refused with that sentence. To start at the first request instead was rejected: what
is wrong with an app would show late, and nothing would stop it in order.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from realtime.clock import SystemClock
from realtime.errors import RealtimeError, UnavailableError
from realtime.runtime.backend import Backend
from realtime.runtime.caller import Caller
from realtime.runtime.outcome import ADMIN
from realtime.runtime.registry import LoadedApp, load_app
from realtime.server.admin_key import AdminKey, load_admin_key, parse_admin_key
from realtime.server.application import Application, ServerSettings
from realtime.server.connection import CloseCode, short_reason
from realtime.server.opening import WEB_FOLDER, open_application
from realtime.storage.data_directory import DEFAULT_NAME, DataDirectory

_log = logging.getLogger("realtime.server")

_NOT_STARTED: Final = (
    "The realtime app is not running. A host passes no lifespan on to what is mounted in it: write "
    "`async with realtime:` around the `yield` of the host's own lifespan"
)
_STOPPED: Final = "The realtime app was stopped; nothing was done"


class Realtime(Caller):
    """An app as an ASGI application, and its functions as methods of this process.

    Calls of this process are trusted: they reach internal functions too, as nobody in particular
    or, by `as_user`, as a user.
    """

    def __init__(
        self,
        app_folder: str | Path = ".",
        *,
        data: str | Path | None = None,
        admin_key: str | None = None,
        redact_errors: bool = True,
        web: bool = True,
    ) -> None:
        """Describe the app; nothing is loaded or opened before it starts.

        Args:
            app_folder: The folder with `schema.py` and `functions/`.
            data: The data directory; by default `.realtime` in the app's folder.
            admin_key: The admin key, `name|secret`; by default that of `REALTIME_ADMIN_KEY` or of
                the data directory.
            redact_errors: Whether clients see request ids instead of error texts.
            web: Whether the app's `web/` is served, where there is one.
        """
        super().__init__(self._running_backend, ADMIN)
        self._folder = Path(app_folder).resolve()
        self._data = self._folder / DEFAULT_NAME if data is None else Path(data).resolve()
        self._admin_key = admin_key
        self._redact_errors = redact_errors
        self._web = web
        self._application: Application | None = None
        """What serves; from the start of a run to its end."""
        self._directory: DataDirectory | None = None
        self._was_stopped = False

    # Life

    async def start(self) -> None:
        """Load the app, own its data directory, recover from its file and take calls.

        Raises:
            DefinitionError: The app is not right, or does not fit what is stored.
            UnavailableError: It runs already, or another process has the data directory.
        """
        if self._directory is not None:
            raise UnavailableError("The realtime app is running already; start it once")
        app = load_app(self._folder, reuses_modules=True)
        directory = DataDirectory.open(self._data, option="data=", is_own_process=False)
        self._directory = directory
        try:
            application = self._open(app, directory)
            await application.start()
        except BaseException:
            directory.close()
            self._directory = None
            raise
        self._application = application

    async def stop(self) -> None:
        """End sockets and calls in order, as `realtime serve` does; idempotent.

        The data directory is given up.
        """
        application, self._application = self._application, None
        if application is None or self._directory is None:
            return
        self._was_stopped = True
        try:
            await application.stop()
        finally:
            self.end_watches(UnavailableError(_STOPPED))
            self._directory.close()
            self._directory = None

    async def __aenter__(self) -> Self:
        """Start, for the time of the block."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    def _open(self, app: LoadedApp, directory: DataDirectory) -> Application:
        clock = SystemClock()
        settings = ServerSettings(
            admin_key=self._key(directory, clock),
            web_directory=self._folder / WEB_FOLDER if self._web else None,
        )
        return open_application(app, directory, settings, clock, redact_errors=self._redact_errors)

    def _key(self, directory: DataDirectory, clock: SystemClock) -> AdminKey:
        if self._admin_key is not None:
            return parse_admin_key(self._admin_key, "admin_key=")
        return load_admin_key(os.environ, directory.path, self._folder.name, clock)

    def _running_backend(self) -> Backend:
        if self._application is None:
            raise UnavailableError(_STOPPED if self._was_stopped else _NOT_STARTED)
        return self._application.backend

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket or lifespan."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        elif self._application is not None:
            await self._application(scope, receive, send)
        else:
            await _refuse(_STOPPED if self._was_stopped else _NOT_STARTED, scope, receive, send)

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except RealtimeError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to an app that is not running; clients try again later."""
    _log.error("%s was refused: %s", scope["path"], reason)
    if scope["type"] == "http":
        await PlainTextResponse(f"{reason}.\n", 503)(scope, receive, send)
        return
    await receive()
    message: Message = {
        "type": "websocket.close",
        "code": CloseCode.TRY_AGAIN_LATER,
        "reason": short_reason(reason),
    }
    await send(message)
