"""Reading documents at one timestamp, each row checked.

A snapshot is a reader of the storage (a pinned generation, or the engine connection inside a batch)
with the hot cache in front where that is allowed. Every row that comes from the storage is
compared with what its document says its key must be: an index that disagrees with its documents
is found at the first read and not by a wrong answer. (The document's checksum is the storage's.)
"""

from __future__ import annotations

from collections.abc import Callable

from realtime.database.catalog import BY_ID, IndexInfo
from realtime.database.hot_cache import MAX_DOCUMENTS, HotCache
from realtime.database.interval import Interval
from realtime.database.record import Record
from realtime.errors import CorruptionError
from realtime.storage.persistence import Reader
from realtime.storage.records import StoredRow
from realtime.values.index_key import encode_key, key_successor, prefix_end

Keyed = tuple[bytes, Record]


class Snapshot:
    """One consistent state of all documents, without the reader's own writes."""

    def __init__(
        self,
        reader: Reader,
        hot_cache: HotCache | None = None,
        is_current: Callable[[], bool] = lambda: False,
    ) -> None:
        """Read through `reader`; `is_current` says whether the hot cache shows the same state."""
        self._reader = reader
        self._hot_cache = hot_cache
        self._is_current = is_current

    def get(self, key: bytes) -> Record | None:
        """Return the document with this key in the index by id, or None."""
        interval = Interval(BY_ID, key, key, key_successor(key))
        rows = self._read(None, interval, key, interval.upper, descending=False, limit=1)
        return rows[0][1] if rows else None

    def scan(
        self,
        index: IndexInfo,
        interval: Interval,
        lower: bytes,
        upper: bytes | None,
        *,
        descending: bool,
        limit: int,
    ) -> list[Keyed]:
        """Return at most `limit` rows of `lower <= key < upper`, a part of `interval`, in order.

        Fewer than `limit` rows mean that there is nothing more.
        """
        return self._read(index, interval, lower, upper, descending=descending, limit=limit)

    def _read(
        self,
        index: IndexInfo | None,
        interval: Interval,
        lower: bytes,
        upper: bytes | None,
        *,
        descending: bool,
        limit: int,
    ) -> list[Keyed]:
        cache = self._hot_cache if self._is_current() else None
        prefix, index_id = interval.prefix, interval.index_id
        if cache is not None:
            found = cache.lookup(index_id, prefix, lower, upper, descending=descending, limit=limit)
            if found is not None:
                return found
        rows = [
            _checked(index, row)
            for row in self._reader.scan(index_id, lower, upper, descending=descending, limit=limit)
        ]
        if cache is not None and _is_whole_prefix(index, prefix, lower, upper):
            if len(rows) < min(limit, MAX_DOCUMENTS) or index is None:
                kept = [(key, Record(record.locator, record.document)) for key, record in rows]
                cache.insert(index_id, prefix, kept[::-1] if descending else kept)
        return rows


def _is_whole_prefix(
    index: IndexInfo | None, prefix: bytes, lower: bytes, upper: bytes | None
) -> bool:
    if index is None:
        return True
    return index.index_id != BY_ID and lower == prefix and upper == prefix_end(prefix)


def _checked(index: IndexInfo | None, row: StoredRow) -> Keyed:
    record = Record(row.locator, row.document)
    name = "by_id" if index is None else f"{index.table_name}.{index.name}"
    if index is None or index.index_id == BY_ID:
        expected = encode_key(record.value.get("_id"))
    else:
        expected = index.entry(record.value).key
    if expected != row.key:
        raise CorruptionError(
            f"Index {name} holds a row for document {record.value.get('_id')!r} under a key that "
            "the document does not have: stop the server and restore the data directory from a "
            "backup"
        )
    return row.key, record
