"""Each error of SQLite becomes the one of ours that says what a caller can do."""

from __future__ import annotations

import sqlite3

import pytest

from realtime.errors import (
    CorruptionError,
    OverloadedError,
    RealtimeError,
    StorageError,
    StorageFullError,
)
from realtime.storage.sqlite_errors import storage_error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StorageFullError),
        (sqlite3.SQLITE_BUSY, OverloadedError),
        (sqlite3.SQLITE_BUSY_RECOVERY, OverloadedError),
        (sqlite3.SQLITE_LOCKED, OverloadedError),
        (sqlite3.SQLITE_CORRUPT, CorruptionError),
        (sqlite3.SQLITE_CORRUPT_INDEX, CorruptionError),
        (sqlite3.SQLITE_NOTADB, CorruptionError),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageError),
        (sqlite3.SQLITE_READONLY, StorageError),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, StorageError),
        (None, StorageError),
    ],
)
def test_code_of_sqlite_decides_the_class(code: int | None, expected: type[RealtimeError]) -> None:
    error = sqlite3.OperationalError("some text")
    if code is not None:
        error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_NAME"

    translated = storage_error(error, "write documents")

    assert type(translated) is expected
    assert "could not write documents: some text" in translated.message
    assert ("(SQLITE_NAME)" in translated.message) is (code is not None)
