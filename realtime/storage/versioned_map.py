"""A sorted map that keeps the past versions of its entries, for snapshots in memory.

Each value is stored with the sequence number of the transaction that wrote it; None stands for a
deletion. A reader at sequence S sees of each key the newest version not after S. So a snapshot is
a number, a commit changes nothing here, and a rollback drops the versions of one sequence.
Versions that no reader can see any more are forgotten when the owner says so.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Any)  # comparable with its like
ValueT = TypeVar("ValueT")


class VersionedMap(Generic[KeyT, ValueT]):
    """Keys in order, each with its versions, oldest first and of rising sequence numbers."""

    def __init__(self) -> None:
        self._keys: list[KeyT] = []
        self._versions: dict[KeyT, list[tuple[int, ValueT | None]]] = {}
        self._written: deque[tuple[int, KeyT]] = deque()
        """What was written at which sequence, until earlier versions of the key are forgotten."""

    @property
    def version_count(self) -> int:
        """Return how many versions are kept, of all keys."""
        return sum(map(len, self._versions.values()))

    def get(self, key: KeyT, sequence: int) -> ValueT | None:
        """Return the value at `sequence`, None if there is none."""
        for version, value in reversed(self._versions.get(key, ())):
            if version <= sequence:
                return value
        return None

    def put(self, key: KeyT, value: ValueT | None, sequence: int) -> None:
        """Set or delete (None) the value from `sequence` on, the newest so far."""
        versions = self._versions.get(key)
        if versions is None:
            versions = self._versions[key] = []
            insort(self._keys, key)
        if versions and versions[-1][0] == sequence:
            versions[-1] = (sequence, value)
        else:
            assert not versions or versions[-1][0] < sequence
            versions.append((sequence, value))
            self._written.append((sequence, key))

    def items(
        self, lower: KeyT, upper: KeyT | None, sequence: int, *, descending: bool = False
    ) -> Iterator[tuple[KeyT, ValueT]]:
        """Yield what exists at `sequence` in [lower, upper), in key order or its reverse.

        Nothing may be written while it is iterated over.
        """
        first = bisect_left(self._keys, lower)
        end = len(self._keys) if upper is None else bisect_left(self._keys, upper)
        positions = range(first, end)
        for position in reversed(positions) if descending else positions:
            key = self._keys[position]
            value = self.get(key, sequence)
            if value is not None:
                yield key, value

    def descending_items(self, sequence: int) -> Iterator[tuple[KeyT, ValueT]]:
        """Yield everything that exists at `sequence`, from the largest key down."""
        for key in reversed(self._keys):
            value = self.get(key, sequence)
            if value is not None:
                yield key, value

    def undo(self, sequence: int) -> None:
        """Drop the versions written at `sequence`, the newest so far."""
        while self._written and self._written[-1][0] == sequence:
            _, key = self._written.pop()
            versions = self._versions[key]
            assert versions[-1][0] == sequence
            versions.pop()
            if not versions:
                self._remove(key)

    def forget_before(self, sequence: int) -> None:
        """Drop what no reader at `sequence` or later can see."""
        while self._written and self._written[0][0] <= sequence:
            written, key = self._written.popleft()
            versions = self._versions[key]
            while versions[0][0] < written:
                del versions[0]
            if versions[0] == (written, None):
                del versions[0]
            if not versions:
                self._remove(key)

    def _remove(self, key: KeyT) -> None:
        del self._versions[key]
        del self._keys[bisect_left(self._keys, key)]
