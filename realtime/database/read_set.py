"""What a transaction has read, as intervals of index keys.

A read set is exact: an interval ends where the handler's knowledge ends. A scan that was abandoned
after ten documents covers the keys up to the tenth, and nothing behind it; a scan that reached its
end covers its whole range, and with it the absence of anything else there. What was read ahead
but never handed out is not part of it. So a phantom cannot slip in, and a write elsewhere wakes
nobody.
"""

from __future__ import annotations

from realtime.database.interval import Interval
from realtime.database.limits import TransactionLimits, too_many_reads
from realtime.values.index_key import key_successor


class ReadRange:
    """The part of one scan that was handed out so far; it only grows."""

    __slots__ = ("_descending", "_interval", "_reached")

    def __init__(self, interval: Interval, *, descending: bool) -> None:
        self._interval = interval
        self._descending = descending
        self._reached: bytes | None = None
        """The last key handed out; b"" when the scan has reached its end."""

    def reach(self, key: bytes) -> None:
        """Cover everything up to and including `key`."""
        self._reached = key

    def reach_end(self) -> None:
        """Cover the whole range: the scan found nothing more."""
        self._reached = b""

    def covered(self) -> Interval | None:
        """Return what is covered, or None if nothing was handed out."""
        reached, interval = self._reached, self._interval
        if reached is None:
            return None
        if not reached:
            return interval
        if self._descending:
            return interval._replace(lower=reached)
        return interval._replace(upper=key_successor(reached))


class ReadSet:
    """All reads of one transaction."""

    __slots__ = ("_limit", "_points", "_ranges")

    def __init__(self, limits: TransactionLimits) -> None:
        self._limit = limits.intervals_read
        self._points: dict[tuple[int, bytes], None] = {}
        self._ranges: list[ReadRange] = []

    def add_point(self, index_id: int, key: bytes) -> None:
        """Record the look-up of one whole key, found or not."""
        self._points[index_id, key] = None
        self._check_limit()

    def add_range(self, interval: Interval, *, descending: bool) -> ReadRange:
        """Record the start of a scan; the range returned is extended as it goes on."""
        read_range = ReadRange(interval, descending=descending)
        self._ranges.append(read_range)
        self._check_limit()
        return read_range

    def intervals(self) -> tuple[Interval, ...]:
        """Return what was read so far, without duplicates."""
        found = dict.fromkeys(
            Interval(index_id, key, key, key_successor(key)) for index_id, key in self._points
        )
        for read_range in self._ranges:
            if (covered := read_range.covered()) is not None:
                found[covered] = None
        return tuple(found)

    def _check_limit(self) -> None:
        if len(self._points) + len(self._ranges) > self._limit:
            raise too_many_reads(self._limit)
