"""The stored documents that queries read again and again, kept encoded in memory.

Pinning a new generation empties the page cache of its reader, exactly when queries run again. So
whole equality prefixes (the messages of one session, one document by its id) are kept here, as
sorted keys with their records.

The rule that keeps it right: an entry is the *complete* content of its prefix at the newest durable
timestamp. It is made from one uninterrupted read of the whole prefix on the current generation, in
the same turn of the loop, and changed only by the step that makes a commit visible. Readers of
older generations and mutations do not look at it. Least recently used entries go first, by bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable

from realtime.database.interval import IndexEntry
from realtime.database.record import Record

_Keyed = list[tuple[bytes, Record]]

MAX_DOCUMENTS = 512
MAX_BYTES = 256 * 1024
_ROW_OVERHEAD_BYTES = 200
"""What a record costs beside its bytes: objects, list and key."""


class _Entry:
    __slots__ = ("keys", "records", "size_bytes")

    def __init__(self, prefix: bytes, rows: _Keyed) -> None:
        self.keys = [key for key, _ in rows]
        self.records = dict(rows)
        self.size_bytes = sum(_cost(key, record) for key, record in rows)
        self.size_bytes += len(prefix) + _ROW_OVERHEAD_BYTES


def _cost(key: bytes, record: Record) -> int:
    return len(key) + len(record.document) + _ROW_OVERHEAD_BYTES


class HotCache:
    """Whole equality prefixes of indexes, at the newest durable timestamp, bounded by bytes."""

    def __init__(self, capacity_bytes: int = 64 * 1024 * 1024) -> None:
        self._capacity_bytes = capacity_bytes
        self._entries: OrderedDict[tuple[int, bytes], _Entry] = OrderedDict()
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0

    def lookup(
        self,
        index_id: int,
        prefix: bytes,
        lower: bytes,
        upper: bytes | None,
        *,
        descending: bool,
        limit: int,
    ) -> _Keyed | None:
        """Return the rows of a range within `prefix` in index order, or None if not kept."""
        entry = self._entries.get((index_id, prefix))
        if entry is None:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end((index_id, prefix))
        keys = entry.keys
        start = 0 if lower <= prefix else bisect_left(keys, lower)
        end = len(keys) if upper is None else bisect_left(keys, upper)
        if descending:
            wanted = keys[max(start, end - limit) : end][::-1]
        else:
            wanted = keys[start : min(end, start + limit)]
        records = entry.records
        return [(key, records[key]) for key in wanted]

    def insert(self, index_id: int, prefix: bytes, rows: _Keyed) -> None:
        """Keep the complete content of `prefix`, in ascending order, unless it is too large."""
        if len(rows) > MAX_DOCUMENTS:
            return
        entry = _Entry(prefix, rows)
        if entry.size_bytes > MAX_BYTES:
            return
        self._drop((index_id, prefix))
        self._entries[index_id, prefix] = entry
        self.size_bytes += entry.size_bytes
        self._evict()

    def apply(
        self, removed: Iterable[IndexEntry], added: Iterable[IndexEntry], record: Record | None
    ) -> None:
        """Bring the entries up to date with one document's commit. Only for Advance."""
        for entry in removed:
            self._change(entry, None)
        # Its decoded value would cost a multiple of the bytes that are counted.
        kept = None if record is None else Record(record.locator, record.document)
        for entry in added:
            self._change(entry, kept)
        self._evict()

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.size_bytes = 0

    def _change(self, changed: IndexEntry, record: Record | None) -> None:
        index_id, key, prefix_lengths = changed
        for length in prefix_lengths:
            slot = (index_id, key[:length])
            entry = self._entries.get(slot)
            if entry is None:
                continue
            self.size_bytes -= entry.size_bytes
            old = entry.records.pop(key, None)
            if old is not None:
                entry.size_bytes -= _cost(key, old)
            if record is None and old is not None:
                del entry.keys[bisect_left(entry.keys, key)]
            elif record is not None:
                if old is None:
                    insort(entry.keys, key)
                entry.records[key] = record
                entry.size_bytes += _cost(key, record)
            self.size_bytes += entry.size_bytes
            if entry.size_bytes > MAX_BYTES or len(entry.keys) > MAX_DOCUMENTS:
                self._drop(slot)

    def _evict(self) -> None:
        while self.size_bytes > self._capacity_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, slot: tuple[int, bytes]) -> None:
        entry = self._entries.pop(slot, None)
        if entry is not None:
            self.size_bytes -= entry.size_bytes
