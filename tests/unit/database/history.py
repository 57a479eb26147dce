"""Runs of mutations and queries whose every answer is compared with a model.

A `MutationRun` and a `QueryRun` take the same steps as the runtime, on a transaction and on the
model at once. `Draws` chooses what they read and write: few values, so that documents meet, among
them those that are easily mixed up (0.0 and -0.0, True and 1, "a" and "a" with a NUL, a missing
field and null).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

from realtime.database.database import Database
from realtime.database.index_range import RangeBound
from realtime.database.scan import Scan
from realtime.database.transaction import Transaction
from realtime.errors import NotFoundError, StorageFullError
from realtime.schema.schema import Table
from realtime.storage.memory import MemoryStore
from realtime.storage.records import RowWrite
from realtime.storage.sqlite import SqliteStore
from realtime.values.ids import decode_id, encode_id
from realtime.values.validators import v
from realtime.values.value import UNSET, Int64
from tests.unit.database.model import (
    SYSTEM_INDEXES,
    Document,
    DocumentRead,
    Effects,
    Model,
    Range,
    Read,
    ScanRead,
    TableRead,
    Touched,
    same,
)
from tests.unit.database.small_database import CHUNK, next_record, schema_of, take

T = TypeVar("T")

DECLARED = {
    "items": {"by_a": ("a",), "by_a_b": ("a", "b"), "by_inner": ("inner.x",)},
    "others": {"by_a": ("a",)},
}
SCHEMA = schema_of(*(Table(name, v.any(), indexes=DECLARED[name]) for name in DECLARED))
CREATED_LATER = ("extra", "more")
TABLES = (*DECLARED, *CREATED_LATER)
tables = st.sampled_from(["items", "items", "items", "items", *TABLES])
"""Most reads and writes meet in one table."""
UNKNOWN_IDS = [encode_id(number, bytes(16)) for number in range(10_001, 10_005)]

VALUES = [
    1.0,
    True,
    0.0,
    -0.0,
    "a",
    "a\x00",
    UNSET,
    None,
    Int64(1),
    "",
    "b",
    b"a",
    ["a"],
    {"x": "a"},
]
CONFUSABLE = 6
"""So many of the values are drawn more often."""


def indexes_of(table: str) -> dict[str, tuple[str, ...]]:
    """All indexes of a table by name, with their fields, the tie-breakers included."""
    declared = DECLARED.get(table, {})
    own = {name: (*fields, "_creationTime", "_id") for name, fields in declared.items()}
    return {**SYSTEM_INDEXES, **own}


# The stores, with a way to refuse rows


class _RefusesRows:
    """Refuses rows once when told to, as a full disk does: after some of them."""

    refuse_after: int | None = None

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        if self.refuse_after is None:
            super().write_rows(writes)  # type: ignore[misc]
            return
        written, self.refuse_after = writes[: self.refuse_after], None
        super().write_rows(written)  # type: ignore[misc]
        self.rollback()  # type: ignore[attr-defined]
        raise StorageFullError("No room, as the test wants")


class RefusingMemoryStore(_RefusesRows, MemoryStore):
    """The store in memory."""


class RefusingSqliteStore(_RefusesRows, SqliteStore):
    """The store in a file."""


RefusingStore = RefusingMemoryStore | RefusingSqliteStore


def open_store(directory: Path | None) -> RefusingStore:
    """A store in a directory, or in memory."""
    if directory is None:
        return RefusingMemoryStore()
    return RefusingSqliteStore.open(directory / "data.sqlite")


# What is read and written

values = st.sampled_from(VALUES[:CONFUSABLE]) | st.sampled_from(VALUES)
inner = st.sampled_from([{"x": value} for value in VALUES if value is not UNSET])
bodies = st.fixed_dictionaries({"a": values}, optional={"b": values, "inner": inner | values})
changes = st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=2)
directions = st.booleans()


class Draws:
    """Choices that depend on what there is."""

    def __init__(self, data: st.DataObject, preferred: Sequence[str] = ()) -> None:
        """`preferred` are ids of documents to choose more often, where they exist."""
        self.draw: Callable[[st.SearchStrategy[T]], T] = data.draw
        self._preferred = preferred

    def one_of(self, options: Sequence[T]) -> T:
        """One of a few."""
        return self.draw(st.sampled_from(options))

    def document_id(self, model: Model) -> str:
        """The id of a document, seldom one that does not exist."""
        known = [each for each in self._preferred if each in model.documents]
        if not known or self.draw(st.booleans()):
            known = list(model.documents)
        if known and self.draw(st.integers(0, 9)):
            return self.one_of(known)
        return self.one_of(UNKNOWN_IDS)

    def range(self, model: Model, table: str | None = None) -> Range:
        """A range of an index: some equalities, perhaps bounds, either direction."""
        table = table or self.draw(tables)
        indexes = indexes_of(table)
        index = self.one_of(list(indexes))
        fields = indexes[index]
        equal_count = self.draw(st.integers(0, len(fields)))
        equals = {name: self._value(model, name) for name in fields[:equal_count]}
        bounds: list[RangeBound] = []
        if equal_count < len(fields):
            bounded = fields[equal_count]
            for operators in (("gt", "gte"), ("lt", "lte")):
                operator = self.draw(st.sampled_from([None, None, *operators]))
                if operator is not None:
                    bounds.append(RangeBound(bounded, operator, self._value(model, bounded)))
        return Range(table, index, fields, equals, tuple(bounds), self.draw(directions))

    def _value(self, model: Model, name: str) -> Any:
        if name.startswith("_") and model.documents:
            _, document = model.documents[self.one_of(list(model.documents))]
            return document[name]
        return self.draw(values)


# Runs


class Run:
    """One transaction beside the model of what it must see; its reads are remembered."""

    def __init__(self, transaction: Transaction, view: Model, chunk: int = CHUNK) -> None:
        self.transaction = transaction
        self.chunk = chunk
        self.view = view
        self.reads: list[Read] = []
        self.scans: list[tuple[Scan, ScanRead]] = []

    def get(self, document_id: str) -> None:
        """Look a document up."""
        table = self.transaction.table_of(document_id, "db.get")
        number = decode_id(document_id).table_number
        assert (table is not None) == (number in self.view.tables.values())
        if table is None:
            self.reads.append(TableRead(number))
            return
        self.reads.append(DocumentRead(document_id))
        record = self.transaction.get(document_id)
        expected = self.view.get(document_id)
        assert (record is None) == (expected is None)
        if record is not None and expected is not None:
            assert same([record.value], [expected])

    def open_scan(self, within: Range) -> None:
        """Begin a scan; it has read nothing yet."""
        table = self.transaction.table(within.table)
        assert (table is not None) == (within.table in self.view.tables)
        if table is None:
            self.reads.append(TableRead(within.table))
            return
        index = self.transaction.index(table, within.index)
        scan = self.transaction.open_scan(
            table, index, within.equals, within.bounds, descending=within.descending
        )
        read = ScanRead(within)
        self.reads.append(read)
        self.scans.append((scan, read))

    def read_on(self, position: int, count: int, *, many: bool) -> None:
        """Read `count` more documents of a scan, or what is buffered at once."""
        scan, read = self.scans[position]
        for _ in range(count):
            if many:
                if scan.needs_fill:
                    scan.fill(self.chunk)
                records = scan.next_records(count)
                for record in records:
                    self._check_next(read, record.value)
                if records:
                    continue
            record = next_record(scan, self.chunk)
            self._check_next(read, None if record is None else record.value)

    def read_all(self, within: Range) -> None:
        """Read a range to its end."""
        before = len(self.scans)
        self.open_scan(within)
        for scan, read in self.scans[before:]:
            assert same(take(scan, chunk=self.chunk), self.view.read(within))
            read.is_finished = True
        del self.scans[before:]

    def _check_next(self, read: ScanRead, found: Document | None) -> None:
        expected = self.view.next_of(read.within, read.last)
        assert (found is None) == (expected is None), (found, expected)
        if found is not None and expected is not None:
            assert same([found], [expected])
            read.last = expected
        else:
            read.is_finished = True


class MutationRun(Run):
    """A mutation: writes go to the transaction and to the view."""

    def __init__(self, transaction: Transaction, before: Model) -> None:
        super().__init__(transaction, before.copy())
        self._before = before
        self._written: dict[str, str] = {}
        self._layers: list[tuple[Any, Model, dict[str, str], int]] = []

    @property
    def depth(self) -> int:
        """How many nested calls are open."""
        return len(self._layers)

    def insert(self, table: str, fields: Mapping[str, Any]) -> None:
        """Add a document; its creation time is the latest of all."""
        document_id = self.transaction.insert(table, fields)
        record = self.transaction.get(document_id)
        assert record is not None
        creation_time = record.value["_creationTime"]
        for _, other in self.view.documents.values():
            assert other["_creationTime"] < creation_time
        self.view.tables.setdefault(table, decode_id(document_id).table_number)
        self._put(document_id, table, {**fields, "_id": document_id}, creation_time)

    def patch(self, document_id: str, fields: Mapping[str, Any]) -> None:
        """Set and remove fields."""
        self._change(document_id, fields, self.transaction.patch, keeps=True)

    def replace(self, document_id: str, fields: Mapping[str, Any]) -> None:
        """Set the whole body."""
        self._change(document_id, fields, self.transaction.replace, keeps=False)

    def delete(self, document_id: str) -> None:
        """Remove a document; a missing one is refused."""
        if not self._is_refused(document_id, lambda: self.transaction.delete(document_id)):
            table, _ = self.view.documents.pop(document_id)
            self._written[document_id] = table

    def open_layer(self) -> None:
        """Begin a nested call."""
        writes = self.transaction.write_set
        assert writes is not None
        saved = self.view.copy(), dict(self._written), len(self.scans)
        self._layers.append((writes.mark(), *saved))

    def close_layer(self, *, fails: bool) -> None:
        """End the innermost nested call; a failed one takes its writes back."""
        mark, view, written, scan_count = self._layers.pop()
        del self.scans[scan_count:]
        if fails:
            writes = self.transaction.write_set
            assert writes is not None
            writes.roll_back_to(mark)
            self.view, self._written = view, written

    def open_scans(self) -> range:
        """The scans of the innermost call; those of its callers wait."""
        return range(self._layers[-1][3] if self._layers else 0, len(self.scans))

    def effects(self) -> Effects:
        """What the mutation did."""
        touched = [
            Touched(each, table, self._before.get(each), self.view.get(each))
            for each, table in self._written.items()
        ]
        new = self.view.tables.items() - self._before.tables.items()
        return Effects(
            tuple(each for each in touched if each.versions()),
            frozenset({part for pair in new for part in pair}),
        )

    def _change(
        self,
        document_id: str,
        fields: Mapping[str, Any],
        change: Callable[[str, Mapping[str, Any]], None],
        *,
        keeps: bool,
    ) -> None:
        if self._is_refused(document_id, lambda: change(document_id, fields)):
            return
        table, old = self.view.documents[document_id]
        kept = old if keeps else {"_id": document_id}
        self._put(document_id, table, {**kept, **fields}, old["_creationTime"])

    def _is_refused(self, document_id: str, change: Callable[[], None]) -> bool:
        if self.view.get(document_id) is not None:
            change()
            return False
        try:
            change()
        except NotFoundError:
            return True
        raise AssertionError("A missing document was changed")

    def _put(
        self, document_id: str, table: str, fields: Mapping[str, Any], creation_time: float
    ) -> None:
        document = {name: value for name, value in fields.items() if value is not UNSET}
        document["_creationTime"] = creation_time
        before = self.view.get(document_id)
        if before is None or not same([before], [document]):
            self._written[document_id] = table
            self.view.documents[document_id] = table, document


WRITES = ("insert", "insert", "patch", "replace", "delete")
write_kinds = st.sampled_from([WRITES, WRITES, ("patch",), ("delete",), ("insert", "delete")])
"""Mutations of one kind of write alone are shown less often by chance than they matter."""


def write_something(draws: Draws, run: MutationRun, kinds: Sequence[str] = WRITES) -> None:
    """One write of a mutation."""
    match draws.one_of(kinds):
        case "insert":
            run.insert(draws.draw(tables), draws.draw(bodies))
        case "patch":
            run.patch(draws.document_id(run.view), draws.draw(changes))
        case "replace":
            run.replace(draws.document_id(run.view), draws.draw(bodies))
        case _:
            run.delete(draws.document_id(run.view))


def commit_mutations(
    database: Database, committed: Model, mutations: Sequence[Callable[[MutationRun], None]]
) -> tuple[Model, list[Effects]]:
    """Run mutations in one batch, commit and advance; nothing is left of a batch that is refused.

    Returns:
        What is committed then, and what each mutation did.
    """
    committer = database.committer
    batch = committer.begin(database.catalog)
    after, effects = committed, list[Effects]()
    for mutation in mutations:
        run = MutationRun(database.begin_mutation(batch), after)
        mutation(run)
        writes = run.transaction.write_set
        if writes:
            committer.add(batch, writes, writes.row_writes())
            batch.last_timestamp = committer.next_timestamp()
            after = run.view
            effects.append(run.effects())
    if batch.is_empty:
        committer.roll_back()
        return committed, []
    committer.seal(batch, batch.last_timestamp, database.allocator.last_creation_time)
    try:
        committer.commit()
    except StorageFullError:
        committer.roll_back()
        return committed, []
    database.advance(batch, batch.last_timestamp)
    return after, effects


def few_writes(draws: Draws) -> Callable[[MutationRun], None]:
    """A mutation of a few writes, some of them in a nested call that may fail."""

    def mutation(run: MutationRun) -> None:
        kinds = draws.draw(write_kinds)
        for _ in range(draws.draw(st.integers(1, 3))):
            write_something(draws, run, kinds)
        if draws.one_of([False, False, True]):
            run.open_layer()
            write_something(draws, run)
            run.close_layer(fails=draws.draw(st.booleans()))

    return mutation
