"""The server of `realtime serve` in a thread, over a storage that the test has opened.

For what cannot be done to a server from outside: holding a COMMIT, or limiting the pages of a file.
Everything above the storage is what the program has; only signals are left out.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from realtime.cli.display import TextDisplay
from realtime.cli.serve import AppServer, ServeOptions
from realtime.clock import SystemClock
from realtime.runtime.backend import Backend
from realtime.runtime.registry import load_app
from realtime.server.admin_key import AdminKey
from realtime.server.application import Application, ServerSettings
from realtime.storage.persistence import Persistence
from tests.harness.server_process import ADMIN_KEY
from tests.harness.waiting import wait_for

T = TypeVar("T")

STOP_SECONDS = 30.0


class ThreadedServer(AppServer):
    """A server whose loop runs in a thread of this process."""

    url: str
    _loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as the program does."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def capture_signals(self) -> AbstractContextManager[None]:
        """Leave signals alone: they belong to the main thread."""
        return nullcontext()

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns on the server's loop, where its storage is at rest."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(STOP_SECONDS)


@contextmanager
def serving(app: Path, store: Persistence) -> Iterator[ThreadedServer]:
    """Serve an app from a storage until the block ends, which closes the storage."""
    clock = SystemClock()
    backend = Backend(load_app(app), store, clock, redact_errors=False)
    name, secret = ADMIN_KEY.split("|")
    settings = ServerSettings(AdminKey(name, secret))
    options = ServeOptions(app, "127.0.0.1", 0, app, redact_errors=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = Application(backend, settings, clock)
        server = ThreadedServer(application, options, TextDisplay(sys.stdout))
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_until_stopped, args=(listener,))
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the server to start")
            yield server
        finally:
            server.should_exit = True
            thread.join(STOP_SECONDS)
            assert not thread.is_alive(), "The server did not stop"
