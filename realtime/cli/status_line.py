"""The last line of a developer's terminal: what is served, where, and whether it is the newest.

Events and all that the program prints go above it. It is drawn when something happens, not by a
clock, and leaves nothing behind.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, assert_never

from rich.console import Console
from rich.live import Live
from rich.text import Text

from realtime.cli.events import (
    Event,
    Generated,
    NotGenerated,
    NotReloaded,
    PageChanged,
    Reloaded,
    Serving,
    Tone,
    text_lines,
    tone,
)

_STYLES: Final[dict[Tone, str]] = {"plain": "dim", "good": "green", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a server, as the events so far tell it."""

    app: str = ""
    url: str = ""
    newest: str = "starting"
    """How the served version came to be."""
    reload_problem: str | None = None
    codegen_problem: str | None = None

    def after(self, event: Event) -> Status:
        """Return the state that an event leads to."""
        match event:
            case Serving():
                return Status(event.app, event.url, "serving")
            case Reloaded(milliseconds):
                newest = f"reloaded in {milliseconds} ms"
                return replace(self, newest=newest, reload_problem=None)
            case NotReloaded(reason):
                return replace(self, reload_problem=f"not reloaded: {reason}")
            case Generated():
                return replace(self, codegen_problem=None)
            case NotGenerated(reason):
                return replace(self, codegen_problem=f"files not generated: {reason}")
            case PageChanged():
                return self
            case _:
                assert_never(event)

    def text(self) -> Text:
        """Return the line; what does not fit in the terminal is cut off."""
        problem = self.reload_problem or self.codegen_problem
        told = (self.newest, "green") if problem is None else (problem.splitlines()[0], "red")
        parts = [(self.app, "bold"), (self.url, "cyan"), told]
        shown = [part for part in parts if part[0]]
        between = Text("  ", no_wrap=True, overflow="ellipsis", end="")
        return between.join(Text(text, style) for text, style in shown)


@contextmanager
def open_status_line(console: Console | None = None) -> Generator[StatusDisplay, None, None]:
    """Keep a status line at the end of the terminal as long as the block lasts."""
    console = console or Console(highlight=False)
    live = Live(
        Status().text(),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stderr=sys.stderr.isatty(),
    )
    with live:
        console.show_cursor(True)  # a program that is killed could not bring it back
        yield StatusDisplay(console, live)


class StatusDisplay:
    """Prints events above the line, and brings the line up to date."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._status = Status()

    def show(self, event: Event) -> None:
        """Print an event and show the state that it leads to."""
        style = _STYLES[tone(event)]
        self._status = self._status.after(event)
        self._live.update(self._status.text())
        for line in text_lines(event):
            self._console.print(Text(line, style), soft_wrap=True)
        self._live.refresh()
