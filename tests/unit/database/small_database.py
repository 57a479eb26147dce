"""A database of a few small tables, and the steps that the runtime takes, one call each.

`commit` is a batch from BEGIN to Advance; `query` a run that reads the newest commit; `next_record`
and `documents` read a scan as `ctx.db.query` does, in chunks of two unless told otherwise, so that
every scan of more than two documents goes on after a suspension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from realtime.database.catalog import IndexInfo, TableInfo
from realtime.database.committer import Batch
from realtime.database.database import Database, DatabaseLimits
from realtime.database.index_range import RangeBound
from realtime.database.interval import IndexEntry
from realtime.database.record import Record
from realtime.database.scan import Scan
from realtime.database.timestamp import Timestamp
from realtime.database.transaction import Transaction
from realtime.schema.schema import Schema, Table
from realtime.schema.table import table_definition
from realtime.storage.persistence import Persistence
from realtime.storage.records import Revision
from realtime.testing import VirtualClock
from realtime.values.index_key import encode_key
from realtime.values.validators import v

T = TypeVar("T")
Document = dict[str, Any]

CHUNK = 2
BY_CREATION_TIME = "by_creation_time"


def schema_of(*tables: Table, strict_tables: bool = False) -> Schema:
    """The schema of a `schema.py` that holds `tables`."""
    return Schema({table.name: table_definition(table) for table in tables}, strict_tables)


MESSAGES = Table(
    "messages",
    v.object({"session": v.string(), "text": v.string(), "at": v.optional(v.number())}),
    indexes={"by_session": ["session"], "by_session_at": ["session", "at"]},
)
THINGS = Table(
    "things", v.any(), indexes={"by_a": ["a"], "by_a_b": ["a", "b"], "by_inner": ["inner.x"]}
)
SCHEMA = schema_of(MESSAGES, THINGS)


def open_database(
    store: Persistence,
    schema: Schema = SCHEMA,
    *,
    clock: VirtualClock | None = None,
    limits: DatabaseLimits | None = None,
) -> Database:
    """A database on `store`, as a start of the server makes it."""
    return Database(store, schema, clock or VirtualClock(), limits or DatabaseLimits())


def run(database: Database, batch: Batch, mutation: Callable[[Transaction], T]) -> T:
    """Run a mutation in an open batch and write its rows."""
    transaction = database.begin_mutation(batch)
    result = mutation(transaction)
    write(database, batch, transaction)
    return result


def write(database: Database, batch: Batch, transaction: Transaction) -> None:
    """Write the rows of a finished mutation."""
    writes = transaction.write_set
    assert writes is not None
    if writes:
        database.committer.add(batch, writes, writes.row_writes())
        batch.last_timestamp = database.committer.next_timestamp()


def make_durable(database: Database, batch: Batch) -> None:
    """Seal and commit a batch that is not empty; it is not visible yet."""
    creation_time = database.allocator.last_creation_time
    database.committer.seal(batch, batch.last_timestamp, creation_time)
    database.committer.commit()


def commit(database: Database, *mutations: Callable[[Transaction], T]) -> list[T]:
    """Run mutations in one batch, commit and advance; return what they returned."""
    batch = database.committer.begin(database.catalog)
    results = [run(database, batch, mutation) for mutation in mutations]
    if batch.is_empty:
        database.committer.roll_back()
    else:
        make_durable(database, batch)
        database.advance(batch, batch.last_timestamp)
    return results


def insert(database: Database, table: str, **fields: Any) -> str:
    """Commit one new document and return its id."""
    return commit(database, lambda db: db.insert(table, fields))[0]


def insert_all(database: Database, table: str, *documents: Mapping[str, Any]) -> list[str]:
    """Commit new documents in one mutation and return their ids."""
    return commit(database, lambda db: [db.insert(table, fields) for fields in documents])[0]


def query(database: Database) -> Transaction:
    """A query that begins at the newest commit."""
    return database.begin_query(database.generations.current)


def mutation(database: Database) -> Transaction:
    """A mutation in a batch of its own that stays open."""
    return database.begin_mutation(database.committer.begin(database.catalog))


def index_of(database: Database, table: str, name: str) -> IndexInfo:
    """An index as the catalog has it."""
    return database.catalog.tables[table].indexes[name]


def table_of(database: Database, name: str) -> TableInfo:
    """A table as the catalog has it."""
    return database.catalog.tables[name]


def open_scan(
    transaction: Transaction,
    table_name: str,
    index_name: str = BY_CREATION_TIME,
    equals: Mapping[str, Any] | None = None,
    *bounds: RangeBound,
    descending: bool = False,
) -> Scan:
    """A scan of a table that exists."""
    table = transaction.table(table_name)
    assert table is not None
    index = transaction.index(table, index_name)
    return transaction.open_scan(table, index, equals or {}, bounds, descending=descending)


def next_record(scan: Scan, chunk: int = CHUNK) -> Record | None:
    """The next document of a scan, None at its end."""
    while True:
        if scan.needs_fill:
            scan.fill(chunk)
        record = scan.next_record()
        if record is not None or not scan.needs_fill:
            return record


def take(scan: Scan, count: int | None = None, chunk: int = CHUNK) -> list[Document]:
    """The next documents of a scan, one by one; all of them without a count."""
    found: list[Document] = []
    while count is None or len(found) < count:
        record = next_record(scan, chunk)
        if record is None:
            break
        found.append(record.value)
    return found


def documents(
    transaction: Transaction,
    table_name: str,
    index_name: str = BY_CREATION_TIME,
    equals: Mapping[str, Any] | None = None,
    *bounds: RangeBound,
    descending: bool = False,
    count: int | None = None,
) -> list[Document]:
    """The documents of a range; none if there is no such table."""
    if transaction.table(table_name) is None:
        return []
    scan = open_scan(transaction, table_name, index_name, equals, *bounds, descending=descending)
    return take(scan, count)


def texts(found: list[Document], field: str = "text") -> list[Any]:
    """One field of each document."""
    return [document.get(field) for document in found]


def entry(index_id: int, *fields: Any) -> IndexEntry:
    """The entry of a key that is made of `fields`."""
    key = b""
    lengths = [0]
    for value in fields:
        key += encode_key(value)
        lengths.append(len(key))
    return IndexEntry(index_id, key, tuple(lengths))


def commit_nothing(store: Persistence, timestamp: int) -> Timestamp:
    """Commit a revision without documents to a store."""
    store.begin()
    store.write_revision(Revision(timestamp, timestamp, 0.0, b""))
    store.commit()
    return Timestamp(timestamp)
