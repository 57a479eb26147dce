"""What a server shows: as text, as JSON, and in the last line of a terminal."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from rich.console import Console

from realtime.cli.display import JsonDisplay, TextDisplay, open_display
from realtime.cli.events import (
    Event,
    Generated,
    NotGenerated,
    NotReloaded,
    PageChanged,
    Reloaded,
    Serving,
)
from realtime.cli.status_line import Status, open_status_line

SERVING = Serving(
    app="chat", url="http://127.0.0.1:3210", data_directory="/chat/.realtime", is_watching=True
)
EXAMPLES: list[tuple[Event, dict[str, object], list[str]]] = [
    (
        SERVING,
        {
            "event": "serving",
            "app": "chat",
            "url": "http://127.0.0.1:3210",
            "dataDirectory": "/chat/.realtime",
            "isWatching": True,
        },
        [
            "Serving chat at http://127.0.0.1:3210",
            "Watching schema.py, functions/, auth_config.py and web/",
        ],
    ),
    (
        Reloaded(41, ("notes:add", "notes:list")),
        {"event": "reloaded", "milliseconds": 41, "functions": ["notes:add", "notes:list"]},
        ["Reloaded in 41 ms: notes:add, notes:list"],
    ),
    (
        NotReloaded("functions/notes.py:3: SyntaxError"),
        {"event": "notReloaded", "reason": "functions/notes.py:3: SyntaxError"},
        [
            "Not reloaded, the version before goes on serving: functions/notes.py:3: SyntaxError",
        ],
    ),
    (PageChanged(), {"event": "pageChanged"}, ["The page has changed: open pages load again"]),
    (
        Generated(("_generated/api.d.ts",)),
        {"event": "generated", "files": ["_generated/api.d.ts"]},
        ["Wrote _generated/api.d.ts"],
    ),
    (Generated(()), {"event": "generated", "files": []}, []),
    (
        NotGenerated("cannot write `x`: No space left on device"),
        {"event": "notGenerated", "reason": "cannot write `x`: No space left on device"},
        ["Generated files were not written: cannot write `x`: No space left on device"],
    ),
]


@pytest.mark.parametrize(("event", "encoded", "lines"), EXAMPLES)
def test_event_is_shown_as_text_or_as_one_line_of_json(
    event: Event, encoded: dict[str, object], lines: list[str]
) -> None:
    as_text, as_json = io.StringIO(), io.StringIO()

    TextDisplay(as_text).show(event)
    JsonDisplay(as_json).show(event)

    assert as_text.getvalue().splitlines() == lines
    assert as_json.getvalue().count("\n") == 1
    assert json.loads(as_json.getvalue()) == encoded


def test_of_many_functions_only_some_are_named() -> None:
    output = io.StringIO()

    TextDisplay(output).show(Reloaded(9, tuple("abcdefg")))

    assert output.getvalue() == "Reloaded in 9 ms: a, b, c, d, e and 2 more\n"


def test_what_functions_print_does_not_mix_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    with open_display(as_json=True, is_for_developer=True) as display:
        print("printed by a function")
        display.show(PageChanged())
    print("afterwards")

    output, errors = capsys.readouterr()
    assert output == '{"event": "pageChanged"}\nafterwards\n'
    assert errors == "printed by a function\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_what_the_output_has_no_letters_for_is_escaped(
    monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)

    with open_display(as_json=as_json, is_for_developer=False) as display:
        display.show(NotReloaded("Grüße \udcff"))

    output.seek(0)
    line = output.read()
    assert line.isascii()
    assert "Gr" in line and "udcff" in line


def test_output_that_nobody_reads_any_more_is_no_failure() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output:
        os.close(reading)

        TextDisplay(output).show(PageChanged())
        TextDisplay(output).show(PageChanged())


def test_without_a_terminal_there_is_no_status_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for output, terminal in ((io.StringIO(), "xterm"), (Terminal(), "dumb")):
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setenv("TERM", terminal)

        with open_display(as_json=False, is_for_developer=True) as display:
            display.show(PageChanged())

        assert output.getvalue() == "The page has changed: open pages load again\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([], "starting"),
        ([SERVING], "chat  http://127.0.0.1:3210  serving"),
        ([SERVING, Reloaded(41, ())], "chat  http://127.0.0.1:3210  reloaded in 41 ms"),
        (
            [SERVING, Reloaded(41, ()), NotReloaded("schema.py:1: first\nsecond")],
            "chat  http://127.0.0.1:3210  not reloaded: schema.py:1: first",
        ),
        (
            [SERVING, NotReloaded("x"), PageChanged(), Reloaded(7, ())],
            "chat  http://127.0.0.1:3210  reloaded in 7 ms",
        ),
        (
            [SERVING, NotGenerated("no room"), Reloaded(7, ())],
            "chat  http://127.0.0.1:3210  files not generated: no room",
        ),
        (
            [SERVING, NotGenerated("no room"), NotReloaded("x")],
            "chat  http://127.0.0.1:3210  not reloaded: x",
        ),
        ([SERVING, NotGenerated("no room"), Generated(())], "chat  http://127.0.0.1:3210  serving"),
    ],
)
def test_status_tells_what_is_served_and_what_is_wrong(events: list[Event], text: str) -> None:
    status = Status()

    for event in events:
        status = status.after(event)

    assert status.text().plain == text


def test_status_line_stays_below_what_is_printed_and_leaves_nothing_behind() -> None:
    output = Terminal()
    console = Console(file=output, force_terminal=True, color_system=None, width=40, height=9)
    screen: list[str] = []

    with open_status_line(console) as display:
        display.show(SERVING)
        print("printed by a function")
        display.show(NotReloaded("functions/notes.py:3: SyntaxError"))
        screen.append(shown_on_a_terminal(output.getvalue()))
    screen.append(shown_on_a_terminal(output.getvalue()))

    printed = [
        "Serving chat at http://127.0.0.1:3210",
        "Watching schema.py, functions/, auth_config.py and web/",
        "printed by a function",
        "Not reloaded, the version before goes on serving: functions/notes.py:3: SyntaxError",
    ]
    status = "chat  http://127.0.0.1:3210  not reload…"
    assert screen[0].splitlines() == [*printed, status]
    assert screen[1].splitlines() == printed


def shown_on_a_terminal(output: str) -> str:
    """Return what is left on the screen, of output that erases its last line only."""
    lines = [""]
    position = 0
    while position < len(output):
        for code, (is_erasing, is_up) in CODES.items():
            if output.startswith(code, position):
                lines = lines[:-1] if is_up else lines
                lines[-1] = "" if is_erasing else lines[-1]
                position += len(code)
                break
        else:
            if output[position] == "\n":
                lines.append("")
            else:
                lines[-1] += output[position]
            position += 1
    return "\n".join(lines)


CODES = {
    "\r\x1b[1A\x1b[2K": (True, True),
    "\r\x1b[2K": (True, False),
    "\x1b[2K": (True, False),
    "\x1b[1A": (False, True),
    "\r": (False, False),
    "\x1b[?25l": (False, False),
    "\x1b[?25h": (False, False),
}
