"""What a SQLite tool shows of documents: one view a table, a column a field."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.storage.records import Revision, RowWrite, TableView
from realtime.storage.sqlite import SqliteStore
from realtime.storage.sqlite_views import create_views
from realtime.values.json_encoding import encode_json
from realtime.values.value import Int64, Value

ALL_KEYS = frozenset({"$integer", "$bytes", "$float"})
INDEX = 1


def view(
    name: str = "notes", *fields: str, number: int = 10_001, has_other_fields: bool = False
) -> TableView:
    return TableView(number, name, INDEX, dict.fromkeys(fields, ALL_KEYS), has_other_fields)


def write(store: SqliteStore, views: list[TableView], *documents: dict[str, Value]) -> None:
    store.begin()
    store.write_rows(
        [
            RowWrite(number, encode_json(document), True, [], [(INDEX, b"%d" % number)])
            for number, document in enumerate(documents)
        ]
    )
    store.write_views(views, keep_others=False)
    store.write_revision(Revision(1, 1, 0.0, b""))
    store.commit()


@pytest.fixture
def tool(path: Path, sqlite_store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """Another program that reads the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def shown(tool: sqlite3.Connection, name: str = "notes") -> list[dict[str, Any]]:
    return [dict(row) for row in tool.execute(f'SELECT * FROM "{name}"').fetchall()]


def names(tool: sqlite3.Connection) -> set[str]:
    rows = tool.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
    return {row["name"] for row in rows} - {"int64$bits"}


def test_document_is_a_row_with_a_column_for_each_field(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    fields = ("text", "number", "flag", "nothing", "missing", "list", "object")
    write(
        sqlite_store,
        [view("notes", *fields)],
        {
            "_id": "id",
            "_creationTime": 1.5,
            "text": 'it\'s "so"',
            "number": 2.5,
            "flag": True,
            "nothing": None,
            "list": [1.0, "a"],
            "object": {"a": 1.0},
        },
    )

    assert shown(tool) == [
        {
            "_id": "id",
            "_creationTime": 1.5,
            "text": 'it\'s "so"',
            "number": 2.5,
            "flag": 1,
            "nothing": None,
            "missing": None,
            "list": '[1,"a"]',
            "object": '{"a":1}',
        }
    ]


def test_special_values_are_shown_as_what_they_are(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    special: dict[str, Value] = {
        "small": Int64(-1),
        "large": Int64(2**63 - 1),
        "smallest": Int64(-(2**63)),
        "up": math.inf,
        "down": -math.inf,
        "zero": -0.0,
        "none": math.nan,
        "bytes": b"\x00\xff",
        "nothing": b"",
    }
    write(sqlite_store, [view("notes", *special)], special)

    [row] = shown(tool)
    assert {name: row[name] for name in special} == {
        "small": -1,
        "large": 2**63 - 1,
        "smallest": -(2**63),
        "up": math.inf,
        "down": -math.inf,
        "zero": 0.0,
        "none": "NaN",
        "bytes": "AP8=",
        "nothing": "",
    }


@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_every_int64_is_shown(numbers: list[int]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.text_factory = bytes
        connection.execute("CREATE TABLE documents (locator INTEGER PRIMARY KEY, json TEXT)")
        connection.execute("CREATE TABLE index_entries (index_id, key, locator)")
        for locator, number in enumerate(numbers):
            document = encode_json({"n": Int64(number)}).decode()
            connection.execute("INSERT INTO documents VALUES (?, ?)", (locator, document))
            connection.execute("INSERT INTO index_entries VALUES (1, ?, ?)", (locator, locator))
        create_views(connection, [view("notes", "n")])

        rows = connection.execute("SELECT n FROM notes").fetchall()

        assert sorted(row[0] for row in rows) == sorted(numbers)


def test_document_without_declared_fields_is_shown_whole(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    write(sqlite_store, [view(has_other_fields=True)], {"_id": "id", "a": 1.0})

    assert shown(tool) == [{"_id": "id", "_creationTime": None, "_document": '{"_id":"id","a":1}'}]


def test_view_has_another_name_where_its_own_is_taken(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    tables = ["documents", "Settings", "notes", "Notes", "NOTES", "sqlite_x", "select"]
    write(sqlite_store, [view(name, number=n) for n, name in enumerate(tables, 10_001)])

    assert names(tool) == {
        "table$documents",
        "table$Settings",
        "notes",
        "table$Notes",
        "table$NOTES$10005",
        "table$sqlite_x",
        "select",
    }
    for name in names(tool):
        assert shown(tool, name) == []


def test_fields_that_differ_in_case_have_a_column_each(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    write(sqlite_store, [view("notes", "a", "A")], {"a": 1.0, "A": 2.0})

    [row] = tool.execute("SELECT * FROM notes").fetchall()
    assert tuple(row)[2:] == (1.0, 2.0)


def test_views_are_replaced_in_the_transaction(
    sqlite_store: SqliteStore, tool: sqlite3.Connection
) -> None:
    write(sqlite_store, [view("a"), view("b", number=10_002)])
    sqlite_store.begin()
    sqlite_store.write_views([view("c")], keep_others=False)
    sqlite_store.rollback()
    before = names(tool)
    sqlite_store.begin()
    sqlite_store.write_views([view("b", "x")], keep_others=False)
    sqlite_store.write_views([view("B", number=10_003)], keep_others=True)
    sqlite_store.commit()

    assert before == {"a", "b"}
    assert names(tool) == {"b", "table$B"}
