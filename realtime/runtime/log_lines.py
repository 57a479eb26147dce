"""The lines that a function logs for its caller.

Source: contract 5.5. Every line starts with its level in brackets, strings stand in single quotes.
"""

from __future__ import annotations

from typing import Any, Literal

from realtime.values.annotations import ANY_CODEC
from realtime.values.display import display_value, sendable_text

Level = Literal["LOG", "DEBUG", "INFO", "WARN", "ERROR"]

MAX_LINES = 256
MAX_LINE_BYTES = 32 * 1024
_MAX_CHARACTER_BYTES = 4
_TRUNCATED = " (truncated due to length)"


class LogLines:
    """Collects the log lines of one run, nested functions included; what is over is dropped."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, level: Level, values: tuple[Any, ...]) -> None:
        """Add one line."""
        if len(self._lines) >= MAX_LINES:
            return
        line = f"[{level}] {' '.join(_shown(value) for value in values)}"
        self._lines.append(_cut(sendable_text(line)))

    def extend(self, lines: tuple[str, ...]) -> None:
        """Add the lines of a call that ran apart from this one."""
        self._lines += lines[: MAX_LINES - len(self._lines)]

    def lines(self) -> tuple[str, ...]:
        """Return the lines in order."""
        return tuple(self._lines)


def _cut(line: str) -> str:
    """Return a line that was too long up to the limit, saying so."""
    if len(line) * _MAX_CHARACTER_BYTES <= MAX_LINE_BYTES:
        return line
    encoded = line.encode()
    if len(encoded) <= MAX_LINE_BYTES:
        return line
    kept = encoded[: MAX_LINE_BYTES - len(_TRUNCATED)]
    return kept.decode(errors="ignore") + _TRUNCATED


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    for text_of in (_as_value, repr):
        try:
            return text_of(value)
        except Exception:  # the app's own classes may fail; logging never does
            continue
    return f"<{type(value).__name__} without a text>"


def _as_value(value: Any) -> str:
    return display_value(ANY_CODEC.encode(value))


class Logger:
    """Writes lines that travel with the result, or the failure, to the client.

    `ctx.log(*values)` logs at level LOG; the methods log at others. A run keeps 256 lines of at
    most 32 KiB each.
    """

    def __init__(self, lines: LogLines) -> None:
        self._lines = lines

    def __call__(self, *values: Any) -> None:
        """Log at level LOG."""
        self._lines.add("LOG", values)

    def debug(self, *values: Any) -> None:
        """Log at level DEBUG."""
        self._lines.add("DEBUG", values)

    def info(self, *values: Any) -> None:
        """Log at level INFO."""
        self._lines.add("INFO", values)

    def warn(self, *values: Any) -> None:
        """Log at level WARN."""
        self._lines.add("WARN", values)

    def error(self, *values: Any) -> None:
        """Log at level ERROR."""
        self._lines.add("ERROR", values)
