"""Values as people read them in error texts: `{channel: "test", count: 123.0}`.

Source: contract 5.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite, isnan
from typing import Any, Final

from realtime.values.value import Int64, Unset


def display_value(value: object) -> str:
    """Return the text for a value in an error message.

    Field names are sorted and unquoted, floats have a point and Int64 none, strings are quoted and
    escaped. Whatever is no value is shown as Python shows it: an error text never fails.
    """
    return _DISPLAYS.get(type(value), repr)(value)


def _display_none(value: None) -> str:
    return "null"


def _display_unset(value: Unset) -> str:
    return "undefined"


def _display_bool(value: bool) -> str:
    return "true" if value else "false"


def _display_float(number: float) -> str:
    if isfinite(number):
        return repr(number)
    if isnan(number):
        return "NaN"
    return "Infinity" if number > 0.0 else "-Infinity"


def _display_int(number: int) -> str:
    return f"{number}.0"


def _display_int64(number: Int64) -> str:
    return str(int(number))


def sendable_text(text: str) -> str:
    """Return `text` with lone surrogates written as escapes: no client can be sent one."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _display_str(text: str) -> str:
    return sendable_text(json.dumps(text, ensure_ascii=False))


def _display_bytes(content: bytes) -> str:
    return f'b"{content.hex()}"'


def _display_array(values: list[Any] | tuple[Any, ...]) -> str:
    return f"[{', '.join(map(display_value, values))}]"


def _display_object(fields: dict[Any, Any]) -> str:
    shown = sorted((str(name), display_value(item)) for name, item in fields.items())
    return f"{{{', '.join(f'{name}: {item}' for name, item in shown)}}}"


_DISPLAYS: Final[dict[type[Any], Callable[[Any], str]]] = {
    type(None): _display_none,
    Unset: _display_unset,
    bool: _display_bool,
    float: _display_float,
    int: _display_int,
    Int64: _display_int64,
    str: _display_str,
    bytes: _display_bytes,
    list: _display_array,
    tuple: _display_array,
    dict: _display_object,
}
