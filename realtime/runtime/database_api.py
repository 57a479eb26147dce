"""`ctx.db`: reading and writing documents, as functions see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, TypeVar, cast, overload

from realtime.database.catalog import TableInfo
from realtime.errors import ValidationError
from realtime.runtime.operation import Operation, Steps
from realtime.runtime.read_plan import QueryScope
from realtime.runtime.table_query import TableQuery
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.annotations import ANY_CODEC
from realtime.values.id_type import Id
from realtime.values.ids import decode_id
from realtime.values.value import UNSET, Value

D = TypeVar("D", bound=Document)
P = ParamSpec("P")

_WRITES = ("insert", "patch", "replace", "delete")


class NotInQueriesError(ValidationError, AttributeError):
    """A query asked for what mutations alone have; to `hasattr` it is simply not there."""


class DatabaseScope(QueryScope, Protocol):
    """What `ctx.db` needs of the run it belongs to."""

    def codec_of(self, document_class: type[Document]) -> DocumentCodec:
        """Return the codec of a document class of this app's schema."""
        ...


class DatabaseReader:
    """Reads documents in the run's transaction; every read is recorded."""

    def __init__(self, scope: DatabaseScope) -> None:
        self._scope = scope

    @overload
    def get(self, id: Id[D], /) -> Operation[D | None]: ...
    @overload
    def get(self, table: type[D], id: Id[D], /) -> Operation[D | None]: ...
    @overload
    def get(self, table: str, id: str, /) -> Operation[dict[str, Any] | None]: ...
    def get(self, *arguments: Any) -> Operation[Any]:
        """Return a document by its id, or None.

        `get(id)` gives an object where the table has a class, else a dictionary; `get(Message, id)`
        and `get("messages", id)` also check the table, the latter always gives a dictionary.

        Raises:
            ValidationError: The id can't be decoded, or is one of another table.
        """
        table, document_id = _table_and_id("get", arguments, 0)
        return Operation(self._scope, lambda: self._get(table, document_id))

    def get_many(self, ids: Iterable[Id[D]]) -> Operation[list[D | None]]:
        """Return the documents of `ids`, in their order, None for what is missing."""
        wanted = list(ids)
        return Operation(self._scope, lambda: self._get_many(wanted))

    @overload
    def query(self, table: type[D], /) -> TableQuery[D]: ...
    @overload
    def query(self, table: str, /) -> TableQuery[dict[str, Any]]: ...
    def query(self, table: Any, /) -> TableQuery[Any]:
        """Return a query of a table: of a class for objects, of a name for dictionaries."""
        if isinstance(table, str):
            if table.startswith("_"):
                raise ValidationError("System tables can only be accessed from db.system.query().")
            return TableQuery(self._scope, table, as_dict=True, wire_name=_same)
        codec = self._scope.codec_of(table)
        return TableQuery(self._scope, _table_name(table), as_dict=False, wire_name=codec.wire_name)

    def normalize_id(self, table: type[D] | str, text: str) -> Id[D] | None:
        """Return `text` as an id of `table`, or None if it is not one."""
        try:
            number = decode_id(text).table_number
        except ValidationError:
            return None
        name = self._scope.transaction.table_name(number)
        return cast("Id[D]", text) if name == _table_name(table) else None

    if not TYPE_CHECKING:  # a type checker says by itself that a reader has no such method

        def __getattr__(self, name: str) -> NoReturn:
            """Say of a write what to do; other names are unknown as usual."""
            if name in _WRITES:
                raise NotInQueriesError(
                    f"Queries can only read: `ctx.db.{name}` is there in mutations alone. Declare "
                    "the function with `@mutation`, or move the write into a mutation"
                )
            raise AttributeError(f"`ctx.db` has no attribute `{name}`", name=name, obj=self)

    def _get(self, table: Any, document_id: Any) -> Steps[Any]:
        yield from ()
        return self._read(table, document_id)

    def _get_many(self, ids: list[Any]) -> Steps[list[Any]]:
        yield from ()
        return [self._read(None, document_id) for document_id in ids]

    def _read(self, table: Any, document_id: Any) -> Any:
        found = self._table_of(table, document_id, "db.get")
        if found is None:
            return None
        record = self._scope.transaction.get(document_id)
        if record is None:
            return None
        return self._scope.present(found, record, as_dict=isinstance(table, str))[0]

    def _table_of(self, table: Any, document_id: Any, operation: str) -> TableInfo | None:
        if not isinstance(document_id, str):
            raise ValidationError(
                f"Invalid argument `id` for `{operation}`: expected an id, "
                f"got {type(document_id).__name__}"
            )
        found = self._scope.transaction.table_of(document_id, operation)
        if table is not None:
            expected = _table_name(table)
            if found is None or found.name != expected:
                got = "of an unknown table" if found is None else f'Id<"{found.name}">'
                raise ValidationError(
                    f'Invalid argument `id` for `{operation}`: expected to be an Id<"{expected}">, '
                    f"got {got} instead."
                )
        return found


class DatabaseWriter(DatabaseReader):
    """Reads and writes documents; writes are visible to later reads of the same function."""

    @overload
    def insert(self, table: str, document: Mapping[str, Any], /) -> Operation[Id[Any]]: ...
    @overload
    def insert(
        self, table: Callable[P, D], /, *_: P.args, **fields: P.kwargs
    ) -> Operation[Id[D]]: ...
    def insert(self, table: Any, /, *arguments: Any, **fields: Any) -> Operation[Any]:
        """Add a document and return its id.

        `insert(Message, content="…")` in Python names, `insert("messages", {…})` in wire names.

        Raises:
            ValidationError: The document does not fit the schema, or a field does not exist.
        """
        return Operation(
            self._scope, lambda: self._insert(table, _body("insert", table, arguments, fields))
        )

    @overload
    def patch(self, id: Id[Any], /, **changes: Any) -> Operation[None]: ...
    @overload
    def patch(self, table: type[D], id: Id[D], /, **changes: Any) -> Operation[None]: ...
    @overload
    def patch(self, table: str, id: str, changes: Mapping[str, Any], /) -> Operation[None]: ...
    def patch(self, /, *arguments: Any, **changes: Any) -> Operation[None]:
        """Set some fields of a document; UNSET removes one, None sets null.

        Raises:
            NotFoundError: There is no such document.
            ValidationError: The result does not fit the schema, or a field does not exist.
        """
        table, document_id = _table_and_id("patch", arguments, 1)
        return Operation(
            self._scope,
            lambda: self._change(
                "patch", table, document_id, _body("patch", table, arguments[2:], changes)
            ),
        )

    @overload
    def replace(self, id: Id[Any], /, **fields: Any) -> Operation[None]: ...
    @overload
    def replace(self, table: type[D], id: Id[D], /, **fields: Any) -> Operation[None]: ...
    @overload
    def replace(self, table: str, id: str, document: Mapping[str, Any], /) -> Operation[None]: ...
    def replace(self, /, *arguments: Any, **fields: Any) -> Operation[None]:
        """Set the whole body of a document; its id and creation time stay.

        Raises:
            NotFoundError: There is no such document.
            ValidationError: The document does not fit the schema, or a field does not exist.
        """
        table, document_id = _table_and_id("replace", arguments, 1)
        return Operation(
            self._scope,
            lambda: self._change(
                "replace", table, document_id, _body("replace", table, arguments[2:], fields)
            ),
        )

    @overload
    def delete(self, id: Id[Any], /) -> Operation[None]: ...
    @overload
    def delete(self, table: type[D] | str, id: Id[D], /) -> Operation[None]: ...
    def delete(self, *arguments: Any) -> Operation[None]:
        """Remove a document; NotFoundError if there is none."""
        table, document_id = _table_and_id("delete", arguments, 0)
        return Operation(self._scope, lambda: self._delete(table, document_id))

    def _insert(self, table: Any, fields: Mapping[str, Any]) -> Steps[str]:
        yield from ()
        name = _table_name(table)
        if isinstance(table, str):
            encoded = _encode_with(None, fields)
        else:
            encoded = self._scope.codec_of(table).encode_new_fields(fields)
        return self._scope.transaction.insert(name, encoded)

    def _change(
        self, verb: str, table: Any, document_id: Any, fields: Mapping[str, Any]
    ) -> Steps[None]:
        yield from ()
        transaction = self._scope.transaction
        found = self._table_of(table, document_id, f"db.{verb}")
        codec = None
        if not isinstance(table, str) and found is not None and found.definition is not None:
            codec = found.definition.codec
        encoded = _encode_with(codec, fields)
        if verb == "patch":
            transaction.patch(document_id, encoded)
        else:
            transaction.replace(document_id, encoded)

    def _delete(self, table: Any, document_id: Any) -> Steps[None]:
        yield from ()
        self._table_of(table, document_id, "db.delete")
        self._scope.transaction.delete(document_id)


def _encode_with(codec: DocumentCodec | None, fields: Mapping[str, Any]) -> Mapping[str, Value]:
    if codec is not None:
        return codec.encode_fields(fields)
    return {
        name: UNSET if value is UNSET else ANY_CODEC.encode(value) for name, value in fields.items()
    }


def _table_and_id(verb: str, arguments: tuple[Any, ...], bodies: int) -> tuple[Any, Any]:
    """Tell `verb(id)` from `verb(table, id)`; a table name also takes a dictionary."""
    if len(arguments) == 1:
        return None, arguments[0]
    if len(arguments) == 2 and (not bodies or not isinstance(arguments[0], str)):
        return arguments[0], arguments[1]
    if len(arguments) == 3 and bodies and isinstance(arguments[0], str):
        return arguments[0], arguments[1]
    forms = f"`{verb}(id)` or `{verb}(Message, id)`"
    if bodies:
        forms = f"`{verb}(id, field=…)`, `{verb}(Message, id, field=…)`, "
        forms += f'or `{verb}("messages", id, {{…}})`'
    raise ValidationError(f"Must provide arg 1 `id` to `{verb}`: use {forms}")


def _body(
    verb: str, table: Any, arguments: tuple[Any, ...], fields: Mapping[str, Any]
) -> Mapping[str, Any]:
    if not isinstance(table, str):
        if arguments:
            raise ValidationError(f"`{verb}` of a class takes its fields as keywords")
        return fields
    if len(arguments) != 1 or fields:
        raise ValidationError(f'`{verb}("{table}", …)` takes one dictionary in wire names')
    if not isinstance(arguments[0], Mapping):
        raise ValidationError(f"Invalid argument `value` for `db.{verb}`: Value must be an Object")
    return cast("Mapping[str, Any]", arguments[0])


def _table_name(table: Any) -> str:
    return table if isinstance(table, str) else str(table.__table_name__)


def _same(name: str) -> str:
    return name
