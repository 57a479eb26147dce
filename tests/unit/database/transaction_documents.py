"""Documents as tests of transactions see them."""

from __future__ import annotations

from typing import Any

from realtime.database.database import Database
from realtime.values.ids import encode_id
from tests.unit.database.small_database import query

MESSAGE = {"session": "s", "text": "hello"}


def stored(database: Database, document_id: str) -> dict[str, Any] | None:
    record = query(database).get(document_id)
    return None if record is None else record.value


def body(database: Database, document_id: str) -> dict[str, Any]:
    document = stored(database, document_id)
    assert document is not None
    return {n: x for n, x in document.items() if n not in ("_id", "_creationTime")}


def unknown_id(number: int = 10_001) -> str:
    return encode_id(number, bytes(16))
