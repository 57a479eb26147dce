"""What a server tells whoever started it: events, each a line to read or a line of JSON."""

from __future__ import annotations

import json
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from realtime.casing import wire_name

Tone: TypeAlias = Literal["plain", "good", "bad"]

_NAMED_FUNCTIONS: Final = 5


def _tag(class_name: str) -> str:
    return class_name[0].lower() + class_name[1:]


class _Event(msgspec.Struct, frozen=True, rename=wire_name, tag_field="event", tag=_tag):
    """The root of the events; in JSON, `event` says which one it is."""


class Serving(_Event, frozen=True):
    """Calls are taken from here on, at `url`."""

    app: str
    url: str
    data_directory: str
    is_watching: bool
    """Whether the files of the app are followed."""


class Reloaded(_Event, frozen=True):
    """A new version is served. `functions` are the paths of those that are not as before."""

    milliseconds: int
    functions: tuple[str, ...]


class NotReloaded(_Event, frozen=True):
    """The version before is served; `reason` begins with file and line where they are known."""

    reason: str


class PageChanged(_Event, frozen=True):
    """Open pages have been told to load again."""


class Generated(_Event, frozen=True):
    """The generated files are those of the served version; `files` had to be written."""

    files: tuple[str, ...]


class NotGenerated(_Event, frozen=True):
    """Generated files may be those of an earlier version."""

    reason: str


Event: TypeAlias = Serving | Reloaded | NotReloaded | PageChanged | Generated | NotGenerated


def json_line(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(msgspec.to_builtins(event))  # in ASCII: a path may be no Unicode


def text_lines(event: Event) -> list[str]:
    """Return what an event says to people; nothing if it is not worth a line."""
    match event:
        case Serving():
            watching = "Watching schema.py, functions/, auth_config.py and web/"
            return [
                f"Serving {event.app} at {event.url}",
                *([watching] if event.is_watching else []),
            ]
        case Reloaded(milliseconds, functions):
            return [f"Reloaded in {milliseconds} ms: {_listed(functions)}"]
        case NotReloaded(reason):
            return [f"Not reloaded, the version before goes on serving: {reason}"]
        case PageChanged():
            return ["The page has changed: open pages load again"]
        case Generated(files):
            return [f"Wrote {', '.join(files)}"] if files else []
        case NotGenerated(reason):
            return [f"Generated files were not written: {reason}"]
        case _:
            assert_never(event)


def tone(event: Event) -> Tone:
    """Return how an event is to be taken."""
    match event:
        case NotReloaded() | NotGenerated():
            return "bad"
        case Reloaded() | PageChanged():
            return "good"
        case Serving() | Generated():
            return "plain"
        case _:
            assert_never(event)


def _listed(functions: tuple[str, ...]) -> str:
    if not functions:
        return "no function has changed"
    shown = ", ".join(functions[:_NAMED_FUNCTIONS])
    others = len(functions) - _NAMED_FUNCTIONS
    return f"{shown} and {others} more" if others > 0 else shown
