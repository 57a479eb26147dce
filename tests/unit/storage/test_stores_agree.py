"""The two stores, driven by the same generated operations, answer the same everywhere.

They share no code: one is SQLite, the other sorted lists with versions. What both get wrong in the
same way is not found here; `test_persistence.py` says what is right.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.errors import OverloadedError, RealtimeError, StorageError, StorageFullError
from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import Generation, Persistence, Reader
from realtime.storage.records import (
    REQUEST_OVERHEAD_BYTES,
    IndexRow,
    RequestRecord,
    Revision,
    RowWrite,
    StoredRow,
    TableRow,
)
from realtime.storage.sqlite import SqliteStore

T = TypeVar("T")

INDEXES = range(3)
LOCATORS = range(1, 9)
keys = st.binary(max_size=2) | st.sampled_from([b"\xff", b"\xff\xff\xff", b"a" * 50])
entries = st.tuples(st.sampled_from(INDEXES), keys)
documents = st.binary(max_size=8).map(lambda raw: raw.hex().encode())


def outcome(operation: Callable[[], T]) -> T | str:
    """What the operation gives, or the kind of its error."""
    try:
        return operation()
    except StorageFullError:
        return "full"
    except StorageError:
        return "storage error"
    except RealtimeError as error:
        return type(error).__name__


class StoresAgree(RuleBasedStateMachine):
    """Each rule does the same to both stores and compares what comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "data.sqlite"
        self.sqlite = SqliteStore.open(self.path)
        self.memory = MemoryStore()
        self.generations: list[tuple[Generation, Generation]] = []
        self.newest = 0
        self.written: int | None = None
        self.request_time = 0
        # What the engine should hold, to generate writes that fit.
        self.entries: dict[tuple[int, bytes], int] = {}
        self.locators: set[int] = set()
        self.saved = (dict(self.entries), set(self.locators))

    def teardown(self) -> None:
        self.memory.close()
        self.sqlite.close()
        shutil.rmtree(self.directory)

    def both(self, operation: Callable[[Persistence], T]) -> T | str:
        in_sqlite = outcome(lambda: operation(self.sqlite))
        in_memory = outcome(lambda: operation(self.memory))
        assert in_sqlite == in_memory
        assert self.sqlite.in_transaction == self.memory.in_transaction
        if not self.memory.in_transaction and self.written is not None:
            self.written = None
            self.entries, self.locators = self.saved
        return in_sqlite

    def in_transaction(self) -> bool:
        return self.memory.in_transaction

    def not_in_transaction(self) -> bool:
        return not self.memory.in_transaction

    @precondition(not_in_transaction)
    @rule()
    def begin(self) -> None:
        self.saved = (dict(self.entries), set(self.locators))
        self.both(lambda store: store.begin())
        self.written = self.newest

    @precondition(in_transaction)
    @rule(data=st.data())
    def write_what_fits(self, data: st.DataObject) -> None:
        """Insert, replace and delete documents, with all their entries taken along."""
        writes: list[RowWrite] = []
        for locator in data.draw(st.sets(st.sampled_from(LOCATORS), max_size=4)):
            owned = [entry for entry, owner in self.entries.items() if owner == locator]
            is_new = locator not in self.locators
            is_deleted = not is_new and data.draw(st.booleans())
            kept = set() if is_deleted or not owned else data.draw(st.sets(st.sampled_from(owned)))
            removed = [entry for entry in owned if entry not in kept]
            added: list[tuple[int, bytes]] = []
            if not is_deleted:
                drawn = data.draw(st.lists(entries, max_size=3, unique=True))
                added = [entry for entry in drawn if entry not in self.entries]
            for entry in removed:
                del self.entries[entry]
            self.entries.update(dict.fromkeys(added, locator))
            (self.locators.discard if is_deleted else self.locators.add)(locator)
            document = None if is_deleted else data.draw(documents)
            writes.append(RowWrite(locator, document, is_new, removed, added))

        assert self.both(lambda store: store.write_rows(writes)) is None

    @precondition(in_transaction)
    @rule(data=st.data())
    def write_anything(self, data: st.DataObject) -> None:
        """Mostly refused, which ends the transaction."""
        some = entries if not self.entries else entries | st.sampled_from(sorted(self.entries))
        some_entries = st.lists(some, max_size=1)
        row_writes = st.builds(
            RowWrite,
            st.sampled_from(LOCATORS),
            documents,
            st.booleans(),
            some_entries,
            some_entries,
        )
        writes = data.draw(st.lists(row_writes, max_size=2, unique_by=lambda write: write.locator))
        if self.both(lambda store: store.write_rows(writes)) is not None:
            return
        for write in writes:
            for entry in write.removed:
                del self.entries[entry]
        for write in writes:
            self.entries.update(dict.fromkeys(write.added, write.locator))
            self.locators.add(write.locator)

    @precondition(in_transaction)
    @rule(timestamp=st.integers(0, 3), creation_time=st.floats(0, 1e15), checksum=st.binary())
    def write_revision(self, timestamp: int, creation_time: float, checksum: bytes) -> None:
        assert self.written is not None
        last = self.written + timestamp
        revision = Revision(last, last, creation_time, checksum)
        if self.both(lambda store: store.write_revision(revision)) is None:
            self.written = last

    @precondition(in_transaction)
    @rule(failure=st.sampled_from([None, None, None, OverloadedError, StorageFullError]))
    def commit(self, failure: type[RealtimeError] | None) -> None:
        def fail() -> None:
            if failure is not None:
                raise failure("as the test wants")

        self.sqlite.before_commit = self.memory.before_commit = fail
        if failure is None:
            assert self.written is not None
            self.newest = self.written
            self.saved = (self.entries, self.locators)
        self.both(lambda store: store.commit())

    @precondition(in_transaction)
    @rule()
    def rollback(self) -> None:
        self.both(lambda store: store.rollback())

    @rule(data=st.data(), lower=keys, upper=keys | st.none())
    def scan(self, data: st.DataObject, lower: bytes, upper: bytes | None) -> None:
        limit = data.draw(st.integers(1, 4))
        descending = data.draw(st.booleans())
        position = data.draw(st.integers(-1, len(self.generations) - 1))
        self.scan_both(position, lower, upper, descending=descending, limit=limit)

    def scan_both(
        self, position: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> None:
        """Scan every index in the engine (-1) or in a generation."""

        def rows(reader: Reader) -> list[list[StoredRow] | str]:
            def scan(index_id: int) -> list[StoredRow]:
                return reader.scan(index_id, lower, upper, descending=descending, limit=limit)

            return [outcome(partial(scan, index_id)) for index_id in INDEXES]

        if position < 0:
            self.both(lambda store: rows(store.engine))
        else:
            in_sqlite, in_memory = self.generations[position]
            assert rows(in_sqlite) == rows(in_memory)

    @rule(offset=st.sampled_from([0, 0, 0, 1]))
    def open_generation(self, offset: int) -> None:
        opened: list[Generation] = []

        def open_one(store: Persistence) -> int | None:
            generation = store.open_generation(self.newest + offset)
            if generation is None:
                return None
            opened.append(generation)
            return generation.timestamp

        self.both(open_one)
        if opened:
            in_sqlite, in_memory = opened
            self.generations.append((in_sqlite, in_memory))

    @precondition(lambda self: self.generations)
    @rule(data=st.data())
    def close_generation(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.generations) - 1))
        for generation in self.generations.pop(position):
            generation.close()

    @precondition(in_transaction)
    @rule(
        sizes=st.lists(st.integers(0, 5), min_size=1, max_size=8),
        session=st.sampled_from("ab"),
        again=st.sampled_from([False, False, False, True]),
    )
    def write_requests(self, sizes: list[int], session: str, again: bool) -> None:
        """Write what is not there yet (or all, which may be refused), later than all before."""
        self.request_time += 2
        records = [
            RequestRecord(session, request, "f:g", self.request_time + size % 2, b"r" * size, b"[]")
            for request, size in enumerate(sizes)
            if again or self.memory.find_request(session, request) is None
        ]
        self.both(lambda store: store.write_requests(records))

    @precondition(in_transaction)
    @rule(
        age=st.integers(0, 20),
        keep_answers=st.integers(0, 12),
        limit=st.integers(1, 5),
        limit_answers=st.integers(0, 4),
    )
    def prune_requests(self, age: int, keep_answers: int, limit: int, limit_answers: int) -> None:
        before = self.request_time - age
        keep_bytes = keep_answers * (REQUEST_OVERHEAD_BYTES + 5)
        limit_bytes = limit_answers * (REQUEST_OVERHEAD_BYTES + 5)
        self.both(
            lambda store: store.prune_requests(
                before, keep_bytes, limit=limit, limit_bytes=limit_bytes
            )
        )

    @precondition(in_transaction)
    @rule(number=st.integers(1, 3), fields=st.lists(st.text(max_size=3), max_size=2))
    def write_catalog(self, number: int, fields: list[str]) -> None:
        if number in {row.number for row in self.memory.recover().tables} and number > 1:
            return
        tables, indexes = [TableRow(number, "ä")], [IndexRow(number + 9, number, "b", (*fields,))]
        self.both(lambda store: store.write_catalog(tables, indexes))

    @precondition(in_transaction)
    @rule(index_id=st.sampled_from([1, 2, 10, 11]))
    def drop_index(self, index_id: int) -> None:
        self.both(lambda store: store.drop_index(index_id))

    @precondition(in_transaction)
    @rule(index_id=st.sampled_from([1, 2, 10]), limit=st.integers(1, 4))
    def clear_index(self, index_id: int, limit: int) -> None:
        self.both(lambda store: store.clear_index(index_id, limit))
        for entry in sorted(key for key in self.entries if key[0] == index_id)[:limit]:
            del self.entries[entry]

    @precondition(in_transaction)
    @rule(entry=entries, locator=st.sampled_from(LOCATORS))
    def add_entry(self, entry: tuple[int, bytes], locator: int) -> None:
        """Refused, which ends the transaction, if the key is there."""
        if locator in self.locators:
            is_new = entry not in self.entries
            refusal = self.both(lambda store: store.add_entries([(*entry, locator)]))
            assert is_new == (refusal is None)
            if is_new:
                self.entries[entry] = locator

    @precondition(in_transaction)
    @rule(index_ids=st.lists(st.integers(1, 9), max_size=2))
    def write_unlisted_indexes(self, index_ids: list[int]) -> None:
        self.both(lambda store: store.write_unlisted_indexes(index_ids))

    @precondition(in_transaction)
    @rule(digest=st.text(max_size=3))
    def write_schema_digest(self, digest: str) -> None:
        self.both(lambda store: store.write_schema_digest(digest))

    @precondition(in_transaction)
    @rule(secret=st.binary(max_size=3))
    def write_secret(self, secret: bytes) -> None:
        self.both(lambda store: store.write_secret(secret))

    @precondition(not_in_transaction)
    @rule()
    def checkpoint(self) -> None:
        self.sqlite.checkpoint()
        self.memory.checkpoint()

    @precondition(lambda self: self.not_in_transaction() and not self.generations)
    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = SqliteStore.open(self.path)

    @invariant()
    def same_contents_everywhere(self) -> None:
        for position in range(-1, len(self.generations)):
            self.scan_both(position, b"", None, descending=False, limit=1000)
        self.both(lambda store: store.recover())
        self.both(lambda store: [store.find_request(s, r) for s in "ab" for r in range(8)])
        self.both(lambda store: store.foreign_write_seen())


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, report_multiple_bugs=False
)
