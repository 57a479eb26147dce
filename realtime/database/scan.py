"""One pass over an index range, chunk by chunk, with the transaction's own writes laid over.

The storage is read in chunks so that a long scan can let the event loop turn between two of them;
it goes on after the last key, on the same snapshot. Rows read ahead wait in a buffer. The next
document is the smaller of the next stored row that this transaction has not changed and the next
pending document behind the position, decided only when it is asked for: so a handler may insert,
change and delete while it iterates, and meets exactly what stands there at that moment.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from realtime.database.catalog import IndexInfo
from realtime.database.interval import Interval
from realtime.database.read_set import ReadSet
from realtime.database.record import Record
from realtime.database.snapshot import Keyed, Snapshot
from realtime.database.write_set import WriteSet
from realtime.values.index_key import key_successor


class ReadMeter(Protocol):
    """Counts what is handed out; raises LimitError when it is too much."""

    def count_read(self, *records: Record) -> None:
        """Count documents."""
        ...


class Scan:
    """A position in an index range. `fill` reads, `next_record` hands out."""

    def __init__(
        self,
        snapshot: Snapshot,
        index: IndexInfo,
        interval: Interval,
        *,
        descending: bool,
        read_set: ReadSet,
        write_set: WriteSet | None,
        meter: ReadMeter,
    ) -> None:
        self._snapshot = snapshot
        self._index = index
        self._interval = interval
        self._descending = descending
        self._write_set = write_set
        self._meter = meter
        self._range = read_set.add_range(interval, descending=descending)
        self._lower, self._upper = interval.lower, interval.upper
        self._unread_lower, self._unread_upper = interval.lower, interval.upper
        self._buffer: deque[Keyed] = deque()
        self._storage_is_exhausted = interval.lower == interval.upper

    @property
    def needs_fill(self) -> bool:
        """Say whether rows must be read before the next document is known."""
        return not self._buffer and not self._storage_is_exhausted

    def fill(self, limit: int) -> None:
        """Read at most `limit` more rows from the snapshot."""
        rows = self._snapshot.scan(
            self._index,
            self._interval,
            self._unread_lower,
            self._unread_upper,
            descending=self._descending,
            limit=limit,
        )
        self._buffer.extend(rows)
        if len(rows) < limit:
            self._storage_is_exhausted = True
        elif self._descending:
            self._unread_upper = rows[-1][0]
        else:
            self._unread_lower = key_successor(rows[-1][0])

    def next_record(self) -> Record | None:
        """Return the next document, or None at the end of the range. Not while `needs_fill`."""
        row = self.next_row()
        return None if row is None else row[1]

    def next_row(self) -> Keyed | None:
        """Return the next document with its key, as `next_record`."""
        row = self._next_row()
        if row is None:
            return None
        if self._buffer and row is self._buffer[0]:
            self._buffer.popleft()
        self._pass(row[0])  # first: a failure for one too many depends on that one
        self._meter.count_read(row[1])
        return row

    def look_ahead(self) -> Keyed | None:
        """Return what `next_row` will, and stay before it.

        That it is there, or that nothing is, counts as read; the document does not.
        """
        row = self._next_row()
        if row is not None:
            self._range.reach(row[0])
        return row

    def _next_row(self) -> Keyed | None:
        assert not self.needs_fill
        stored = self._next_stored()
        if self.needs_fill:
            return None
        row = stored
        if self._write_set is not None:
            pending = self._write_set.next_record(
                self._index.index_id, self._lower, self._upper, descending=self._descending
            )
            if pending is not None and (stored is None or self._comes_first(pending, stored)):
                row = pending
        if row is None:
            self._range.reach_end()
        return row

    def next_records(self, limit: int | None) -> list[Record]:
        """Return the buffered documents at once, at most `limit`; [] if that can't be done.

        It can while the transaction's own writes can't come between them.
        """
        buffer = self._buffer
        if not self._has_plain_rows:
            return []
        if limit is None or limit >= len(buffer):
            rows = list(buffer)
            buffer.clear()
        else:
            rows = [buffer.popleft() for _ in range(limit)]
        records = [record for _, record in rows]
        self._pass(rows[-1][0])
        self._meter.count_read(*records)
        return records

    def next_rows(self, limit: int, size_bytes: int) -> list[Keyed]:
        """Return the buffered documents with their keys, as `next_records`.

        No other follows once they have `size_bytes`.
        """
        rows: list[Keyed] = []
        if not self._has_plain_rows:
            return rows
        buffer = self._buffer
        while buffer and len(rows) < limit and size_bytes > 0:
            rows.append(row := buffer.popleft())
            size_bytes -= len(row[1].document)
        if rows:
            self._pass(rows[-1][0])
            self._meter.count_read(*[record for _, record in rows])
        return rows

    @property
    def _has_plain_rows(self) -> bool:
        """Say whether rows are buffered and no write of the transaction can come between them."""
        return bool(self._buffer) and not (
            self._write_set is not None and self._write_set.touches_index(self._index.index_id)
        )

    @property
    def is_exhausted(self) -> bool:
        """Say whether the end of the range was reached and recorded."""
        covered = self._range.covered()
        return covered is self._interval

    def _next_stored(self) -> Keyed | None:
        buffer = self._buffer
        if self._write_set is not None:
            replaced = self._write_set.replaced_locators
            while buffer and buffer[0][1].locator in replaced:
                buffer.popleft()
        return buffer[0] if buffer else None

    def _comes_first(self, pending: Keyed, stored: Keyed) -> bool:
        return pending[0] > stored[0] if self._descending else pending[0] < stored[0]

    def _pass(self, key: bytes) -> None:
        self._range.reach(key)
        if self._descending:
            self._upper = key
        else:
            self._lower = key_successor(key)
