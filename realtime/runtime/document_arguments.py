"""What the methods of `ctx.db` are given: tables, ids and fields, in their different forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from realtime.database.system_tables import system_table_name
from realtime.errors import ValidationError
from realtime.runtime.page_reader import PageScope
from realtime.runtime.read_plan import QueryScope
from realtime.runtime.table_query import TableQuery
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.ids import decode_id


class DatabaseScope(PageScope, Protocol):
    """What `ctx.db` needs of the run it belongs to."""

    def codec_of(self, document_class: type[Document]) -> DocumentCodec:
        """Return the codec of a document class of this app's schema."""
        ...


def table_and_id(verb: str, arguments: tuple[Any, ...], bodies: int) -> tuple[Any, Any]:
    """Tell `verb(id)` from `verb(table, id)`; a table name also takes a dictionary."""
    if len(arguments) == 1:
        return None, arguments[0]
    if len(arguments) == 2 and (not bodies or not isinstance(arguments[0], str)):
        return arguments[0], arguments[1]
    if len(arguments) == 3 and bodies and isinstance(arguments[0], str):
        return arguments[0], arguments[1]
    if len(arguments) == 2 and isinstance(arguments[1], Mapping):
        raise ValidationError(
            f"`{verb}(id, …)` takes its fields as keywords. A dictionary in wire names goes with "
            f'the name of the table: `{verb}("messages", id, {{…}})`'
        )
    forms = f"`{verb}(id)` or `{verb}(Message, id)`"
    if bodies:
        forms = f"`{verb}(id, field=…)`, `{verb}(Message, id, field=…)`, "
        forms += f'or `{verb}("messages", id, {{…}})`'
    raise ValidationError(f"Must provide arg 1 `id` to `{verb}`: use {forms}")


def body_of(
    verb: str, table: Any, arguments: tuple[Any, ...], fields: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the fields that were passed: keywords, or one dictionary for the name of a table."""
    if not isinstance(table, str):
        if arguments:
            raise ValidationError(f"`{verb}` of a class takes its fields as keywords")
        return fields
    if len(arguments) != 1 or fields:
        raise ValidationError(f'`{verb}("{table}", …)` takes one dictionary in wire names')
    if not isinstance(arguments[0], Mapping):
        raise ValidationError(f"Invalid argument `value` for `db.{verb}`: Value must be an Object")
    return cast("Mapping[str, Any]", arguments[0])


def table_name_of(table: Any) -> str:
    """Return the name of a table that was passed as a name or as a class."""
    if isinstance(table, str):
        return table
    name: Any = getattr(table, "__table_name__", None) if isinstance(table, type) else None
    if isinstance(name, str):
        return name
    got = f"`{table.__name__}`" if isinstance(table, type) else f"one `{type(table).__name__}`"
    if isinstance(table, Document):
        got += ". Pass the class, and the fields of a new document as keywords"
    raise ValidationError(f"Expected a Document class or the name of a table, got {got}")


def checked_id(document_id: Any, operation: str) -> str:
    """Return an id that is at least a string; ValidationError for anything else."""
    if isinstance(document_id, str):
        return document_id
    raise ValidationError(
        f"Invalid argument `id` for `{operation}`: expected an id, got {type(document_id).__name__}"
    )


def system_table_of(document_id: str) -> str | None:
    """Return the name of the public system table that an id is of, or None."""
    return system_table_name(decode_id(document_id).table_number)


def id_of_another_table(operation: str, expected: str, found: str | None) -> ValidationError:
    """Return the error of an id that is not one of the table that was named."""
    got = "an id of no table" if found is None else f'Id<"{found}">'
    return ValidationError(
        f'Invalid argument `id` for `{operation}`: expected to be an Id<"{expected}">, '
        f"got {got} instead."
    )


def normalized_id(scope: QueryScope, table: Any, text: Any) -> Any:
    """Return `text` if it is an id of `table`, else None."""
    try:
        number = decode_id(text).table_number if isinstance(text, str) else None
    except ValidationError:
        number = None
    if number is None or scope.transaction.table_name(number) != table_name_of(table):
        return None
    return text


def open_query(scope: DatabaseScope, table: Any) -> TableQuery[Any]:
    """Return a query of a table: of a class for objects, of a name for dictionaries."""
    name = table_name_of(table)
    if isinstance(table, str):
        return TableQuery(scope, name, as_dict=True, wire_name=_same)
    return TableQuery(scope, name, as_dict=False, wire_name=scope.codec_of(table).wire_name)


def _same(name: str) -> str:
    return name
