"""What a store holds and is given: rows, revisions, answers, and the catalog.

All of it is values: keys come encoded and documents are opaque text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

ID_INDEX: Final = 0
"""The index that finds a document of any table by its id. It is not in the catalog."""

REQUEST_OVERHEAD_BYTES: Final = 200
"""What a stored answer takes beside its result and log lines: keys, path, index."""

IndexEntry = tuple[int, bytes]
"""An index id and a key in that index."""


class StoredRow(NamedTuple):
    """A document found through an index: the entry's key, the locator, the canonical JSON."""

    key: bytes
    locator: int
    document: bytes


class RowWrite(msgspec.Struct):
    """What one transaction does to one document and its index entries.

    `document` is the new canonical JSON, None to delete. `is_new` tells an insert from a
    replacement; a new document is not deleted by the same write. `removed` and `added` are the
    entries that change, and only those: an entry that stays is in neither.
    """

    locator: int
    document: bytes | None
    is_new: bool
    removed: list[IndexEntry]
    added: list[IndexEntry]


class Revision(msgspec.Struct, frozen=True):
    """One committed batch: the timestamps it covers, both included.

    `creation_time` is the largest one ever given, in milliseconds. `checksum` continues the chain
    of all revisions before; it is computed by the caller and not interpreted here.
    """

    first_timestamp: int
    last_timestamp: int
    creation_time: float
    checksum: bytes


class RequestRecord(msgspec.Struct, frozen=True):
    """The stored answer of a mutation that committed at `timestamp`.

    `result` is the encoded value, `log_lines` an encoded list; neither is interpreted here.
    """

    session_id: str
    request_id: int
    path: str
    timestamp: int
    result: bytes
    log_lines: bytes

    @property
    def size_bytes(self) -> int:
        """Return about how much room it takes."""
        return len(self.result) + len(self.log_lines) + REQUEST_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table in the catalog; `number` is part of the ids of its documents."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index in the catalog; `fields` are dotted paths in wire names."""

    index_id: int
    table_number: int
    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """What people who look into the file see of a table.

    `index_id` is that of an index with all of the table's documents. `fields` has the declared
    ones by wire name, each with the keys of the special objects that stand for its values, if
    any (`$integer`, `$bytes`, `$float`). With `has_other_fields` documents may have more.
    """

    table_number: int
    table_name: str
    index_id: int
    fields: Mapping[str, frozenset[str]]
    has_other_fields: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start finds in the store.

    `last_locator` is the largest in use; a fresh store has 0, 0.0, 0, b"" and nothing else.
    Tables are ordered by number, indexes by id. `schema_digest` names the schema that the
    documents were validated against, None if there was none yet. `secret` is what
    `write_secret` has kept, None in a fresh store. `unlisted_indexes` are the ids of indexes that
    a change of the schema has left behind.
    """

    last_timestamp: int
    last_creation_time: float
    last_locator: int
    last_checksum: bytes
    tables: tuple[TableRow, ...]
    indexes: tuple[IndexRow, ...]
    schema_digest: str | None
    secret: bytes | None
    unlisted_indexes: tuple[int, ...] = ()
