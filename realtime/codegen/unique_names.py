"""Names for what is generated, each given once."""

from __future__ import annotations

from collections.abc import Iterable


class UniqueNames:
    """The names of one scope that are taken."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """Return `wanted`, or with the first number from 2 on that makes it new."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}{number}"
        self._taken.add(name)
        return name
