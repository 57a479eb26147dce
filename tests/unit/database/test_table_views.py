"""The views of a file follow its tables and the schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from realtime.schema.schema import Schema, Table
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from realtime.values.validators import v
from tests.unit.database.small_database import insert, open_database, schema_of

NOTES = Table("notes", v.object({"text": v.string(), "rank": v.optional(v.number())}))
EITHER = Table("either", v.union(v.object({"a": v.string()}), v.object({"b": v.int64()})))
ANY = Table("anything", v.any())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.sqlite"


@pytest.fixture
def sqlite_store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore.open(path)) as store:
        yield store


def columns(path: Path) -> dict[str, list[str]]:
    """The columns of each view, as a SQLite tool sees them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as tool:
        names = tool.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
        return {
            name: [row[1] for row in tool.execute(f'PRAGMA table_info("{name}")').fetchall()]
            for (name,) in names
            if name != "int64$bits"
        }


def restart(store: SqliteStore, schema: Schema) -> None:
    open_database(store, schema, clock=VirtualClock(seed=1)).close()


def test_declared_table_has_a_view_with_its_fields(path: Path, sqlite_store: SqliteStore) -> None:
    restart(sqlite_store, schema_of(NOTES, EITHER, ANY))

    assert columns(path) == {
        "notes": ["_id", "_creationTime", "rank", "text"],
        "either": ["_id", "_creationTime", "a", "b"],
        "anything": ["_id", "_creationTime", "_document"],
    }


def test_views_follow_the_schema(path: Path, sqlite_store: SqliteStore) -> None:
    restart(sqlite_store, schema_of(NOTES))
    restart(sqlite_store, schema_of(Table("notes", v.object({"title": v.string()})), EITHER))

    assert columns(path)["notes"] == ["_id", "_creationTime", "title"]
    assert "either" in columns(path)


def test_table_that_an_insert_creates_has_a_view(path: Path, sqlite_store: SqliteStore) -> None:
    with closing(open_database(sqlite_store, schema_of(NOTES))) as database:
        created = insert(database, "events", kind="x")
        insert(database, "notes", text="a", rank=float("inf"))

    assert columns(path)["events"] == ["_id", "_creationTime", "_document"]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as tool:
        assert tool.execute("SELECT _id FROM events").fetchall() == [(created,)]
        assert tool.execute("SELECT text, rank FROM notes").fetchall() == [("a", float("inf"))]
