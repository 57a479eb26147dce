"""Tables as plain text and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ABSENT = "–"  # noqa: RUF001 (a dash in a table cell)

_NOTE_WIDTH = 100


@dataclass
class Table:
    """A title, a note under it, and rows of cells; the first column is text, the others numbers."""

    title: str
    note: str
    headers: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number for people: thousands apart, a fixed number of decimals."""
    return ABSENT if value is None else f"{value:,.{digits}f}".replace(",", " ")


def pair(values: Iterable[float | None], digits: int = 0) -> str:
    """Return the pinned and the unpinned value in one cell."""
    return " / ".join(number(value, digits) for value in values)


def render_plain(table: Table) -> str:
    """Return the table in columns of equal width."""
    lines = [table.headers, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.headers))]

    def render(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    head = render(table.headers)
    body = [render(row) for row in table.rows]
    note = textwrap.fill(table.note, _NOTE_WIDTH)
    return "\n".join([table.title, note, "", head, "-" * len(head), *body, ""])


def render_markdown(table: Table) -> str:
    """Return the table as Markdown with a heading."""
    lines = [f"### {table.title}", "", table.note, ""]
    lines.append("| " + " | ".join(table.headers) + " |")
    lines.append("|---" + "|---:" * (len(table.headers) - 1) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    return "\n".join([*lines, ""])
