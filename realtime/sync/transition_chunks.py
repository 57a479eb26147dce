"""A large transition in parts, for clients that can put them together (contract 1.12).

The JSON text of the transition is cut into parts of at most 5 MB, never inside a character, and
each part travels as a string in a `TransitionChunk`. A part is escaped only when its turn comes,
when the client has taken the one before: until then it is a range of the pieces of the message,
which are shared with every other client of the same results. So a socket holds one part as bytes
of its own and not the whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import accumulate, pairwise
from typing import Final

from realtime.sync.messages import EncodedMessage, encode_transition_chunk

CHUNK_BYTES: Final = 5_000_000
"""The largest transition that is sent whole to clients that take chunks, and a part's size."""

_LONGEST_CHARACTER_BYTES: Final = 4


class TransitionChunks:
    """The parts of one transition that have not been taken yet, in order."""

    __slots__ = ("_offsets", "_part_count", "_parts", "_pieces", "_transition_id")

    def __init__(self, message: EncodedMessage, part_bytes: int) -> None:
        """Cut a transition into parts of at most `part_bytes`, at least four."""
        assert part_bytes >= _LONGEST_CHARACTER_BYTES
        self._pieces = message
        self._offsets = list(accumulate(map(len, message), initial=0))
        self._transition_id = self._offsets[-1]
        self._parts = deque(pairwise(self._cuts(part_bytes)))
        self._part_count = len(self._parts)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def take(self) -> EncodedMessage:
        """Return the next part as a message."""
        number = self._part_count - len(self._parts)
        text = b"".join(self._views(*self._parts.popleft()))
        return encode_transition_chunk(text, number, self._part_count, self._transition_id)

    def _cuts(self, part_bytes: int) -> list[int]:
        """Return where parts begin and end; every cut is before the first byte of a character."""
        size_bytes = self._offsets[-1]
        cuts = [0]
        while cuts[-1] + part_bytes < size_bytes:
            cut = cuts[-1] + part_bytes
            while self._byte_at(cut) & 0xC0 == 0x80:  # a byte that continues a character
                cut -= 1
            cuts.append(cut)
        return [*cuts, size_bytes]

    def _byte_at(self, position: int) -> int:
        number = bisect_right(self._offsets, position) - 1
        return self._pieces[number][position - self._offsets[number]]

    def _views(self, start: int, end: int) -> list[memoryview]:
        first = bisect_right(self._offsets, start) - 1
        views: list[memoryview] = []
        for number in range(first, len(self._pieces)):
            offset = self._offsets[number]
            if offset >= end:
                break
            views.append(memoryview(self._pieces[number])[max(start - offset, 0) : end - offset])
        return views
