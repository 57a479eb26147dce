"""Log lines at their borders; their form is tested with whole apps."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.runtime.log_lines import MAX_LINE_BYTES, MAX_LINES, Logger, LogLines

QUOTED = len("[LOG] ''")


def line_of(*values: Any) -> str:
    lines = LogLines()
    Logger(lines)(*values)
    (line,) = lines.lines()
    return line


@pytest.mark.parametrize(("over", "is_cut"), [(0, False), (1, True)])
def test_line_is_cut_only_beyond_the_limit_and_then_has_it(over: int, is_cut: bool) -> None:
    line = line_of("x" * (MAX_LINE_BYTES - QUOTED + over))

    assert len(line) == MAX_LINE_BYTES
    assert line.endswith(" (truncated due to length)") is is_cut


@pytest.mark.parametrize("padding", range(4))
def test_line_is_never_cut_inside_a_character(padding: int) -> None:
    line = line_of("x" * padding + "😀" * MAX_LINE_BYTES)

    text = line.removeprefix("[LOG] '").removesuffix(" (truncated due to length)")
    assert set(text) <= {"x", "😀"}
    assert MAX_LINE_BYTES - 3 <= len(line.encode()) <= MAX_LINE_BYTES


def test_last_line_within_the_limit_is_kept() -> None:
    lines = LogLines()
    for number in range(MAX_LINES + 1):
        Logger(lines).info(str(number))

    assert len(lines.lines()) == MAX_LINES
    assert lines.lines()[-1] == f"[INFO] '{MAX_LINES - 1}'"


class Silent:
    """An object that can't say what it is."""

    def __repr__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("value", "shown"), [(complex(1, 2), "(1+2j)"), (Silent(), "<Silent without a text>")]
)
def test_what_is_no_value_is_shown_all_the_same(value: Any, shown: str) -> None:
    assert line_of(value) == f"[LOG] {shown}"
