"""A half-open range of keys in one index: the unit of reading and of invalidation.

The same bytes are index row, scan bound and interval, so whether a write touches a read is one
comparison. `prefix` is the part of the bounds that the index's leading fields were pinned to by
equality; subscriptions and cached ranges are looked up by it.
"""

from __future__ import annotations

from typing import NamedTuple

from realtime.values.index_key import key_successor


class Interval(NamedTuple):
    """The keys `lower <= key < upper` of one index; `upper` None is the end of the index.

    Every key in it starts with `prefix`, which ends at a field boundary.
    """

    index_id: int
    prefix: bytes
    lower: bytes
    upper: bytes | None

    def contains(self, key: bytes) -> bool:
        """Say whether the interval holds `key`."""
        return self.lower <= key and (self.upper is None or key < self.upper)

    def part(self, after: bytes | None, until: bytes | None, *, descending: bool) -> Interval:
        """Return the keys behind `after`, up to and including `until`, in the order of a scan.

        None leaves that end as it is; what is outside of the interval cuts nothing off.
        """
        lower, upper = self.lower, self.upper
        if descending:
            floor, ceiling = until, after
        else:
            floor = None if after is None else key_successor(after)
            ceiling = None if until is None else key_successor(until)
        if floor is not None:
            lower = max(lower, floor)
        if ceiling is not None:
            upper = ceiling if upper is None else min(upper, ceiling)
        if upper is not None and upper < lower:
            upper = lower
        return self._replace(lower=lower, upper=upper)


class IndexEntry(NamedTuple):
    """A document's key in one index, with the lengths at which its fields end.

    `prefix_lengths` begins with 0 and ends with `len(key)`: an interval that holds the key has one
    of these prefixes of it as its own.
    """

    index_id: int
    key: bytes
    prefix_lengths: tuple[int, ...]
