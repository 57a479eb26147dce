"""`realtime dev`: a server that follows its files, and says so in the terminal."""

from __future__ import annotations

import socket
from typing import Final, assert_never

from rich.console import Console
from rich.text import Text

from realtime.cli.app_files import AppFiles
from realtime.cli.reload import NotReloaded, PageChanged, Reloaded, Reloader, Report
from realtime.cli.serve import AppServer, Complete, ServeOptions
from realtime.server.application import Application
from realtime.server.dev_pages import DevPages

_NAMED_FUNCTIONS: Final = 5


class DevServer(AppServer):
    """A server whose app is reloaded when its files change."""

    def __init__(
        self,
        application: Application,
        options: ServeOptions,
        pages: DevPages,
        files: AppFiles,
        complete: Complete,
    ) -> None:
        super().__init__(application, options)
        self._terminal = DevTerminal()
        self._reloader = Reloader(application, pages, files, self._terminal, complete)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then watch."""
        await super().startup(sockets)
        if not self.should_exit:
            self._terminal.say("Watching schema.py, functions/, auth_config.py and web/", "dim")
            self._reloader.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Watch no more, then stop."""
        self._reloader.stop()
        await super().shutdown(sockets)


class DevTerminal:
    """What the developer reads: a line for each change, and for what is wrong."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def say(self, line: str, style: str) -> None:
        """Print a line."""
        self._console.print(Text(line, style))

    def show(self, report: Report) -> None:
        """Print one report of the reloader."""
        match report:
            case Reloaded(milliseconds, functions):
                self.say(f"Reloaded in {milliseconds} ms: {_listed(functions)}", "green")
            case NotReloaded(reason):
                self.say(f"Not reloaded, the version before goes on serving: {reason}", "red")
            case PageChanged():
                self.say("The page has changed: open pages load again", "green")
            case _:
                assert_never(report)


def _listed(functions: tuple[str, ...]) -> str:
    if not functions:
        return "no function has changed"
    shown = ", ".join(functions[:_NAMED_FUNCTIONS])
    others = len(functions) - _NAMED_FUNCTIONS
    return f"{shown} and {others} more" if others > 0 else shown
