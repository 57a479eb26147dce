"""The tables as people see them who look into the file: a column for each declared field."""

from __future__ import annotations

from realtime.database.catalog import BY_CREATION_TIME_NAME, Catalog, TableInfo
from realtime.storage.records import TableView
from realtime.values.composite_validators import ObjectValidator, UnionValidator
from realtime.values.validator import Validator
from realtime.values.value import Int64

_SPECIAL_KEYS: dict[type, str] = {Int64: "$integer", bytes: "$bytes", float: "$float"}


def table_views(catalog: Catalog) -> list[TableView]:
    """Return a view for each table that exists."""
    return [table_view(table) for table in catalog.tables.values()]


def table_view(table: TableInfo) -> TableView:
    """Return the view of one table."""
    fields: dict[str, frozenset[str]] = {}
    has_other_fields = table.definition is None
    members = [] if table.definition is None else _members(table.definition.validator)
    for member in members:
        if not isinstance(member, ObjectValidator):
            has_other_fields = True
            continue
        for name, field in member.fields.items():
            fields[name] = fields.get(name, frozenset()) | _special_keys(field.validator)
    index = table.indexes[BY_CREATION_TIME_NAME]
    return TableView(table.number, table.name, index.index_id, fields, has_other_fields)


def _members(validator: Validator) -> list[Validator]:
    if not isinstance(validator, UnionValidator):
        return [validator]
    return [each for member in validator.members for each in _members(member)]


def _special_keys(validator: Validator) -> frozenset[str]:
    return frozenset(key for kind, key in _SPECIAL_KEYS.items() if kind in validator.wire_types)
