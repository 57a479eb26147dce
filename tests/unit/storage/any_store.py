"""What is written into any store, and read from it."""

from __future__ import annotations

from collections.abc import Sequence

from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import Reader
from realtime.storage.records import RequestRecord, Revision, RowWrite
from realtime.storage.sqlite import SqliteStore

Store = SqliteStore | MemoryStore


BY_NAME = 7


REQUEST = RequestRecord("session", 1, "messages:send", 1, b'"id"', b"[]")


def insert(locator: int, *keys: bytes, document: bytes = b"{}") -> RowWrite:
    return RowWrite(locator, document, True, [], [(BY_NAME, key) for key in keys])


def delete(locator: int, *keys: bytes) -> RowWrite:
    return RowWrite(locator, None, False, [(BY_NAME, key) for key in keys], [])


def replace(
    locator: int, document: bytes, removed: Sequence[bytes] = (), added: Sequence[bytes] = ()
) -> RowWrite:
    return RowWrite(
        locator,
        document,
        False,
        [(BY_NAME, key) for key in removed],
        [(BY_NAME, key) for key in added],
    )


def revision(timestamp: int) -> Revision:
    return Revision(timestamp, timestamp, float(timestamp), b"checksum %d" % timestamp)


def commit(store: Store, timestamp: int, *writes: RowWrite) -> None:
    store.begin()
    store.write_rows(writes)
    store.write_revision(revision(timestamp))
    store.commit()


def keys(
    reader: Reader,
    lower: bytes = b"",
    upper: bytes | None = None,
    *,
    descending: bool = False,
    limit: int = 100,
) -> list[bytes]:
    rows = reader.scan(BY_NAME, lower, upper, descending=descending, limit=limit)
    return [row.key for row in rows]


def documents(reader: Reader) -> list[tuple[int, bytes]]:
    rows = reader.scan(BY_NAME, b"", None, descending=False, limit=100)
    return [(row.locator, row.document) for row in rows]


def newest_keys(store: Store, timestamp: int) -> list[bytes]:
    generation = store.open_generation(timestamp)
    assert generation is not None
    found = keys(generation)
    generation.close()
    return found
