"""The stored answers of requests in the SQLite file, and how much room they take.

Their size is known without looking at them: it is carried on in memory, and each `prune` leaves it
in `settings` with the timestamp up to which it counts. A start adds what came after that, found
through the index by timestamp. Only a file in which nothing was ever pruned is counted in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from realtime.storage.records import REQUEST_OVERHEAD_BYTES, RequestRecord
from realtime.storage.sqlite_engine import EngineConnection
from realtime.storage.sqlite_file import fetch

_INSERT: Final = (
    "INSERT INTO requests (session_id, request_id, path, timestamp, result, log_lines)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_FIND: Final = (
    "SELECT path, timestamp, result, log_lines FROM requests"
    " WHERE session_id = ? AND request_id = ? LIMIT 1"
)
# `length` of a BLOB reads the head of a row and none of its overflow pages.
_SIZE: Final = f"length(result) + length(log_lines) + {REQUEST_OVERHEAD_BYTES}"
_OLDEST: Final = (
    f"SELECT session_id, request_id, timestamp, {_SIZE} FROM requests WHERE timestamp < ?"
    " ORDER BY timestamp, session_id, request_id LIMIT ?"
)
_DELETE: Final = "DELETE FROM requests WHERE session_id = CAST(? AS TEXT) AND request_id = ?"
_NEWEST: Final = "SELECT coalesce(max(timestamp), 0) FROM requests"
_COUNT_LATER: Final = f"SELECT coalesce(sum({_SIZE}), 0) FROM requests WHERE timestamp > ?"
_READ_COUNTED: Final = "SELECT value FROM settings WHERE name = 'requests_counted'"
_WRITE_COUNTED: Final = (
    "INSERT OR REPLACE INTO settings (name, value) VALUES ('requests_counted', ?)"
)
_LATER_THAN_ALL: Final = 2**63 - 1


class SqliteRequests:
    """The table `requests`, on the engine connection; its calls are those of `Persistence`."""

    def __init__(self, engine: EngineConnection) -> None:
        """Count what is there; sqlite3.Error if that fails."""
        self._engine: Final = engine
        self._committed_bytes = self._count()
        self._size_bytes = self._committed_bytes
        """The size with what the open transaction has done."""

    def begin(self) -> None:
        """Take note of a new transaction: what a failed one did is void."""
        self._size_bytes = self._committed_bytes

    def commit(self) -> None:
        """Take note that the transaction is durable."""
        self._committed_bytes = self._size_bytes

    def write(self, records: Sequence[RequestRecord]) -> None:
        """Store the answers of requests."""
        rows = [
            (
                record.session_id,
                record.request_id,
                record.path,
                record.timestamp,
                record.result,
                record.log_lines,
            )
            for record in records
        ]
        with self._engine.writing("write requests"):
            self._engine.write_each(_INSERT, rows)
        self._size_bytes += sum(record.size_bytes for record in records)

    def find(self, session_id: str, request_id: int) -> RequestRecord | None:
        """Return a stored answer; sqlite3.Error if that fails."""
        rows = fetch(self._engine.connection, _FIND, session_id, request_id)
        if not rows:
            return None
        path, timestamp, result, log_lines = rows[0]
        return RequestRecord(session_id, request_id, path.decode(), timestamp, result, log_lines)

    def prune(self, before_timestamp: int, keep_bytes: int, *, limit: int, limit_bytes: int) -> int:
        """Delete the oldest answers, and note the size."""
        is_too_large = self._size_bytes > keep_bytes
        with self._engine.writing("prune requests"):
            oldest = fetch(
                self._engine.connection,
                _OLDEST,
                _LATER_THAN_ALL if is_too_large else before_timestamp,
                limit,
            )
            deleted: list[tuple[bytes, int]] = []
            deleted_bytes = 0
            for session_id, request_id, timestamp, size_bytes in oldest:
                is_old = timestamp < before_timestamp
                if not is_old and self._size_bytes - deleted_bytes <= keep_bytes:
                    break
                if deleted and deleted_bytes + size_bytes > limit_bytes:
                    break
                deleted.append((session_id, request_id))
                deleted_bytes += size_bytes
            self._engine.write_each(_DELETE, deleted)
            self._size_bytes -= deleted_bytes
            [(newest,)] = fetch(self._engine.connection, _NEWEST)
            self._engine.write(_WRITE_COUNTED, f"{newest} {self._size_bytes}")
        return len(deleted)

    def _count(self) -> int:
        connection = self._engine.connection
        counted_until, size_bytes = -1, 0
        for (counted,) in fetch(connection, _READ_COUNTED):
            counted_until, size_bytes = map(int, counted.split())
        [(later_bytes,)] = fetch(connection, _COUNT_LATER, counted_until)
        assert isinstance(later_bytes, int)
        return size_bytes + later_bytes
