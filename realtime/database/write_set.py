"""What a transaction is going to write, readable by its own later reads.

Nothing reaches the storage before the handler has succeeded. Until then the writes stand here,
with their keys sorted per index, so that a scan can lay them over the stored rows.

A nested call is a layer: `mark()` before it, `roll_back_to(mark)` if it fails. The layers share one
table of pending documents and an undo list; a failed layer costs what it wrote, a successful one
nothing. (A stack of tables was rejected: every read would look through all of them.)
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from realtime.database.catalog import TableInfo
from realtime.database.interval import IndexEntry
from realtime.database.limits import (
    TransactionLimits,
    too_many_bytes_written,
    too_many_writes,
)
from realtime.database.record import Record
from realtime.storage.persistence import RowWrite


class PendingDocument(NamedTuple):
    """One document's state in the transaction: what is stored and what shall be.

    `before` is None for a new document, `after` None for a deleted one.
    """

    before: Record | None
    before_entries: tuple[IndexEntry, ...]
    after: Record | None
    after_entries: tuple[IndexEntry, ...]

    @property
    def is_void(self) -> bool:
        """Say whether nothing is left to write: created and deleted in one transaction."""
        return self.before is None and self.after is None


class _Undo(NamedTuple):
    document_id: str
    previous: PendingDocument | None
    written_bytes: int


class WriteSet:
    """The pending documents of one transaction, by id and by index key."""

    def __init__(self, limits: TransactionLimits) -> None:
        self._limits = limits
        self._pending: dict[str, PendingDocument] = {}
        self._keys: dict[int, list[bytes]] = {}
        self._records: dict[tuple[int, bytes], Record] = {}
        self._undo: list[_Undo] = []
        self._written_bytes = 0
        self.new_tables: dict[str, TableInfo] = {}
        self.replaced_locators: set[int] = set()
        """Rows of the storage that this transaction has changed or deleted."""

    def __bool__(self) -> bool:
        return bool(self.new_tables) or any(not p.is_void for p in self._pending.values())

    def pending(self, document_id: str) -> PendingDocument | None:
        """Return the pending state of a document, or None if it was not written."""
        return self._pending.get(document_id)

    def put(self, document_id: str, pending: PendingDocument) -> None:
        """Set the pending state of a document; LimitError when that is one too many."""
        previous = self._pending.get(document_id)
        size = 0 if pending.after is None else len(pending.after.document)
        if previous is None and len(self._pending) >= self._limits.documents_written:
            raise too_many_writes(self._limits.documents_written)
        if self._written_bytes + size > self._limits.bytes_written:
            raise too_many_bytes_written(self._limits.bytes_written)
        self._undo.append(_Undo(document_id, previous, size))
        self._written_bytes += size
        self._replace(document_id, previous, pending)

    def mark(self) -> tuple[int, frozenset[str]]:
        """Return the state that `roll_back_to` can restore."""
        return len(self._undo), frozenset(self.new_tables)

    def roll_back_to(self, mark: tuple[int, frozenset[str]]) -> None:
        """Take back every write made since `mark`."""
        length, tables = mark
        while len(self._undo) > length:
            document_id, previous, size = self._undo.pop()
            self._written_bytes -= size
            self._replace(document_id, self._pending.get(document_id), previous)
        self.new_tables = {n: table for n, table in self.new_tables.items() if n in tables}

    def next_record(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool
    ) -> tuple[bytes, Record] | None:
        """Return the pending document with the first key of `lower <= key < upper`, if any."""
        keys = self._keys.get(index_id)
        if not keys:
            return None
        if descending:
            position = (len(keys) if upper is None else bisect_left(keys, upper)) - 1
        else:
            position = bisect_left(keys, lower)
        if not 0 <= position < len(keys):
            return None
        key = keys[position]
        if key < lower or (upper is not None and key >= upper):
            return None
        return key, self._records[index_id, key]

    def touches_index(self, index_id: int) -> bool:
        """Say whether a scan of this index must look here, or at `replaced_locators`."""
        return bool(self.replaced_locators) or bool(self._keys.get(index_id))

    def documents(self) -> Iterator[PendingDocument]:
        """Iterate over what is to be written, in order of first write."""
        return (pending for pending in self._pending.values() if not pending.is_void)

    def row_writes(self) -> list[RowWrite]:
        """Return the writes as the storage takes them: only entries that really change."""
        return [_row_write(pending) for pending in self.documents()]

    def _replace(
        self, document_id: str, old: PendingDocument | None, new: PendingDocument | None
    ) -> None:
        if old is not None and old.after is not None:
            for entry in old.after_entries:
                self._remove_key(entry)
        if new is None:
            del self._pending[document_id]
            if old is not None and old.before is not None:
                self.replaced_locators.discard(old.before.locator)
            return
        self._pending[document_id] = new
        if new.before is not None:
            self.replaced_locators.add(new.before.locator)
        if new.after is not None:
            for entry in new.after_entries:
                insort(self._keys.setdefault(entry.index_id, []), entry.key)
                self._records[entry.index_id, entry.key] = new.after

    def _remove_key(self, entry: IndexEntry) -> None:
        keys = self._keys[entry.index_id]
        del keys[bisect_left(keys, entry.key)]
        del self._records[entry.index_id, entry.key]


def _row_write(pending: PendingDocument) -> RowWrite:
    before = {(entry.index_id, entry.key) for entry in pending.before_entries}
    after = {(entry.index_id, entry.key) for entry in pending.after_entries}
    record = pending.after or pending.before
    assert record is not None
    return RowWrite(
        locator=record.locator,
        document=None if pending.after is None else pending.after.document,
        is_new=pending.before is None,
        removed=sorted(before - after),
        added=sorted(after - before),
    )
