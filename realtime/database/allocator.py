"""Where new documents get their id, creation time and row from.

All three only grow. Creation times continue from the largest one ever given, so that creation
order is commit order; ids begin with time-ordered bytes, so that new rows land on few pages.
"""

from __future__ import annotations

import math

from realtime.clock import Clock
from realtime.values.ids import encode_id, new_internal_id

_RANDOM_BYTES = 10


class Allocator:
    """Hands out ids, creation times and locators; a gap after a failed batch is harmless."""

    def __init__(self, clock: Clock, last_creation_time: float, last_locator: int) -> None:
        self._clock = clock
        self.last_creation_time = last_creation_time
        self._last_locator = last_locator

    def next_creation_time(self, earliest_ms: float) -> float:
        """Return a creation time, at least `earliest_ms` and greater than all before (ms)."""
        after_last = math.nextafter(self.last_creation_time, math.inf)
        self.last_creation_time = max(after_last, earliest_ms)
        return self.last_creation_time

    def next_locator(self) -> int:
        """Return the place for a new row."""
        self._last_locator += 1
        return self._last_locator

    def next_document_id(self, table_number: int, creation_time: float) -> str:
        """Return a new id of a table."""
        internal = new_internal_id(int(creation_time), self._clock.random_bytes(_RANDOM_BYTES))
        return encode_id(table_number, internal)
