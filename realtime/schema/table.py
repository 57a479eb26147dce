"""Tables: how `schema.py` declares them, and their definitions in the schema."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from realtime.errors import DefinitionError, ValidationError
from realtime.schema.document import DocumentMeta
from realtime.schema.document_codec import CREATION_TIME_FIELD, ID_FIELD, DocumentCodec
from realtime.schema.field_paths import UnknownPathError, wire_path
from realtime.schema.index import Index, index_fields
from realtime.schema.index_rules import check_indexes, unknown_index_field
from realtime.values.annotations import compile_annotation
from realtime.values.size import check_identifier
from realtime.values.struct import definition_place
from realtime.values.validators import (
    AnyValidator,
    ObjectValidator,
    UnionValidator,
    Validator,
    v,
)


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """An index: its fields in order, dotted wire paths, without the tie-breakers."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A declared table. `validator` sees documents without system fields.

    `codec` is that of the table's class; None if its documents are dictionaries.
    """

    name: str
    validator: Validator
    indexes: Mapping[str, IndexDefinition]
    codec: DocumentCodec | None


class Table:
    """A table without a class, at the top level of `schema.py`; its documents are dictionaries.

    `events = Table("events", v.object({"kind": v.string()}), indexes={"by_kind": ["kind"]})`
    """

    def __init__(
        self, name: str, documents: Any, *, indexes: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        """Declare the table; mistakes are found when the schema is loaded.

        Args:
            name: The table's name, used as written.
            documents: What they must be: `v.object`, a union of objects or `v.any()`; a dictionary
                of fields; or a class with fields or a union of such classes.
            indexes: The fields of each index in order, dotted wire names.
        """
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        self.place = f"{caller.f_code.co_filename}:{caller.f_lineno}" if caller else None
        self.namespace = caller.f_globals if caller else {}
        self.name = name
        self.documents = documents
        self.indexes = dict(indexes or {})


def class_definition(document_class: DocumentMeta) -> TableDefinition:
    """Return the definition of the table of a document class.

    Raises:
        DefinitionError: the class or an index cannot be as declared; with the class's place.
    """
    name = document_class.__table_name__
    assert name is not None, "`Document` itself is not passed here"
    try:
        check_table_name(name)
        codec = DocumentCodec.of(document_class)
        indexes = {
            index: _wire_fields(codec, index, declared)
            for index, declared in document_class.__indexes__.items()
        }
        return _definition(name, codec.fields_validator, indexes, codec)
    except DefinitionError as error:
        if error.place is not None:
            raise
        place = definition_place(document_class)
        raise DefinitionError(error.reason, place=place) from None


def table_definition(table: Table) -> TableDefinition:
    """Return the definition of a table without a class.

    Raises:
        DefinitionError: the documents or an index cannot be as declared; with the table's place.
    """
    try:
        check_table_name(table.name)
        validator = _document_validator(table)
        indexes = {name: _named_fields(name, fields) for name, fields in table.indexes.items()}
        return _definition(table.name, validator, indexes, None)
    except DefinitionError as error:
        raise DefinitionError(error.reason, place=error.place or table.place) from None


def check_table_name(name: str) -> None:
    """Raise a DefinitionError if `name` cannot be the name of an app's table."""
    try:
        check_identifier(name)
    except ValidationError as error:
        raise DefinitionError(f'Invalid table name: "{name}". {error.message}') from None
    if name.startswith("_"):
        raise DefinitionError(f"{name} is a reserved table name.")


def _definition(
    name: str,
    validator: Validator,
    indexes: Mapping[str, tuple[str, ...]],
    codec: DocumentCodec | None,
) -> TableDefinition:
    check_indexes(name, indexes, validator)
    definitions = {index: IndexDefinition(index, fields) for index, fields in indexes.items()}
    return TableDefinition(name, validator, MappingProxyType(definitions), codec)


def _wire_fields(codec: DocumentCodec, name: str, index: Index) -> tuple[str, ...]:
    fields = _named_fields(name, index_fields(index))
    try:
        return tuple(wire_path(codec, field) for field in fields)
    except UnknownPathError as error:
        raise unknown_index_field(codec.table_name, name, error.path, error.known) from None


def _named_fields(name: str, declared: Any) -> tuple[str, ...]:
    fields: tuple[Any, ...] = () if isinstance(declared, str) else tuple(declared)
    if isinstance(declared, str) or not all(isinstance(field, str) for field in fields):
        got = declared if isinstance(declared, str) else fields
        raise DefinitionError(
            f"Expected names of fields for the index `{name}`, got `{got!r}`: write "
            '`Index("a", "b")` in a document class and `["a", "b"]` for a `Table`'
        )
    return fields


def _document_validator(table: Table) -> Validator:
    validator = _as_validator(table)
    members = validator.members if isinstance(validator, UnionValidator) else (validator,)
    for member in members:
        _check_document_type(table.name, member, is_whole=member is validator)
    return validator


def _as_validator(table: Table) -> Validator:
    documents = table.documents
    if isinstance(documents, Validator):
        return documents
    if isinstance(documents, Mapping):
        return v.object(cast("Mapping[str, Any]", documents))
    if isinstance(documents, DocumentMeta):
        raise DefinitionError(
            f"Expected a `Struct` as the documents of table `{table.name}`, got the document class "
            f"`{documents.__name__}`, which declares a table of its own"
        )
    return compile_annotation(documents, table.namespace).validator


def _check_document_type(table_name: str, validator: Validator, *, is_whole: bool) -> None:
    if isinstance(validator, AnyValidator) and is_whole:
        return
    if not isinstance(validator, ObjectValidator):
        raise DefinitionError(
            f"Expected an object, a union of objects or `v.any()` as the documents of table "
            f"`{table_name}`, got `{validator}`"
        )
    for name in validator.fields:
        if name in (ID_FIELD, CREATION_TIME_FIELD):
            raise DefinitionError(
                f"Field `{name}` of table `{table_name}` is added to every document and must not "
                "be declared"
            )
        if name.startswith("_"):
            raise DefinitionError(
                f"Field '{name}' starts with an underscore, "
                "which is only allowed for system fields like '_id'"
            )
