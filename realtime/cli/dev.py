"""`realtime dev`: a server that follows its files."""

from __future__ import annotations

import socket

from realtime.cli.app_files import AppFiles
from realtime.cli.display import Display
from realtime.cli.generated_files import GeneratedFiles
from realtime.cli.reload import Reloader
from realtime.cli.serve import AppServer, Complete, ServeOptions
from realtime.server.application import Application
from realtime.server.dev_pages import DevPages


class DevServer(AppServer):
    """A server whose app is reloaded when its files change."""

    def __init__(
        self,
        application: Application,
        options: ServeOptions,
        display: Display,
        pages: DevPages,
        files: AppFiles,
        complete: Complete,
    ) -> None:
        super().__init__(application, options, display)
        generated = GeneratedFiles(options.app_folder, options.codegen)
        self._reloader = Reloader(application, pages, files, display, generated, complete)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then watch."""
        await super().startup(sockets)
        if not self.should_exit:
            self._reloader.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Watch no more, then stop."""
        self._reloader.stop()
        await super().shutdown(sockets)
