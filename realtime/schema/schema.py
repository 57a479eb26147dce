"""The schema of an app: all its declared tables.

Source: contract 6.3 for the JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType, ModuleType
from typing import Any

import msgspec

from realtime.casing import wire_name
from realtime.errors import DefinitionError
from realtime.schema.document import DocumentMeta
from realtime.schema.system_documents import SYSTEM_DOCUMENTS
from realtime.schema.table import (
    IndexDefinition,
    Table,
    TableDefinition,
    class_definition,
    table_definition,
)

__all__ = [
    "EMPTY_SCHEMA",
    "IndexDefinition",
    "Schema",
    "Table",
    "TableDefinition",
    "schema_from_module",
]

MAX_TABLES = 10_000


@dataclass(frozen=True, slots=True)
class Schema:
    """The declared tables by name; with `strict_tables` there are no others."""

    tables: Mapping[str, TableDefinition]
    strict_tables: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the schema's JSON form, tables and indexes in order of their names."""
        tables = [_table_json(self.tables[name]) for name in sorted(self.tables)]
        return {"tables": tables, wire_name("schema_validation"): True}

    def digest(self) -> str:
        """Return a text that is the same for schemas that check and index alike."""
        # The JSON form does not tell `int` from `float`; the calls of `v` do.
        calls = {name: str(table.validator) for name, table in self.tables.items()}
        content = msgspec.json.encode([self.to_json(), calls, self.strict_tables], order="sorted")
        return sha256(content).hexdigest()


EMPTY_SCHEMA = Schema(MappingProxyType({}))
"""The schema of an app without `schema.py`."""


def schema_from_module(module: ModuleType) -> Schema:
    """Return the schema that a loaded `schema.py` declares, also by what it imports.

    Raises:
        DefinitionError: a table cannot be as declared, or is declared twice.
    """
    strict_tables = vars(module).get("STRICT_TABLES", False)
    if not isinstance(strict_tables, bool):
        raise DefinitionError(
            f"Expected `STRICT_TABLES` to be True or False, got `{strict_tables!r}`"
        )
    tables: dict[str, TableDefinition] = {}
    owners: dict[str, tuple[str, Any]] = {}
    for name, declared in vars(module).items():
        definition = _definition_of(declared)
        if definition is None:
            continue
        owner, other = owners.setdefault(definition.name, (name, declared))
        if other is not declared:
            raise DefinitionError(
                f"Table `{definition.name}` is declared twice: by `{owner}` and by `{name}`",
                place=_place_of(declared),
            )
        tables[definition.name] = definition
    if len(tables) > MAX_TABLES:
        raise DefinitionError(f"Number of tables cannot exceed {MAX_TABLES}.")
    return Schema(MappingProxyType(tables), strict_tables)


def _definition_of(declared: Any) -> TableDefinition | None:
    if isinstance(declared, Table):
        return table_definition(declared)
    # `Document` itself has no table, and those of the system are not the app's.
    is_document = isinstance(declared, DocumentMeta) and declared not in SYSTEM_DOCUMENTS
    if is_document and declared.__table_name__ is not None:
        return class_definition(declared)
    return None


def _place_of(declared: Table | DocumentMeta) -> str | None:
    return declared.place if isinstance(declared, Table) else declared.__definition_place__


def _table_json(table: TableDefinition) -> dict[str, Any]:
    indexes = [
        {wire_name("index_descriptor"): index.name, "fields": list(index.fields)}
        for _, index in sorted(table.indexes.items())
    ]
    return {
        wire_name("table_name"): table.name,
        "indexes": indexes,
        wire_name("staged_db_indexes"): [],
        wire_name("search_indexes"): [],
        wire_name("staged_search_indexes"): [],
        wire_name("vector_indexes"): [],
        wire_name("staged_vector_indexes"): [],
        wire_name("document_type"): table.validator.to_json(),
    }
