"""Whatever is written between the steps of a change, each index is what a fresh build gives.

Histories of inserts, patches and deletes are interleaved with the steps of changes between a few
schemas, with COMMITs that are refused, and with starts from the file as it is, on both stores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.database.database import Database
from realtime.errors import DefinitionError, NotFoundError, StorageFullError, ValidationError
from realtime.schema.schema import Schema, Table
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from realtime.values.validators import v
from tests.unit.database.changing_schema import Change, check_indexes
from tests.unit.database.small_database import commit, documents, open_database, query, schema_of

T = TypeVar("T")
Store = MemoryStore | SqliteStore

ANYTHING, TEXTS = v.any(), v.object({"a": v.string(), "b": v.optional(v.number())})
SCHEMAS = [
    schema_of(),
    schema_of(Table("t", ANYTHING)),
    schema_of(Table("t", ANYTHING, indexes={"by_a": ["a"]})),
    schema_of(Table("t", ANYTHING, indexes={"by_a": ["b"], "by_b": ["b", "a"]})),
    schema_of(Table("t", TEXTS, indexes={"by_b": ["b"]}), Table("u", ANYTHING)),
    schema_of(Table("t", TEXTS), Table("u", TEXTS, indexes={"by_a": ["a"]})),
]

tables = st.sampled_from("tu")
texts = st.sampled_from(["", "a", "b"])
documents_ = st.one_of(
    st.fixed_dictionaries({"a": texts}, optional={"b": st.sampled_from([0.0, 1.0])}),
    st.fixed_dictionaries({"b": st.sampled_from([0.0, 1.0])}),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), tables, documents_),
        st.tuples(st.just("patch"), st.integers(0, 20), documents_),
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("begin"), st.sampled_from(range(len(SCHEMAS)))),
        st.tuples(st.just("read"), st.integers(1, 3)),
        st.tuples(st.just("read"), st.integers(1, 3)),
        st.tuples(st.just("finish")),
        st.tuples(st.just("abandon")),
        st.tuples(st.just("clear"), st.integers(1, 3)),
        st.tuples(st.just("refuse the next commit")),
        st.tuples(st.just("restart"), st.booleans()),
    ),
    min_size=5,
    max_size=50,
)


class History:
    """One history on one store; the model is a dictionary of documents."""

    def __init__(self, store: Store, reopen: Callable[[], Store]) -> None:
        self.store = store
        self._reopen = reopen
        self.model: dict[str, dict[str, Any]] = {}
        self.schema = SCHEMAS[1]
        self.change: Change | None = None
        self._wanted: Schema = SCHEMAS[1]
        self._starts = 0
        self._ids: list[str] = []
        self.database = self._open()

    def _open(self) -> Database:
        self._starts += 1
        clock = VirtualClock(seed=self._starts)
        return open_database(self.store, self.schema, clock=clock)

    def take(self, kind: str, *details: Any) -> None:
        step = getattr(self, f"_{kind.split()[0]}")
        try:
            step(*details)
        except StorageFullError:
            pass
        finally:
            self.store.before_commit = None if kind != "refuse the next commit" else self._refuse_it
        check_indexes(self.store, self.database)

    def check(self) -> None:
        """Each index that can be read leads to every document of its table."""
        transaction = query(self.database)
        for name, table in self.database.catalog.tables.items():
            number = table.number
            expected = {i for i in self.model if self.model[i]["number"] == number}
            for index in table.indexes:
                found = documents(transaction, name, index)
                assert {document["_id"] for document in found} == expected

    def _write(self, mutation: Callable[[Any], T]) -> T | None:
        try:
            return commit(self.database, mutation)[0]
        except (ValidationError, NotFoundError):
            self.database.committer.roll_back()
            return None

    def _insert(self, table: str, fields: dict[str, Any]) -> None:
        created = self._write(lambda db: db.insert(table, fields))
        if created is not None:
            self._ids.append(created)
            self.model[created] = {"number": self.database.catalog.tables[table].number}

    def _patch(self, number: int, fields: dict[str, Any]) -> None:
        if self._ids:
            document_id = self._ids[number % len(self._ids)]
            self._write(lambda db: db.patch(document_id, fields))

    def _delete(self, number: int) -> None:
        if self._ids:
            document_id = self._ids[number % len(self._ids)]
            self._write(lambda db: db.delete(document_id))
            exists = self.database.begin_query(self.database.generations.current).get(document_id)
            if exists is None:
                self.model.pop(document_id, None)

    def _begin(self, number: int) -> None:
        if self.change is None:
            self._wanted = SCHEMAS[number]
            change = Change(self.database, self.store, self._wanted)
            change.begin()
            if change.position is None:
                self.schema = self._wanted
            else:
                self.change = change

    def _read(self, limit: int) -> None:
        if self.change is not None and self.change.position is not None:
            try:
                self.change.read(limit)
            except DefinitionError:
                self._abandon()

    def _finish(self) -> None:
        if self.change is None or self.change.position is not None:
            return
        try:
            self.change.finish()
            self.schema, self.change = self._wanted, None
        except DefinitionError:
            self._abandon()

    def _abandon(self) -> None:
        if self.change is not None:
            self.change.abandon()
            self.change = None

    def _clear(self, limit: int) -> None:
        Change(self.database, self.store, self.schema).clear(limit)

    def _refuse(self) -> None:
        """The next step finds no room."""

    def _refuse_it(self) -> None:
        raise StorageFullError("No room")

    def _restart(self, with_wanted: bool) -> None:
        """Start on the file as it is, with the schema of before or the one that was pending."""
        self.store.before_commit = None
        self.database.close()
        self.store = self._reopen()
        before, self.schema = self.schema, self._wanted if with_wanted else self.schema
        self.change = None
        try:
            self.database = self._open()
        except DefinitionError:
            self.schema = before
            self.database = self._open()
        assert self.store.recover().unlisted_indexes == ()


def play(store: Store, reopen: Callable[[], Store], history: list[Any]) -> None:
    played = History(store, reopen)
    try:
        for step in history:
            played.take(*step)
        while played.change is not None and played.change.position is not None:
            played.take("read", 2)
        played.take("finish")
        played.check()
    finally:
        played.database.close()
        played.store.close()


@settings(max_examples=150)
@given(history=steps)
def test_indexes_are_what_a_fresh_build_gives_in_memory(history: list[Any]) -> None:
    store = MemoryStore()
    play(store, lambda: store, history)


@settings(max_examples=40)
@given(history=steps)
def test_indexes_are_what_a_fresh_build_gives_in_a_file(history: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.sqlite"
        stores = [SqliteStore.open(path)]

        def reopen() -> SqliteStore:
            stores.pop().close()
            stores.append(SqliteStore.open(path))
            return stores[0]

        play(stores[0], reopen, history)
