"""How mutations become durable: batches on the engine connection, one COMMIT each.

The mutations of a batch run one after another inside one open SQLite transaction; each sees its
predecessors. A finished mutation's rows are written at once (`add`), the answers of all of them at
the end (`seal`). Then one COMMIT makes all of them durable, in the calling thread or in the commit
thread, and `Database.advance` makes them visible. Nothing of a batch is answered or pushed before.

Timestamps are `max(last + 1, now)` and are never used twice, also not after a batch has failed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b

from realtime.clock import Clock
from realtime.database.catalog import Catalog, PendingSchema, catalog_rows, table_entry
from realtime.database.interval import IndexEntry
from realtime.database.request_retention import RequestLimits, RequestRetention
from realtime.database.schema_check import written_misfit
from realtime.database.table_views import table_view
from realtime.database.timestamp import Timestamp
from realtime.database.write_set import PendingDocument, WriteSet
from realtime.storage.persistence import Persistence
from realtime.storage.records import RequestRecord, Revision, RowWrite

_CHECKSUM_BYTES = 16
_INLINE_SYNC_SECONDS = 0.001
_SYNC_WEIGHT = 0.2


class Batch:
    """What one open SQLite transaction will make durable."""

    def __init__(self, catalog: Catalog, first_timestamp: Timestamp) -> None:
        self.catalog = catalog
        self.first_timestamp = first_timestamp
        self.last_timestamp = first_timestamp
        """The timestamp of the newest mutation in it."""
        self.documents: list[PendingDocument] = []
        self.entries: list[IndexEntry] = []
        """Entries touched: all of each document's, before and after its writes."""
        self.row_count = 0
        self.size_bytes = 0
        self.mutation_count = 0
        self.requests: dict[tuple[str, int], RequestRecord] = {}
        """The answers to be repeated on a re-send, by session and request; written by `seal`."""
        self.changes_catalog = False
        """Whether a step of a change of the schema is in it."""

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to make durable."""
        has_rows = self.documents or self.requests or self.entries
        return not has_rows and not self.changes_catalog


class Committer:
    """The only writer. Used by one batch at a time, on the loop; `commit` may run elsewhere."""

    def __init__(
        self,
        persistence: Persistence,
        clock: Clock,
        last_timestamp: Timestamp,
        last_checksum: bytes,
        request_limits: RequestLimits,
    ) -> None:
        self._persistence = persistence
        self._clock = clock
        self._retention = RequestRetention(persistence, clock, request_limits)
        self._last_timestamp = last_timestamp
        self._last_checksum = last_checksum
        self._pending_checksum = last_checksum
        self.recent_sync_seconds = 0.0
        """A moving average of how long COMMIT took; changed by `commit`."""

    @property
    def sync_is_fast(self) -> bool:
        """Say whether a COMMIT on the loop would hardly be felt."""
        return self.recent_sync_seconds < _INLINE_SYNC_SECONDS

    def begin(self, catalog: Catalog) -> Batch:
        """Open a batch; raises as `Persistence.begin`."""
        self._persistence.begin()
        return Batch(catalog, Timestamp(self._last_timestamp + 1))

    def next_timestamp(self) -> Timestamp:
        """Return a new timestamp, greater than all before."""
        self._last_timestamp = Timestamp(max(self._last_timestamp + 1, self._clock.now_ns()))
        return self._last_timestamp

    def add(
        self, batch: Batch, writes: WriteSet, rows: Sequence[RowWrite], *, is_last: bool = True
    ) -> None:
        """Write rows of a finished mutation into the open transaction.

        A large write set comes in slices; with the last one the batch takes note of the whole.
        Any storage error leaves the transaction to be rolled back by the caller.
        """
        self._persistence.write_rows(rows)
        batch.row_count += len(rows)
        batch.size_bytes += sum(len(row.document or b"") for row in rows)
        if not is_last:
            return
        for name, table in writes.new_tables.items():
            table_row, index_rows = catalog_rows(table)
            self._persistence.write_catalog([table_row], index_rows)
            self._persistence.write_views([table_view(table)], keep_others=True)
            batch.catalog = batch.catalog.with_table(table)
            batch.entries += (table_entry(name), table_entry(table.number))
        if batch.catalog.pending is not None:
            self._note_pending(batch, writes)
        for pending in writes.documents():
            batch.documents.append(pending)
            batch.entries.extend(pending.before_entries)
            before = pending.before_entries
            batch.entries.extend([entry for entry in pending.after_entries if entry not in before])

    def find_request(self, batch: Batch, session_id: str, request_id: int) -> RequestRecord | None:
        """Return the answer of a request that has run before, in this batch or an earlier one."""
        found = batch.requests.get((session_id, request_id))
        return found or self._persistence.find_request(session_id, request_id)

    def _note_pending(self, batch: Batch, writes: WriteSet) -> None:
        """Keep what a pending schema must know of a mutation: new tables, and what misfits it."""
        catalog = batch.catalog
        assert catalog.pending is not None
        if writes.new_tables:
            self._persistence.write_unlisted_indexes(catalog.unlisted_indexes())
        if catalog.pending.misfit is None:
            misfit = written_misfit(catalog, writes.documents())
            batch.catalog = catalog.with_pending(PendingSchema(catalog.pending.schema, misfit))

    def seal(self, batch: Batch, timestamp: Timestamp, creation_time: float) -> None:
        """Write the batch's answers and its revision row; nothing may be added after it.

        Old answers of requests are deleted along with it, when there are enough.
        """
        if batch.requests:
            records = tuple(batch.requests.values())
            self._persistence.write_requests(records)
            for record in records:
                self._retention.note(record)
            self._retention.prune_if_due()
        digest = blake2b(self._last_checksum, digest_size=_CHECKSUM_BYTES)
        digest.update(timestamp.to_bytes(8, "little"))
        for pending in batch.documents:
            if pending.after is not None:
                digest.update(pending.after.document)
        self._pending_checksum = digest.digest()
        self._persistence.write_revision(
            Revision(batch.first_timestamp, timestamp, creation_time, self._pending_checksum)
        )

    def commit(self) -> None:
        """Wait until the batch is on disk. Blocks; the errors are those of the storage."""
        started = time.perf_counter()
        self._persistence.commit()
        elapsed = time.perf_counter() - started
        self.recent_sync_seconds += (elapsed - self.recent_sync_seconds) * _SYNC_WEIGHT
        self._last_checksum = self._pending_checksum

    def roll_back(self) -> None:
        """Drop the open batch, if SQLite has not done it already."""
        if self._persistence.in_transaction:
            self._persistence.rollback()
