"""What an error of SQLite means for a caller."""

from __future__ import annotations

import sqlite3

from realtime.errors import (
    CorruptionError,
    OverloadedError,
    RealtimeError,
    StorageError,
    StorageFullError,
)

_PRIMARY_CODE = 0xFF
"""Extended result codes hold the primary one in their lowest byte."""


def storage_error(error: sqlite3.Error, action: str) -> RealtimeError:
    """Return our error for one of SQLite's, to be raised `from` it.

    Args:
        error: as raised by the `sqlite3` module.
        action: what was being done, to follow "could not".
    """
    reason = f"SQLite could not {action}: {_describe(error)}"
    match _primary_code(error):
        case sqlite3.SQLITE_FULL:
            return StorageFullError(f"{reason}; free some disk space and try again")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return OverloadedError(f"{reason}; another program is using the file")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CorruptionError(f"{reason}; restore the file from a backup")
        case _:
            return StorageError(reason)


def _primary_code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE


def _describe(error: sqlite3.Error) -> str:
    name: str | None = getattr(error, "sqlite_errorname", None)
    return str(error) if name is None else f"{error} ({name})"
