"""Python names to wire names: the one place where a declared name changes its form.

Clients speak camelCase, Python speaks snake_case. Only *declared* names are renamed (functions,
parameters, fields), forward only, once, while an app is loaded. Keys of plain dictionaries are
data and pass unchanged. Two names with one wire name are refused by whoever declares them.
"""

from __future__ import annotations

import re

_UNDERSCORE_WORD = re.compile(r"(?<=[A-Za-z0-9])_+([A-Za-z0-9])")


def wire_name(python_name: str) -> str:
    """Return the wire form of a declared name: `session_id` gives `sessionId`.

    Underscores at the end are dropped (`list_` gives `list`), those in front stay. A name that is
    camelCase already is its own wire name.
    """
    stem = python_name.rstrip("_") or python_name
    return _UNDERSCORE_WORD.sub(lambda match: match.group(1).upper(), stem)
