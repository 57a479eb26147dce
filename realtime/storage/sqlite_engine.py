"""The one connection that writes: transactions, checkpoints, and who may touch it when.

The loop thread reads and writes on it inside one open transaction; `commit` and `checkpoint` wait
for the disk, so they lend it to the thread that runs them, and until they return everything else
on it is refused (asserted).

What an error means depends on where it came. While rows are written, and for a full disk also in
COMMIT, the outcome is known: nothing happened. SQLite has then often rolled back by itself, and
often not ([m] by itself for a full disk, not for a page limit or a duplicate key);
`end_failed_transaction` makes both the same. Any other error of COMMIT may have come after the
bytes were on disk, and only a restart can tell.

Somebody else who writes to the file would make what the server holds in memory wrong.
`PRAGMA data_version` moves with commits of other connections; it is compared at the beginning of
every transaction, which is then refused, and by `foreign_write_seen`. It also moves with a
checkpoint by another connection, which is as unwelcome, and when a failed transaction of our own
had spilled to the log ([m] a full disk with a small cache), so after each failure it is read anew.
What a foreigner commits between the end of the failed transaction and that moment is not noticed
by it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress

from realtime.errors import CorruptionError, OverloadedError, StorageFullError, UnavailableError
from realtime.storage.persistence import FOREIGN_WRITE
from realtime.storage.sqlite_errors import storage_error
from realtime.storage.sqlite_file import fetch
from realtime.storage.sqlite_reader import SqliteReader


class _Step:
    """A step of a transaction; a class, as a generator would cost more than a step's statements."""

    __slots__ = ("_action", "_engine")

    def __init__(self, engine: EngineConnection, action: str) -> None:
        self._engine = engine
        self._action = action

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            assert self._engine.in_transaction
            return
        self._engine.end_failed_transaction()
        if isinstance(error, sqlite3.Error):
            raise storage_error(error, self._action) from error


class EngineConnection(SqliteReader):
    """The writer's connection; its scans see the open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._is_foreign_write_seen = False
        self._data_version = self._read_data_version()

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open, as SQLite sees it."""
        return self.connection.in_transaction

    def begin(self) -> None:
        """Open the transaction and take the file's write lock."""
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        assert not self.in_transaction, "a transaction is open"
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            # From here to the end nobody else can write: what is noted now is not lost when a
            # failure makes the version unreliable.
            self._note_foreign_write()
        except sqlite3.Error as error:
            if self.in_transaction:
                self._roll_back()
            raise storage_error(error, "begin a transaction") from error
        assert self.in_transaction
        if self._is_foreign_write_seen:
            self._roll_back()
            raise UnavailableError(FOREIGN_WRITE)

    def writing(self, action: str) -> _Step:
        """Return the context of a step of the transaction; an error in it ends the transaction.

        Args:
            action: what the step does, to follow "could not".
        """
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        assert self.in_transaction, "no transaction is open"
        return _Step(self, action)

    def write(self, sql: str, *parameters: object) -> int:
        """Run a statement inside `writing`; return how many rows it touched."""
        return self.connection.execute(sql, parameters).rowcount

    def write_each(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run a statement for each of `rows`, inside `writing`.

        Raises:
            CorruptionError: not each of them touched exactly one row of the file.
        """
        if not rows:
            return
        touched = self.connection.executemany(sql, rows).rowcount
        if touched != len(rows):
            raise CorruptionError(
                f"Expected `{sql}` to find {len(rows)} rows, found {touched}; "
                "restore the file from a backup"
            )

    def commit(self, before_commit: Callable[[], None] | None) -> None:
        """Write the log and sync it; raises as `Persistence.commit`."""
        assert self.in_transaction, "no transaction is open"
        with self._handed_over():
            try:
                if before_commit is not None:
                    before_commit()
                self.connection.execute("COMMIT")
            except sqlite3.Error as error:
                failure = storage_error(error, "commit")
                self._end_unless_busy(failure)
                raise failure from error
            except BaseException as failure:
                self._end_unless_busy(failure)
                raise
        assert not self.in_transaction

    def rollback(self) -> None:
        """Drop the open transaction."""
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        assert self.in_transaction, "no transaction is open"
        self._roll_back()
        assert not self.in_transaction

    def checkpoint(self) -> bool:
        """Move the log into the file, as far as generations let it; return whether all went."""
        is_busy, frames, moved_frames = self._checkpoint("PASSIVE")
        return not is_busy and frames == moved_frames

    def truncate_log(self) -> bool:
        """Cut the log to nothing if nobody reads from it; return whether nobody did."""
        is_busy, *_ = self._checkpoint("TRUNCATE")
        return not is_busy

    def _checkpoint(self, mode: str) -> tuple[int, int, int]:
        """Return whether it was kept from its end, and the frames in the log and moved."""
        assert not self.in_transaction, "there is no checkpoint inside a transaction"
        row: tuple[int, int, int]
        with self._handed_over():
            try:
                [row] = fetch(self.connection, f"PRAGMA wal_checkpoint({mode})")
            except sqlite3.Error as error:
                failure = storage_error(error, "checkpoint")
                if isinstance(failure, OverloadedError):
                    return 1, 0, 0
                raise failure from error
        return row

    def foreign_write_seen(self) -> bool:
        """Return whether another connection has ever committed."""
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        try:
            self._note_foreign_write()
        except sqlite3.Error as error:
            raise storage_error(error, "read the data version") from error
        return self._is_foreign_write_seen

    def close(self) -> None:
        """Drop an open transaction, empty the log if that is possible, and close."""
        # What cannot be moved now stays in the log for the next start.
        with suppress(sqlite3.Error):
            if self.in_transaction:
                self.connection.execute("ROLLBACK")
            fetch(self.connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    @contextmanager
    def _handed_over(self) -> Generator[None]:
        assert not self.is_handed_over, "the connection is in use by the committer's thread"
        self.is_handed_over = True
        try:
            yield
        finally:
            self.is_handed_over = False

    def _end_unless_busy(self, failure: BaseException) -> None:
        """End the transaction after a COMMIT that failed, unless it can be tried again."""
        is_busy = isinstance(failure, OverloadedError) and not isinstance(failure, StorageFullError)
        if not is_busy:
            self.end_failed_transaction()

    def end_failed_transaction(self) -> None:
        """Make what an error has left the same everywhere: no transaction, a version read anew."""
        if self.in_transaction:
            self._roll_back()
        with suppress(sqlite3.Error):
            self._data_version = self._read_data_version()

    def _roll_back(self) -> None:
        try:
            self.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise storage_error(error, "roll back") from error

    def _note_foreign_write(self) -> None:
        if self._read_data_version() != self._data_version:
            self._is_foreign_write_seen = True

    def _read_data_version(self) -> int:
        [(version,)] = fetch(self.connection, "PRAGMA data_version")
        assert isinstance(version, int)
        return version
