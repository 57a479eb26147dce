"""A plain SQL view for each table, for people; the engine never reads them.

A view has the columns `_id`, `_creationTime` and one for each declared field. They need nothing but
SQLite's JSON functions, so every SQLite tool can read them. Objects and arrays are JSON text; an
Int64 is an integer, bytes are base64 text, infinities are numbers and NaN is the text `NaN`. A
missing field is NULL, as is null.

A view is named as its table. A name that is taken (by an internal table, or by a view of another
table: SQLite does not tell upper from lower case) or reserved (`sqlite_…`) gets the prefix
`table$`, and if that is taken too, the table's number behind it. No table has `$` in its name.
"""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Iterable
from struct import pack
from typing import Final

from realtime.storage.records import TableView
from realtime.storage.sqlite_file import fetch

_BITS: Final = "int64$bits"
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_RESERVED_PREFIX: Final = "sqlite_"


def drop_views(connection: sqlite3.Connection) -> None:
    """Drop all views of the file; inside a transaction."""
    for (name,) in fetch(connection, "SELECT name FROM sqlite_master WHERE type = 'view'"):
        connection.execute(f"DROP VIEW {_quoted(name.decode())}")


def create_views(connection: sqlite3.Connection, views: Iterable[TableView]) -> None:
    """Create the views of tables that have none; inside a transaction."""
    names = fetch(connection, "SELECT name FROM sqlite_master")
    taken = {name.decode().lower() for (name,) in names}
    if _BITS not in taken:
        connection.execute(_create_bits())
    for view in sorted(views, key=lambda view: view.table_number):
        name = _free_name(view, taken)
        taken.add(name.lower())
        connection.execute(_create_view(name, view))


def _free_name(view: TableView, taken: set[str]) -> str:
    name = view.table_name
    if name.lower() not in taken and not name.lower().startswith(_RESERVED_PREFIX):
        return name
    name = f"table${view.table_name}"
    return name if name.lower() not in taken else f"{name}${view.table_number}"


def _create_view(name: str, view: TableView) -> str:
    columns = [
        f"json_extract(d.json, '$._id') AS {_quoted('_id')}",
        f"json_extract(d.json, '$._creationTime') AS {_quoted('_creationTime')}",
        *(f"{_value(field, keys)} AS {_quoted(field)}" for field, keys in view.fields.items()),
    ]
    if view.has_other_fields:
        columns.append(f"d.json AS {_quoted('_document')}")
    return (
        f"CREATE VIEW {_quoted(name)} AS SELECT {', '.join(columns)}"
        " FROM index_entries AS e JOIN documents AS d ON d.locator = e.locator"
        f" WHERE e.index_id = {view.index_id}"
    )


def _value(field: str, special_keys: frozenset[str]) -> str:
    """Return the expression of a column whose values may be objects with one of these keys."""
    value = _extract(field)
    if "$bytes" in special_keys:
        value = f"coalesce({_extract(field, '$bytes')}, {value})"
    if "$float" in special_keys:
        number = _extract(field, "$float")
        cases = " ".join(f"WHEN '{_encoded(x)}' THEN {sql}" for x, sql in _FLOATS)
        value = f"CASE {number} {cases} ELSE iif({number} IS NULL, {value}, 'NaN') END"
    if "$integer" in special_keys:
        digits = _extract(field, "$integer")
        digit = f"instr(alphabet, substr({digits}, position, 1)) - 1"
        total = f"SELECT sum(((({digit}) >> low) & mask) << high) FROM {_quoted(_BITS)}"
        value = f"CASE WHEN {digits} IS NULL THEN {value} ELSE ({total}) END"
    return value


def _extract(*path: str) -> str:
    names = "".join(f'."{name}"' for name in path)
    return f"json_extract(d.json, {_text('$' + names)})"


def _encoded(number: float) -> str:
    return b64encode(pack("<d", number)).decode()


_FLOATS: Final = ((float("inf"), "9e999"), (float("-inf"), "-9e999"), (-0.0, "0.0"))


def _create_bits() -> str:
    """Return the view by which an Int64 is put together from its base64 digits.

    A digit has six bits of big-endian bytes, the bytes are little-endian: each row moves those
    bits of the digit at `position` that belong to one byte. The rows share no bit, so their sum
    cannot overflow.
    """
    rows: list[tuple[int, int, int, int]] = []
    for group in range(3):
        first, byte = 4 * group + 1, 24 * group
        rows += [(first, 0, 63, byte + 2), (first + 1, 4, 3, byte), (first + 1, 0, 15, byte + 12)]
        rows += [(first + 2, 2, 15, byte + 8)]
        rows += [(first + 2, 0, 3, byte + 22), (first + 3, 0, 63, byte + 16)]
    used = (row for row in rows if row[3] < 64)
    values = ", ".join(f"({', '.join(map(str, row))})" for row in used)
    return (
        f"CREATE VIEW {_quoted(_BITS)} AS SELECT column1 AS position, column2 AS low,"
        f" column3 AS mask, column4 AS high, '{_ALPHABET}' AS alphabet FROM (VALUES {values})"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(content: str) -> str:
    return "'" + content.replace("'", "''") + "'"
