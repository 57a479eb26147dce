"""What only a file can show: settings, reopening, corruption, the log."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from realtime.errors import CorruptionError, StorageError
from realtime.storage.persistence import CHECKPOINT_AT_BYTES
from realtime.storage.records import IndexRow, RequestRecord, Revision, RowWrite, TableRow
from realtime.storage.sqlite import SqliteStore
from realtime.storage.sqlite_file import open_engine_connection, open_reader_connection
from tests.unit.storage.sqlite_store import (
    INDEX,
    commit,
    engine_connection,
    foreign,
    insert,
    locators,
    pinned,
)

# The file


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", b"wal"),
        ("synchronous", 2),
        ("wal_autocheckpoint", 0),
        ("busy_timeout", 0),
        ("fullfsync", 1),
    ],
)
def test_every_connection_has_the_settings_that_durability_needs(
    path: Path, pragma: str, value: object
) -> None:
    with (
        closing(open_engine_connection(path)) as engine,
        closing(open_reader_connection(path)) as reader,
    ):
        found = [c.execute(f"PRAGMA {pragma}").fetchall() for c in (engine, reader)]

    assert found == [[(value,)], [(value,)]]


def test_reader_connection_cannot_write(path: Path) -> None:
    with (
        closing(open_engine_connection(path)),
        closing(open_reader_connection(path)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("DELETE FROM documents")


def test_documents_can_be_queried_as_json_by_people(path: Path, sqlite_store: SqliteStore) -> None:
    document = b'{"body":"a\\u0000b","n":3}'
    commit(sqlite_store, 1, insert(1, b"{}"), insert(2, document))
    commit(sqlite_store, 2, RowWrite(1, document, False, [], []))

    with foreign(path) as connection:
        sql = "SELECT typeof(json), json_extract(json, '$.n'), length(json) FROM documents"
        assert connection.execute(sql).fetchall() == [("text", 3, len(document))] * 2


def test_closed_store_is_one_file_with_everything_in_it(path: Path) -> None:
    record = RequestRecord("s", 1, "f:g", 1, b"1", b"[]")
    store = SqliteStore.open(path)
    store.begin()
    store.write_rows([insert(1, b'{"a":1}'), insert(5)])
    store.write_requests([record])
    store.write_catalog([TableRow(1, "a")], [IndexRow(INDEX, 1, "by_a", ("a",))])
    store.write_schema_digest("digest")
    store.write_secret(b"secret")
    store.write_revision(Revision(1, 3, 2.5, b"chain"))
    store.commit()
    recovered = store.recover()
    store.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]

    with closing(SqliteStore.open(path)) as reopened:
        assert reopened.recover() == recovered
        assert reopened.find_request("s", 1) == record
        assert locators(pinned(reopened, 3)) == [1, 5]
        assert not reopened.foreign_write_seen()


def test_close_empties_the_log_also_while_somebody_reads_the_file(path: Path) -> None:
    store = SqliteStore.open(path)
    commit(store, 1, insert(1))
    pinned(store, 1)
    commit(store, 2, insert(2))
    with foreign(path) as connection:
        connection.execute("SELECT * FROM documents").fetchall()
        store.begin()
        store.write_rows([insert(3)])

        store.close()

        assert Path(f"{path}-wal").stat().st_size == 0
        found = connection.execute("SELECT locator FROM documents").fetchall()
        assert found == [(1,), (2,)]


def test_file_left_by_a_crash_holds_what_was_committed_and_nothing_else(
    path: Path, sqlite_store: SqliteStore, tmp_path: Path
) -> None:
    commit(sqlite_store, 1, insert(1))
    sqlite_store.checkpoint()
    commit(sqlite_store, 2, insert(2))
    sqlite_store.begin()
    sqlite_store.write_rows([insert(3)])
    engine_connection(sqlite_store).execute("PRAGMA cache_size = 1")
    sqlite_store.write_rows([insert(n, b"x" * 5000) for n in range(4, 50)])
    crashed = tmp_path / "crashed.sqlite"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{crashed}{suffix}")

    with closing(SqliteStore.open(crashed)) as reopened:
        assert reopened.recover().last_timestamp == 2
        assert reopened.recover().last_locator == 2
        assert locators(reopened.engine) == [1, 2]


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        ("CREATE TABLE a (b)", "another program"),
        ("PRAGMA application_id = 7", "another program"),
        ("PRAGMA application_id = 1382370388; PRAGMA user_version = 99", "layout 99"),
    ],
)
def test_file_that_is_not_for_us_is_refused_and_not_changed(
    path: Path, prepare: str, reason: str
) -> None:
    with foreign(path) as connection:
        connection.executescript(prepare)
    before = path.read_bytes()

    with pytest.raises(StorageError, match=reason):
        SqliteStore.open(path)

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"something else" * 100)

    with pytest.raises(CorruptionError, match=r"data\.sqlite"):
        SqliteStore.open(path)


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        SqliteStore.open(tmp_path / "nowhere" / "data.sqlite")


# Corruption


def test_flipped_bit_in_a_document_is_found_by_every_read(
    path: Path, sqlite_store: SqliteStore
) -> None:
    commit(sqlite_store, 1, *(insert(n, b'{"body":"hello"}') for n in range(40, 45)))
    with foreign(path) as connection:
        changed = '{"body":"hellp"}'
        connection.execute("UPDATE documents SET json = ? WHERE locator = 42", (changed,))

    generation = pinned(sqlite_store, 1)
    for reader in (sqlite_store.engine, generation):
        for descending in (False, True):
            for upper in (None, b"~"):
                with pytest.raises(CorruptionError, match="locator 42"):
                    reader.scan(INDEX, b"", upper, descending=descending, limit=10)

    rows = generation.scan(INDEX, b"%09d" % 43, None, descending=False, limit=10)
    assert [row.locator for row in rows] == [43, 44]


def test_entry_without_its_document_is_found(path: Path, sqlite_store: SqliteStore) -> None:
    commit(sqlite_store, 1, insert(41), insert(42), insert(43))
    with foreign(path) as connection:
        connection.execute("DELETE FROM documents WHERE locator = 42")

    with pytest.raises(CorruptionError, match="locator 42 is missing"):
        locators(sqlite_store.engine)


def test_destroyed_page_is_corruption(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        commit(store, 1, *(insert(n, b"x" * 3000) for n in range(1, 200)))
    with foreign(path) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'index_entries'"
        [(page,)] = connection.execute(sql).fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x00" * 4096)

    with closing(SqliteStore.open(path)) as store, pytest.raises(CorruptionError):
        locators(store.engine)


# The log


def test_log_stays_small_when_callers_keep_the_order(sqlite_store: SqliteStore) -> None:
    document = b"x" * 2**20
    generation = pinned(sqlite_store, 0)
    largest, checkpoints = 0, 0

    for timestamp in range(1, 60):
        commit(sqlite_store, timestamp, insert(timestamp, document))
        before, generation = generation, pinned(sqlite_store, timestamp)
        before.close()
        largest = max(largest, sqlite_store.wal_size_bytes())
        if sqlite_store.wal_size_bytes() >= CHECKPOINT_AT_BYTES:
            assert sqlite_store.checkpoint()
            checkpoints += 1
            before, generation = generation, pinned(sqlite_store, timestamp)
            before.close()

    assert largest < CHECKPOINT_AT_BYTES + 2 * 2**20
    assert checkpoints == 3
    assert len(locators(generation)) == 59


def test_older_generation_holds_back_a_checkpoint_until_it_is_closed(
    sqlite_store: SqliteStore,
) -> None:
    commit(sqlite_store, 1, insert(1))
    older = pinned(sqlite_store, 1)
    commit(sqlite_store, 2, insert(2))
    pinned(sqlite_store, 2)

    assert not sqlite_store.checkpoint()
    assert not sqlite_store.in_transaction
    assert locators(older) == [1]
    older.close()

    assert sqlite_store.checkpoint()


def test_log_size_is_that_of_the_file(path: Path, sqlite_store: SqliteStore) -> None:
    before = sqlite_store.wal_size_bytes()

    commit(sqlite_store, 1, insert(1, b"x" * 100_000))

    after = sqlite_store.wal_size_bytes()
    assert after - before > 100_000
    assert after == Path(f"{path}-wal").stat().st_size
    sqlite_store.close()
    assert sqlite_store.wal_size_bytes() == 0


def test_log_is_cut_to_nothing_when_nobody_reads_from_it(sqlite_store: SqliteStore) -> None:
    commit(sqlite_store, 1, insert(1))
    pinned(sqlite_store, 1).close()
    before = sqlite_store.wal_size_bytes()
    complete = sqlite_store.checkpoint()
    generation = pinned(sqlite_store, 1)

    assert complete and sqlite_store.truncate_log()
    assert before > 0 and sqlite_store.wal_size_bytes() == 0
    commit(sqlite_store, 2, insert(2))
    assert locators(generation) == [1]
    assert locators(pinned(sqlite_store, 2)) == [1, 2]
    assert not sqlite_store.foreign_write_seen()


def test_log_is_not_cut_while_somebody_reads_from_it(sqlite_store: SqliteStore) -> None:
    commit(sqlite_store, 1, insert(1))
    generation = pinned(sqlite_store, 1)
    sqlite_store.checkpoint()

    assert not sqlite_store.truncate_log()
    assert sqlite_store.wal_size_bytes() > 0
    assert locators(generation) == [1]
