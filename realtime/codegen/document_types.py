"""Which validators are those of a table's whole documents.

A function that returns documents says so by its annotation, which has compiled to the validator of
their fields. Generated types call such an object by the name of its table, so that one type stands
for a document wherever it appears. The rule is equality: an object that lacks a field of the
table, or has one more, is written out.
"""

from __future__ import annotations

from realtime.schema.document_codec import CREATION_TIME_FIELD, ID_FIELD
from realtime.schema.schema import Schema
from realtime.values.validators import (
    AnyValidator,
    IdValidator,
    NumberValidator,
    ObjectField,
    ObjectValidator,
    UnionValidator,
    Validator,
)


class DocumentTypes:
    """The whole documents of each table of a schema, with their system fields."""

    def __init__(self, schema: Schema) -> None:
        self.by_table = {
            name: _whole_document(name, schema.tables[name].validator)
            for name in sorted(schema.tables)
        }

    def table_of(self, validator: Validator) -> str | None:
        """Return the table whose whole documents `validator` describes, or None."""
        first = validator
        if isinstance(validator, UnionValidator) and validator.members:
            first = validator.members[0]
        if not isinstance(first, ObjectValidator):
            return None
        id_field = first.fields.get(ID_FIELD)
        if id_field is None or not isinstance(id_field.validator, IdValidator):
            return None
        table = id_field.validator.table_name
        return table if table is not None and self.by_table.get(table) == validator else None


def _whole_document(table: str, validator: Validator) -> Validator:
    match validator:
        case ObjectValidator():
            system = {
                ID_FIELD: ObjectField(IdValidator(table)),
                CREATION_TIME_FIELD: ObjectField(NumberValidator()),
            }
            return ObjectValidator({**validator.fields, **system})
        case UnionValidator():
            return UnionValidator(tuple(_whole_document(table, m) for m in validator.members))
        case _:
            return AnyValidator()
