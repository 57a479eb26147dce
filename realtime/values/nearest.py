"""The name that was probably meant, for error texts about names that do not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_LISTED = 20


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return how an error text about an unknown name goes on: the nearest name, else them all."""
    names = list(known)
    nearest = get_close_matches(name, names, n=1)
    if nearest:
        return f"did you mean `{nearest[0]}`?"
    if not names:
        return "there are none"
    listed = ", ".join(f"`{known_name}`" for known_name in names[:_MAX_LISTED])
    return f"there are {listed}{' and more' if len(names) > _MAX_LISTED else ''}"
