"""Reading documents from one SQLite connection, and pinning a connection to one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final
from zlib import crc32

from realtime.errors import CorruptionError, UnavailableError
from realtime.storage.records import StoredRow
from realtime.storage.sqlite_errors import storage_error
from realtime.storage.sqlite_file import fetch


def _scan_sql(*, is_bounded: bool, descending: bool) -> str:
    # LEFT JOIN: an entry without its document must be found out, not passed over.
    return (
        "SELECT entry.key, entry.locator, document.json, document.checksum"
        " FROM index_entries AS entry"
        " LEFT JOIN documents AS document ON document.locator = entry.locator"
        " WHERE entry.index_id = ? AND entry.key >= ?"
        + (" AND entry.key < ?" if is_bounded else "")
        + f" ORDER BY entry.key {'DESC' if descending else 'ASC'} LIMIT ?"
    )


_SCAN_UP: Final = _scan_sql(is_bounded=True, descending=False)
_SCAN_UP_TO_END: Final = _scan_sql(is_bounded=False, descending=False)
_SCAN_DOWN: Final = _scan_sql(is_bounded=True, descending=True)
_SCAN_DOWN_FROM_END: Final = _scan_sql(is_bounded=False, descending=True)

_NEWEST_TIMESTAMP: Final = (
    "SELECT last_timestamp FROM revisions ORDER BY last_timestamp DESC LIMIT 1"
)


class SqliteReader:
    """Reads through one connection, in whatever transaction that is in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection: Final = connection
        self.is_handed_over = False
        """True while another thread uses the connection; set and cleared by its owner."""

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        """Return the first rows of a range, as `Reader.scan`; each one's checksum is verified."""
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        assert limit > 0
        try:
            if upper is None:
                sql = _SCAN_DOWN_FROM_END if descending else _SCAN_UP_TO_END
                rows = fetch(self.connection, sql, index_id, lower, limit)
            else:
                sql = _SCAN_DOWN if descending else _SCAN_UP
                rows = fetch(self.connection, sql, index_id, lower, upper, limit)
        except sqlite3.Error as error:
            raise storage_error(error, "read documents") from error
        for _, locator, document, checksum in rows:
            if document is None or crc32(document) != checksum:
                raise _corruption(locator, document)
        make = StoredRow._make
        return [make(row[:3]) for row in rows]

    def pin(self) -> int:
        """Begin a read transaction; return its newest revision's timestamp, 0 without one.

        The first read fixes the snapshot, so what is returned is what the snapshot holds.
        """
        assert not self.connection.in_transaction
        self.connection.execute("BEGIN")
        rows = fetch(self.connection, _NEWEST_TIMESTAMP)
        return rows[0][0] if rows else 0

    def unpin(self) -> None:
        """End the read transaction, if an error has not ended it."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


class SqliteGeneration:
    """A reader connection inside a read transaction; SQLite keeps its snapshot."""

    def __init__(
        self,
        reader: SqliteReader,
        timestamp: int,
        release: Callable[[SqliteGeneration, SqliteReader], None],
    ) -> None:
        self.timestamp: Final = timestamp
        self._reader: SqliteReader | None = reader
        self._release: Final = release

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        """Return the first rows of a range, as `Reader.scan`."""
        assert self._reader is not None, "the generation is closed"
        return self._reader.scan(index_id, lower, upper, descending=descending, limit=limit)

    def close(self) -> None:
        """End the read transaction and give the connection back; idempotent."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._release(self, reader)


class GenerationPool:
    """The reader connections, each free or pinned by an open generation."""

    def __init__(self, readers: list[SqliteReader]) -> None:
        self._free: Final = readers
        self._open: Final[set[SqliteGeneration]] = set()

    def open(self, expected_timestamp: int) -> SqliteGeneration | None:
        """Pin a free reader, as `Persistence.open_generation`."""
        if not self._free:
            return None
        reader = self._free.pop()
        generation = SqliteGeneration(reader, expected_timestamp, self._release)
        self._open.add(generation)
        try:
            newest = reader.pin()
        except sqlite3.Error as error:
            generation.close()
            raise storage_error(error, "open a snapshot") from error
        if newest != expected_timestamp:
            generation.close()
            raise UnavailableError(
                f"Expected revision {expected_timestamp} to be the newest in the file, found "
                f"{newest}: another program has written to it; stop that program"
            )
        return generation

    def close(self) -> None:
        """Close all generations and connections."""
        for generation in tuple(self._open):
            generation.close()
        while self._free:
            self._free.pop().connection.close()

    def _release(self, generation: SqliteGeneration, reader: SqliteReader) -> None:
        self._open.remove(generation)
        reader.unpin()
        self._free.append(reader)


def _corruption(locator: int, document: bytes | None) -> CorruptionError:
    found = "is missing" if document is None else "does not match its checksum"
    return CorruptionError(f"Document at locator {locator} {found}; restore the file from a backup")
