"""A store in a file, what a test writes into it and reads, and another program beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from realtime.storage.persistence import Reader
from realtime.storage.records import Revision, RowWrite
from realtime.storage.sqlite import SqliteStore
from realtime.storage.sqlite_engine import EngineConnection
from realtime.storage.sqlite_reader import SqliteGeneration

INDEX = 7


def insert(locator: int, document: bytes = b"{}") -> RowWrite:
    return RowWrite(locator, document, True, [], [(INDEX, b"%09d" % locator)])


def commit(store: SqliteStore, timestamp: int, *writes: RowWrite) -> None:
    store.begin()
    store.write_rows(writes)
    store.write_revision(Revision(timestamp, timestamp, 0.0, b""))
    store.commit()


def locators(reader: Reader) -> list[int]:
    rows = reader.scan(INDEX, b"", None, descending=False, limit=10_000)
    return [row.locator for row in rows]


def pinned(store: SqliteStore, timestamp: int) -> SqliteGeneration:
    generation = store.open_generation(timestamp)
    assert generation is not None
    return generation


def engine_connection(store: SqliteStore) -> sqlite3.Connection:
    assert isinstance(store.engine, EngineConnection)
    return store.engine.connection


@contextmanager
def foreign(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        yield connection
