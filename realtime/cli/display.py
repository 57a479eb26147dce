"""Where the events of a server are shown: lines of text, lines of JSON, or a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from typing import Protocol, TextIO

from realtime.cli.events import Event, json_line, text_lines


class Display(Protocol):
    """Shows what happens to the server."""

    def show(self, event: Event) -> None:
        """Show one event; any thread may call it."""
        ...


@contextmanager
def open_display(*, as_json: bool, is_for_developer: bool) -> Generator[Display, None, None]:
    """Return the display for the output of this command, as long as the block lasts.

    As JSON, the output has nothing but events: what functions print goes where errors go.
    """
    output = sys.stdout
    _escape_strange_letters(output)
    if as_json:
        with redirect_stdout(sys.stderr):
            yield JsonDisplay(output)
    elif is_for_developer and output.isatty() and os.environ.get("TERM") != "dumb":
        from realtime.cli.status_line import open_status_line  # here, as only developers need rich

        with open_status_line() as display:
            yield display
    else:
        yield TextDisplay(output)


class TextDisplay:
    """Prints a line for each event, for people and their logs."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def show(self, event: Event) -> None:
        """Print what an event says."""
        for line in text_lines(event):
            _write_line(self._output, line)


class JsonDisplay:
    """Prints a JSON object in a line for each event, for programs."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def show(self, event: Event) -> None:
        """Print an event."""
        _write_line(self._output, json_line(event))


def _escape_strange_letters(output: TextIO) -> None:
    """Have a text with letters that the output does not know printed, not raised."""
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(errors="backslashreplace")


def _write_line(output: TextIO, line: str) -> None:
    try:
        output.write(f"{line}\n")  # in one piece: threads take turns by lines
        output.flush()
    except BrokenPipeError:  # who read the output has seen enough; the server goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
