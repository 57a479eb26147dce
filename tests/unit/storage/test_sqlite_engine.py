"""What the engine connection makes of other programs, a full disk and a broken one."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.errors import OverloadedError, StorageError, StorageFullError, UnavailableError
from realtime.storage.sqlite import SqliteStore
from tests.unit.storage.sqlite_store import (
    commit,
    engine_connection,
    foreign,
    insert,
    locators,
    pinned,
)

# Other programs


def test_write_by_another_program_is_seen_and_stays_seen(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, insert(1))
    assert not sqlite_store.foreign_write_seen()
    with foreign(path) as connection:
        connection.execute("SELECT * FROM documents").fetchall()
        assert not sqlite_store.foreign_write_seen()

        connection.execute("INSERT INTO settings VALUES ('a', 'b')")

    assert sqlite_store.foreign_write_seen()
    assert sqlite_store.foreign_write_seen()


def test_no_transaction_begins_after_a_write_by_another_program(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, insert(1))
    with foreign(path) as connection:
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")

    for _ in range(2):
        with pytest.raises(UnavailableError, match="Another program has written to the data file"):
            sqlite_store.begin()
        assert not sqlite_store.in_transaction


def test_foreign_write_is_noticed_also_after_the_file_was_busy(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, insert(1))
    with foreign(path) as connection:
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(OverloadedError):
            sqlite_store.begin()
        connection.execute("ROLLBACK")

    with pytest.raises(UnavailableError):
        sqlite_store.begin()


def test_own_work_is_not_taken_for_a_foreign_write(sqlite_store: SqliteStore) -> None:
    commit(sqlite_store, 1, insert(1))
    sqlite_store.begin()
    sqlite_store.write_rows([insert(2)])
    assert not sqlite_store.foreign_write_seen()
    sqlite_store.rollback()
    pinned(sqlite_store, 1).close()
    sqlite_store.checkpoint()
    sqlite_store.begin()
    with pytest.raises(StorageError):
        sqlite_store.write_rows([insert(1)])
    commit(sqlite_store, 2, insert(2))

    assert not sqlite_store.foreign_write_seen()


def test_revision_by_another_program_is_found_when_a_generation_is_opened(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, insert(1))
    with foreign(path) as connection:
        connection.execute("INSERT INTO revisions VALUES (9, 9, 0, x'')")

    with pytest.raises(UnavailableError, match=r"Expected revision 1 .* found 9"):
        sqlite_store.open_generation(1)


def test_begin_while_another_program_writes_is_busy(path: Path, sqlite_store: SqliteStore) -> None:
    with foreign(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(OverloadedError) as raised:
            sqlite_store.begin()
        connection.execute("ROLLBACK")

    assert not isinstance(raised.value, StorageFullError)
    assert not sqlite_store.in_transaction
    commit(sqlite_store, 1, insert(1))


# A full disk, and a broken one


def test_page_limit_reached_by_a_write_fails_the_transaction_and_nothing_else(
    sqlite_store: SqliteStore,
) -> None:
    commit(sqlite_store, 1, insert(1))
    held = pinned(sqlite_store, 1)
    connection = engine_connection(sqlite_store)
    [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages + 3}").fetchall()

    sqlite_store.begin()
    sqlite_store.write_rows([insert(2)])
    with pytest.raises(StorageFullError):
        sqlite_store.write_rows([insert(n, b"x" * 3000) for n in range(3, 20)])

    assert not sqlite_store.in_transaction
    assert locators(sqlite_store.engine) == locators(held) == [1]
    assert locators(pinned(sqlite_store, 1)) == [1]
    with pytest.raises(StorageFullError):
        commit(sqlite_store, 2, insert(2, b"x" * 50_000))
    connection.execute("PRAGMA max_page_count = 100000").fetchall()
    commit(sqlite_store, 2, insert(2, b"x" * 50_000))
    assert locators(pinned(sqlite_store, 2)) == [1, 2]
    assert not sqlite_store.foreign_write_seen()


@pytest.mark.parametrize("has_rolled_back", [True, False])
def test_full_disk_in_commit_is_known_whether_or_not_sqlite_has_rolled_back(
    sqlite_store: SqliteStore, has_rolled_back: bool
) -> None:
    commit(sqlite_store, 1, insert(1))

    def fail() -> None:
        if has_rolled_back:
            engine_connection(sqlite_store).execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
        raise error

    sqlite_store.before_commit = fail
    with pytest.raises(StorageFullError, match="SQLITE_FULL"):
        commit(sqlite_store, 2, insert(2))

    assert not sqlite_store.in_transaction
    assert locators(pinned(sqlite_store, 1)) == [1]
    sqlite_store.before_commit = None
    commit(sqlite_store, 2, insert(2))
    assert locators(pinned(sqlite_store, 2)) == [1, 2]


_ON_A_SMALL_DISK = """
import pathlib, sys
import pytest
from realtime.errors import StorageFullError
from realtime.storage.records import Revision, RowWrite
from realtime.storage.sqlite import SqliteStore

directory, cache_size = pathlib.Path(sys.argv[1]), sys.argv[2]
store = SqliteStore.open(directory / "data.sqlite")
store.engine.connection.execute(f"PRAGMA cache_size = {cache_size}")
filler = directory / "filler"
filler.write_bytes(bytes(2**20))

def locators(reader):
    return [row.locator for row in reader.scan(7, b"", None, descending=False, limit=10_000)]

def commit(timestamp):
    store.begin()
    writes = []
    for locator in range(timestamp * 100, timestamp * 100 + 100):
        writes.append(RowWrite(locator, b"x" * 1000, True, [], [(7, b"%09d" % locator)]))
    store.write_rows(writes)
    store.write_revision(Revision(timestamp, timestamp, 0.0, b""))
    store.commit()

held = store.open_generation(0)
timestamp = 0
with pytest.raises(StorageFullError):
    while True:
        commit(timestamp + 1)
        timestamp += 1
assert timestamp > 1
with pytest.raises(StorageFullError):
    commit(timestamp + 1)
assert not store.in_transaction and not store.foreign_write_seen()
expected = list(range(100, timestamp * 100 + 100))
generation = store.open_generation(timestamp)
assert locators(store.engine) == locators(generation) == expected and locators(held) == []
held.close()
assert store.checkpoint() is False
filler.unlink()
commit(timestamp + 1)
assert locators(store.engine) == list(range(100, timestamp * 100 + 200))
assert locators(generation) == expected and not store.foreign_write_seen()
store.close()
print("done")
"""


@pytest.mark.parametrize("cache_size", [-32768, 8])
def test_full_disk_fails_what_is_not_durable_until_there_is_room(
    tmp_path: Path, cache_size: int
) -> None:
    # A large cache writes in COMMIT; a small one spills while rows are written.
    mount = 'mount -t tmpfs -o size=3m tmpfs "$1"'
    script = f'{mount} || exit 77; exec "$2" -c "$3" "$1" "$4"'
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare, to mount a small file system")
    arguments = [str(tmp_path), sys.executable, _ON_A_SMALL_DISK, str(cache_size)]
    namespace = "-m" if os.geteuid() == 0 else "-Urm"
    done = subprocess.run(
        [unshare, namespace, "sh", "-c", script, "sh", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("needs the right to mount a small file system")

    assert done.stdout == "done\n", done.stderr


def test_write_error_of_the_disk_in_commit_has_an_unknown_outcome(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, insert(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def break_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (sqlite_store.wal_size_bytes(), limits[1]))

    sqlite_store.before_commit = break_disk
    try:
        with pytest.raises(StorageError) as raised:
            commit(sqlite_store, 2, insert(2, b"x" * 10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert type(raised.value) is StorageError
    assert "SQLITE_IOERR_WRITE" in str(raised.value)
    assert not sqlite_store.in_transaction
