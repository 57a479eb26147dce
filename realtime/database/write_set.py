"""What a transaction is going to write, readable by its own later reads.

Nothing reaches the storage before the handler has succeeded. Until then the writes stand here; a
scan lays them, with their keys sorted per index, over the stored rows.

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
from realtime.storage.records import RowWrite


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
        self._keys: _PendingKeys | None = None
        """Made when a scan first asks; most mutations scan nothing after their writes."""
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
        if not self._pending:
            return None
        return self._sorted_keys().next_record(index_id, lower, upper, descending=descending)

    def touches_index(self, index_id: int) -> bool:
        """Say whether a scan of this index must look here, or at `replaced_locators`."""
        if not self._pending:
            return False
        return bool(self.replaced_locators) or self._sorted_keys().has_index(index_id)

    def _sorted_keys(self) -> _PendingKeys:
        if self._keys is None:
            self._keys = _PendingKeys()
            for pending in self._pending.values():
                self._keys.add(pending)
        return self._keys

    def documents(self) -> Iterator[PendingDocument]:
        """Iterate over what is to be written, in order of first write."""
        return (pending for pending in self._pending.values() if not pending.is_void)

    def row_writes(self) -> list[RowWrite]:
        """Return the writes as the storage takes them: only entries that really change."""
        return [_row_write(pending) for pending in self.documents()]

    def _replace(
        self, document_id: str, old: PendingDocument | None, new: PendingDocument | None
    ) -> None:
        if self._keys is not None:
            if old is not None:
                self._keys.remove(old)
            if new is not None:
                self._keys.add(new)
        if new is None:
            del self._pending[document_id]
            if old is not None and old.before is not None:
                self.replaced_locators.discard(old.before.locator)
            return
        self._pending[document_id] = new
        if new.before is not None:
            self.replaced_locators.add(new.before.locator)


class _PendingKeys:
    """The keys of pending documents, sorted per index."""

    def __init__(self) -> None:
        self._keys: dict[int, list[bytes]] = {}
        self._records: dict[tuple[int, bytes], Record] = {}

    def has_index(self, index_id: int) -> bool:
        """Say whether there is a key in this index."""
        return bool(self._keys.get(index_id))

    def add(self, pending: PendingDocument) -> None:
        """Add the keys of a document as it shall be."""
        if pending.after is None:
            return
        for entry in pending.after_entries:
            insort(self._keys.setdefault(entry.index_id, []), entry.key)
            self._records[entry.index_id, entry.key] = pending.after

    def remove(self, pending: PendingDocument) -> None:
        """Take them away again."""
        if pending.after is None:
            return
        for entry in pending.after_entries:
            keys = self._keys[entry.index_id]
            del keys[bisect_left(keys, entry.key)]
            del self._records[entry.index_id, entry.key]

    def next_record(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool
    ) -> tuple[bytes, Record] | None:
        """Return the document with the first key of `lower <= key < upper`, if any."""
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


def _row_write(pending: PendingDocument) -> RowWrite:
    before, after = pending.before_entries, pending.after_entries
    record = pending.after or pending.before
    assert record is not None
    return RowWrite(
        locator=record.locator,
        document=None if pending.after is None else pending.after.document,
        is_new=pending.before is None,
        removed=[entry[:2] for entry in before if entry not in after],
        added=[entry[:2] for entry in after if entry not in before],
    )
