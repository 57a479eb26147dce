"""`realtime serve` and `realtime dev`: a server from its start to its end.

Start: load the app, own the data directory, open the storage and recover, run the function that
was asked for, listen. Stop, by SIGTERM or SIGINT: take no new connections, let the application
stop in order (see `Application.stop`), close, exit 0; a second signal exits at once. A server
whose storage has failed stops by itself and exits 1, so that whoever supervises it restarts it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, TypeAlias

import uvicorn

from realtime.cli.app_files import AppFiles
from realtime.cli.display import Display, open_display
from realtime.cli.events import Serving
from realtime.clock import Clock, SystemClock
from realtime.errors import NotFoundError, RealtimeError, UnavailableError
from realtime.runtime.outcome import ADMIN, FunctionCall
from realtime.runtime.registry import LoadedApp, load_app
from realtime.server.admin_key import load_admin_key
from realtime.server.application import Application, ServerSettings
from realtime.server.connection import MAX_MESSAGE_BYTES
from realtime.server.dev_pages import DevPages
from realtime.server.opening import WEB_FOLDER, open_application
from realtime.server.system_functions import with_system_functions
from realtime.server.websocket_protocol import RealtimeWebSocketProtocol
from realtime.storage.data_directory import DataDirectory
from realtime.values.nearest import suggestion

if TYPE_CHECKING:  # as it imports what only developers need
    from realtime.cli.generated_files import CodegenMode

FAILED: Final = 1

_KEEP_ALIVE_SECONDS: Final = 75
_CLOSE_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.1
_COLLECTOR_THRESHOLDS: Final = (10_000, 20, 100)
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger("realtime.cli")

Complete: TypeAlias = Callable[[LoadedApp], LoadedApp]
"""Adds to a loaded app what the server has of its own."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What to serve, where, and how."""

    app_folder: Path
    host: str
    port: int
    data_directory: Path
    redact_errors: bool
    run_path: str | None = None
    """A function to run before serving."""
    is_for_developer: bool = False
    """Whether the server follows its files, and logs a handler that blocks the loop."""
    codegen: CodegenMode = "never"
    """Which generated files are kept those of the app; for developers."""
    as_json: bool = False
    """Whether the output is events in JSON."""


def serve_app(options: ServeOptions) -> int:
    """Serve an app until a signal comes; return the exit code of the command."""
    try:
        is_for_developer = options.is_for_developer
        with open_display(as_json=options.as_json, is_for_developer=is_for_developer) as display:
            # Behind the display, which may take the place of the error output.
            logging.basicConfig(
                level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
            )
            return _serve(options, display, SystemClock())
    except RealtimeError as error:
        print(error, file=sys.stderr)
        return FAILED


def _serve(options: ServeOptions, display: Display, clock: Clock) -> int:
    # Before they are loaded, to miss no change.
    files = AppFiles.scan(options.app_folder) if options.is_for_developer else None
    app = load_app(options.app_folder)  # first: where there is no app, nothing is to be made
    if options.run_path is not None:
        _check_function(app, options.run_path)
    with DataDirectory.open(options.data_directory) as directory:
        with closing(_bind(options.host, options.port)) as listener:
            url = f"http://{_address(listener)}"
            complete = partial(with_system_functions, deployment_url=url)
            server = _open_server(app, complete, files, options, directory, display, clock)
            return server.serve_until_stopped(listener)


def _check_function(app: LoadedApp, path: str) -> None:
    if app.registry.find(path) is None:
        functions = sorted(app.registry.functions)
        raise NotFoundError(f"There is no function `{path}`: {suggestion(path, functions)}")


def _open_server(
    app: LoadedApp,
    complete: Complete,
    files: AppFiles | None,
    options: ServeOptions,
    directory: DataDirectory,
    display: Display,
    clock: Clock,
) -> AppServer:
    """Return a server of a completed app; it follows its files if they are given."""
    pages = None if files is None else DevPages(files.page_version)
    settings = ServerSettings(
        admin_key=load_admin_key(os.environ, directory.path, options.app_folder.name, clock),
        web_directory=options.app_folder / WEB_FOLDER,
        dev_pages=pages,
    )
    application = open_application(
        complete(app),
        directory,
        settings,
        clock,
        redact_errors=options.redact_errors,
        reports_blocked_loop=options.is_for_developer,
    )
    if files is None or pages is None:
        return AppServer(application, options, display)
    from realtime.cli.dev import DevServer  # here, as it imports what only developers need

    return DevServer(application, options, display, pages, files, complete)


class AppServer(uvicorn.Server):
    """Uvicorn around one application, with our order of starting and stopping."""

    def __init__(self, application: Application, options: ServeOptions, display: Display) -> None:
        super().__init__(_uvicorn_config(application))
        self.exit_code = 0
        self._application = application
        self._options = options
        self._display = display
        application.before_serving = self._run_at_start
        application.backend.on_fenced(self._fenced)

    def serve_until_stopped(self, listener: socket.socket) -> int:
        """Serve on a bound socket until a signal comes; return the exit code."""
        self.run([listener])
        return self.exit_code

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, listen, and say so."""
        await super().startup(sockets)
        if self.should_exit or self.exit_code:
            self.should_exit = True
            return
        _spare_the_collector()
        assert sockets is not None
        options = self._options
        self._display.show(
            Serving(
                app=options.app_folder.name,
                url=f"http://{_address(sockets[0])}",
                data_directory=str(options.data_directory),
                is_watching=options.is_for_developer,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the application while its sockets are still open, then close everything."""
        for server in self.servers:
            server.close()
        await self._application.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on the first signal and exit on the second; exit codes are ours."""
        before = {number: signal.signal(number, self._receive_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive_signal(self, number: int, _: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + number)
        self.should_exit = True

    def _fenced(self, cause: BaseException) -> None:
        del cause  # the backend has logged it
        self.exit_code = FAILED
        self.should_exit = True

    async def _run_at_start(self) -> None:
        path = self._options.run_path
        if path is None:
            return
        call = asyncio.ensure_future(
            self._application.run_function(FunctionCall(path, b"{}", ADMIN))
        )
        while not call.done():
            await asyncio.wait([call], timeout=_POLL_SECONDS)
            if self.should_exit:
                call.cancel()
                return
        try:
            outcome = call.result()
        except RealtimeError as error:
            self._fail_start(path, str(error))
            return
        if outcome.error is not None:
            self._fail_start(path, outcome.error.message)
            return
        assert outcome.value is not None
        _log.info("Ran %s: %s", path, outcome.value.decode())

    def _fail_start(self, path: str, reason: str) -> None:
        print(f"Running {path} failed: {reason.rstrip()}", file=sys.stderr)
        self.exit_code = FAILED


def _spare_the_collector() -> None:
    """Leave what a start has made out of cyclic garbage collection, and run its last stage rarely.

    A full collection looks at every object of every connection and would stop the loop for tens of
    milliseconds. Nearly all of what a call makes is freed by reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _uvicorn_config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws=RealtimeWebSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=None,  # the application's own pings find clients that are gone
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_CLOSE_SECONDS,
    )


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UnavailableError(
            f"Cannot listen on {host}:{port}: {error.strerror}. "
            "Choose another address with `--host` and `--port`"
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
