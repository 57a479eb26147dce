"""One function run's view of the documents: its snapshot, its reads and its writes.

A query has a transaction without a write set. A mutation reads through the engine connection, so it
sees the mutations before it in the same batch, and collects its writes; the committer writes them
when the handler has succeeded. All values here are wire values in wire names; `runtime/` turns
them into documents of the app's classes.
"""

from __future__ import annotations

from collections.abc import Mapping

from realtime.database.allocator import Allocator
from realtime.database.catalog import BY_ID, TABLES, Catalog, IndexInfo, TableInfo, table_entry
from realtime.database.index_range import RangeBound, by_id_index, compile_range
from realtime.database.interval import IndexEntry, Interval
from realtime.database.limits import (
    TransactionLimits,
    too_many_bytes_read,
    too_many_documents_read,
)
from realtime.database.read_set import ReadSet
from realtime.database.record import Record
from realtime.database.scan import Scan
from realtime.database.snapshot import Snapshot
from realtime.database.subscriptions import Token
from realtime.database.system_tables import (
    is_system_table,
    system_table_is_read_only,
    system_table_name,
)
from realtime.database.timestamp import Timestamp
from realtime.database.write_set import PendingDocument, WriteSet
from realtime.errors import LimitError, NotFoundError, ValidationError
from realtime.schema.schema import MAX_TABLES
from realtime.values.display import display_value
from realtime.values.ids import decode_id
from realtime.values.index_key import encode_key
from realtime.values.json_encoding import encode_json
from realtime.values.size import check_document_limits, check_identifier
from realtime.values.value import UNSET, Value

SYSTEM_FIELDS = ("_id", "_creationTime")


class Transaction:
    """Reads and pending writes of one run; reads are recorded, writes are visible to it alone."""

    def __init__(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        timestamp: Timestamp,
        *,
        limits: TransactionLimits,
        allocator: Allocator | None = None,
        begin_ms: float = 0.0,
    ) -> None:
        """Begin at `timestamp`; with an `allocator` it may write, its inserts from `begin_ms`."""
        self._snapshot = snapshot
        self._catalog = catalog
        self.limits = limits
        self._allocator = allocator
        self._begin_ms = begin_ms
        self._points: dict[str, Record | None] = {}
        """Documents looked up by id in the snapshot, which does not move."""
        self._documents_read = 0
        self._bytes_read = 0
        self.timestamp = timestamp
        self.read_set = ReadSet(limits)
        self.write_set = WriteSet(limits) if allocator is not None else None

    def token(self) -> Token:
        """Return what was read so far, at the timestamp of the snapshot."""
        return Token(self.read_set.intervals(), self.timestamp)

    # Names

    def table(self, name: str) -> TableInfo | None:
        """Return a table by name, or None; its absence becomes part of the read set."""
        found = self._catalog.tables.get(name)
        if found is None and self.write_set is not None:
            found = self.write_set.new_tables.get(name)
        if found is None:
            entry = table_entry(name)
            self.read_set.add_point(entry.index_id, entry.key)
        return found

    def table_names(self) -> list[str]:
        """Return the names of the app's tables in order; which there are is a read."""
        whole = self.read_set.add_range(Interval(TABLES, b"", b"", None), descending=False)
        whole.reach_end()
        new_tables = self.write_set.new_tables if self.write_set is not None else ()
        return sorted({*self._catalog.tables, *new_tables})

    def table_name(self, number: int) -> str | None:
        """Return the name of the table with this number, or None; its absence is a read."""
        table = self._catalog.by_number(number)
        if table is not None:
            return table.name
        system_name = system_table_name(number)
        if system_name is not None:
            return system_name
        table = self._table_by_number(number)
        return None if table is None else table.name

    def _table_by_number(self, number: int) -> TableInfo | None:
        found = self._catalog.by_number(number)
        if found is None and self.write_set is not None:
            found = next(
                (t for t in self.write_set.new_tables.values() if t.number == number), None
            )
        if found is None:
            entry = table_entry(number)
            self.read_set.add_point(entry.index_id, entry.key)
        return found

    def table_of(self, document_id: str, operation: str) -> TableInfo | None:
        """Return the table of an id, None if there is no such table.

        Raises:
            ValidationError: The id can't be decoded; `operation` (as `db.get`) is named.
        """
        try:
            number = decode_id(document_id).table_number
        except ValidationError as error:
            raise ValidationError(
                f"Invalid argument `id` for `{operation}`: {error.message}"
            ) from error
        return self._table_by_number(number)

    # Reads

    def get(self, document_id: str) -> Record | None:
        """Return a document by a well-formed id, or None."""
        record = self._current(document_id)
        if record is not None:
            self.count_read(record)
        return record

    def open_scan(
        self,
        table: TableInfo,
        index: IndexInfo,
        equals: Mapping[str, Value],
        bounds: tuple[RangeBound, ...],
        *,
        descending: bool,
        after: bytes | None = None,
        until: bytes | None = None,
    ) -> Scan:
        """Return a scan over a range of one of the table's indexes.

        With `after` it begins behind that key, with `until` it ends with that one.
        """
        interval = compile_range(table, index, equals, bounds)
        if after is not None or until is not None:
            interval = interval.part(after, until, descending=descending)
        return Scan(
            self._snapshot,
            index,
            interval,
            descending=descending,
            read_set=self.read_set,
            write_set=self.write_set,
            meter=self,
        )

    def index(self, table: TableInfo, name: str) -> IndexInfo:
        """Return an index of a table by its wire name; NotFoundError names the nearest."""
        if name == "by_id":
            return by_id_index(table)
        index = table.indexes.get(name)
        if index is None:
            if table.pending is not None and name in table.pending.indexes:
                raise NotFoundError(
                    f"Index {table.name}.{name} is currently backfilling and not available to "
                    "query yet.",
                    code="IndexBackfilling",
                )
            known = ", ".join(f"`{known}`" for known in (*table.indexes, "by_id"))
            raise NotFoundError(f"Index {table.name}.{name} not found. It has {known}")
        return index

    def count_read(self, *records: Record) -> None:
        """Count documents that the handler gets to see, or its filter."""
        self._documents_read += len(records)
        self._bytes_read += sum([len(record.document) for record in records])
        if self._documents_read > self.limits.documents_read:
            raise too_many_documents_read(self.limits.documents_read)
        if self._bytes_read > self.limits.bytes_read:
            raise too_many_bytes_read(self.limits.bytes_read)

    @property
    def documents_left(self) -> int:
        """How many more documents may be read."""
        return self.limits.documents_read - self._documents_read

    @property
    def bytes_left(self) -> int:
        """How many more bytes of documents may be read."""
        return self.limits.bytes_read - self._bytes_read

    def _current(self, document_id: str) -> Record | None:
        if self.write_set is not None:
            pending = self.write_set.pending(document_id)
            if pending is not None:
                return pending.after
        if document_id not in self._points:
            key = encode_key(document_id)
            self.read_set.add_point(BY_ID, key)
            self._points[document_id] = self._snapshot.get(key)
        return self._points[document_id]

    # Writes

    def insert(self, table_name: str, fields: Mapping[str, Value]) -> str:
        """Add a document and return its id; a table that does not exist is created."""
        assert self._allocator is not None
        table = self._table_for_insert(table_name)
        creation_time = self._allocator.next_creation_time(self._begin_ms)
        document_id = self._allocator.next_document_id(table.number, creation_time)
        body = {name: value for name, value in fields.items() if value is not UNSET}
        _check_system_fields(body, document_id, creation_time)
        record = self._record(
            table, self._allocator.next_locator(), document_id, creation_time, body
        )
        self._write(table, document_id, None, record)
        return document_id

    def patch(self, document_id: str, changes: Mapping[str, Value]) -> None:
        """Set the fields named in `changes`; UNSET removes one."""
        table, record = self._existing(document_id, "db.patch", "Update")
        body = {**record.value, **changes}
        self._update(table, document_id, record, body)

    def replace(self, document_id: str, fields: Mapping[str, Value]) -> None:
        """Set the whole body of a document; its system fields stay."""
        table, record = self._existing(document_id, "db.replace", "Replace")
        system = {name: record.value[name] for name in SYSTEM_FIELDS}
        self._update(table, document_id, record, {**system, **fields})

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        table, record = self._existing(document_id, "db.delete", "Delete")
        self._write(table, document_id, record, None)

    def _existing(self, document_id: str, operation: str, verb: str) -> tuple[TableInfo, Record]:
        table = self.table_of(document_id, operation)
        record = self.get(document_id) if table is not None else None
        if table is None or record is None:
            raise NotFoundError(f"{verb} on nonexistent document ID {document_id}")
        return table, record

    def _update(
        self, table: TableInfo, document_id: str, record: Record, body: dict[str, Value]
    ) -> None:
        old = record.value
        _check_system_fields(body, document_id, old["_creationTime"])
        fields = {n: v for n, v in body.items() if v is not UNSET and n not in SYSTEM_FIELDS}
        new = self._record(table, record.locator, document_id, old["_creationTime"], fields)
        if new.document != record.document:
            self._write(table, document_id, record, new)

    def _record(
        self,
        table: TableInfo,
        locator: int,
        document_id: str,
        creation_time: float,
        fields: dict[str, Value],
    ) -> Record:
        if table.definition is not None:
            try:
                table.definition.validator.check(fields, self)
            except ValidationError as error:
                raise ValidationError(
                    "Failed to insert or update a document in table "
                    f'"{table.name}" because it does not match the schema: {error.message}',
                    code="SchemaValidationError",
                ) from error
        document: dict[str, Value] = {"_id": document_id, "_creationTime": creation_time, **fields}
        encoded = encode_json(document)
        check_document_limits(document, len(encoded))
        return Record(locator, encoded, document)

    def _write(
        self, table: TableInfo, document_id: str, record: Record | None, new: Record | None
    ) -> None:
        assert self.write_set is not None
        pending = self.write_set.pending(document_id)
        if pending is None:
            before = record
            before_entries = () if before is None else table.entries(before.value)
        else:
            before, before_entries = pending.before, pending.before_entries
        if new is None:
            after_entries: tuple[IndexEntry, ...] = ()
        elif before is None:
            after_entries = table.entries(new.value)
        else:
            after_entries = table.entries_after(before.value, before_entries, new.value)
        self.write_set.put(document_id, PendingDocument(before, before_entries, new, after_entries))

    def _table_for_insert(self, name: str) -> TableInfo:
        assert self.write_set is not None
        table = self.table(name)
        if table is not None:
            return table
        if is_system_table(name):
            raise system_table_is_read_only()
        if self._catalog.schema.strict_tables:
            known = ", ".join(f"`{known}`" for known in self._catalog.schema.tables)
            raise NotFoundError(
                f"Table `{name}` is not declared in schema.py, which says STRICT_TABLES = True. "
                f"Declared are {known}"
            )
        check_identifier(name)
        base = self._catalog
        for created in self.write_set.new_tables.values():
            base = base.with_table(created)
        if len(base.tables) >= MAX_TABLES:
            raise LimitError(f"Number of tables cannot exceed {MAX_TABLES}.", code="TooManyTables")
        table = base.new_table(name)
        self.write_set.new_tables[name] = table
        return table


def _check_system_fields(body: Mapping[str, Value], document_id: str, creation_time: float) -> None:
    """Raise a ValidationError if a body brings an id or creation time that is not its document's.

    It may bring the right ones: `replace` with a document that was read before and changed.
    """
    given_id = body.get("_id", document_id)
    if given_id != document_id:
        shown = given_id if isinstance(given_id, str) else display_value(given_id)
        raise ValidationError(
            f"Provided document ID {document_id} doesn't match '_id' field {shown}"
        )
    given_time = body.get("_creationTime", creation_time)
    if given_time != creation_time:
        raise ValidationError(
            f"Provided creation time {display_value(creation_time)} doesn't match "
            f"'_creationTime' field in {display_value({'_creationTime': given_time})}"
        )
