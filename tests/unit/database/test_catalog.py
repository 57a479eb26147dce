"""Tables, indexes, and the keys of documents in them."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.database.catalog import (
    BY_ID,
    FIRST_TABLE_NUMBER,
    TABLES,
    Catalog,
    IndexInfo,
    catalog_of,
    catalog_rows,
    id_entry,
    table_entry,
)
from realtime.schema.table import table_definition
from realtime.storage.records import IndexRow, TableRow
from realtime.values.index_key import encode_key
from realtime.values.value import UNSET
from tests.unit.database.small_database import SCHEMA, THINGS

SYSTEM: dict[str, Any] = {"_id": "i", "_creationTime": 5.0}
TIES = encode_key(5.0) + encode_key("i")
INDEX = IndexInfo.of(7, "things", "by_a_inner", ("a", "inner.x"))


def test_entry_is_the_keys_of_the_fields_and_then_the_tie_breakers() -> None:
    found = INDEX.entry({**SYSTEM, "a": "x", "inner": {"x": 1.0}})

    a, inner = encode_key("x"), encode_key(1.0)
    assert found.index_id == 7
    assert found.key == a + inner + TIES
    assert found.prefix_lengths == (
        0,
        len(a),
        len(a + inner),
        len(a + inner) + 9,
        len(found.key),
    )


@pytest.mark.parametrize(
    "fields", [{}, {"inner": None}, {"inner": "text"}, {"inner": {}}, {"inner": [1.0]}]
)
def test_field_that_is_missing_on_its_path_is_absent_in_the_key(fields: dict[str, Any]) -> None:
    found = INDEX.entry({**SYSTEM, "a": None, **fields})

    assert found.key == encode_key(None) + encode_key(UNSET) + TIES


def test_entries_of_a_document_begin_with_the_one_by_id() -> None:
    table = Catalog({}, 1).new_table("things", table_definition(THINGS))

    entries = table.entries({**SYSTEM, "a": 1.0})

    assert [entry.index_id for entry in entries] == [BY_ID, 1, 2, 3, 4]
    assert entries[0] == id_entry("i")
    assert entries[1].key == TIES


@pytest.mark.parametrize(
    "new",
    [
        {"a": "x", "b": 1.0},
        {"a": "y"},
        {"a": "x", "inner": {"x": "new"}},
        {"b": "x"},
        {"a": "x", "b": UNSET},
    ],
)
def test_entries_of_a_changed_document_are_those_of_a_new_one(new: dict[str, Any]) -> None:
    table = Catalog({}, 1).new_table("things", table_definition(THINGS))
    old = {**SYSTEM, "a": "x", "b": 1.0, "inner": {"x": "old"}}
    changed = {**SYSTEM, **new}

    found = table.entries_after(old, table.entries(old), changed)

    assert found == table.entries(changed)


def test_table_numbers_and_index_ids_continue_from_the_largest() -> None:
    catalog = catalog_of(
        (TableRow(10_005, "old"),), (IndexRow(9, 10_005, "by_creation_time", ()),), SCHEMA
    )

    table = catalog.new_table("new")

    assert table.number == 10_006
    assert table.indexes["by_creation_time"].index_id == 10


def test_first_table_has_the_first_number() -> None:
    assert Catalog({}, 1).new_table("first").number == FIRST_TABLE_NUMBER


def test_table_is_found_by_name_and_number() -> None:
    table = Catalog({}, 1).new_table("things", table_definition(THINGS))

    catalog = Catalog({}, 1).with_table(table)

    assert catalog.tables["things"] is table
    assert catalog.by_number(table.number) is table
    assert catalog.table_name(table.number) == "things"
    assert catalog.table_name(table.number + 1) is None
    assert catalog.by_number(table.number + 1) is None
    assert catalog.next_index_id == 5


def test_catalog_without_a_table_is_not_changed_by_one_with_it() -> None:
    before = Catalog({}, 1)

    before.with_table(before.new_table("things"))

    assert dict(before.tables) == {}
    assert before.next_index_id == 1


def test_rows_of_a_table_give_the_same_table_again() -> None:
    table = Catalog({}, 1).new_table("things", table_definition(THINGS))

    table_row, index_rows = catalog_rows(table)
    found = catalog_of((table_row,), index_rows, SCHEMA).tables["things"]

    assert (found.number, found.name) == (table.number, table.name)
    assert dict(found.indexes) == dict(table.indexes)
    assert found.definition is SCHEMA.tables["things"]


def test_table_entry_stands_in_an_index_of_its_own() -> None:
    found = table_entry("things")

    assert found == (TABLES, encode_key("things"), (0, len(encode_key("things"))))
