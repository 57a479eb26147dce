"""`ctx.db`: reading and writing documents, as functions see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, overload

from realtime.database.catalog import TableInfo
from realtime.database.system_tables import is_system_table, system_table_is_read_only
from realtime.errors import ValidationError
from realtime.runtime.document_arguments import (
    DatabaseScope,
    body_of,
    checked_id,
    id_of_another_table,
    normalized_id,
    open_query,
    system_table_of,
    table_and_id,
    table_name_of,
)
from realtime.runtime.operation import Operation, ShortOperation
from realtime.runtime.system_reader import SystemReader
from realtime.runtime.table_query import TableQuery
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.codec import encode_set_members
from realtime.values.id_type import Id
from realtime.values.value import UNSET, Value

if TYPE_CHECKING:
    from realtime.runtime.typed_tables import (
        DocumentWithTheseFields,
        PatchedId,
        PatchedIdOf,
        Queried,
        ReplacedId,
    )

D = TypeVar("D", bound=Document)
P = ParamSpec("P")
Q = TypeVar("Q", bound=TableQuery[Any])

_GET = "db.get"
_WRITES = ("insert", "patch", "replace", "delete")


class NotInQueriesError(ValidationError, AttributeError):
    """A query asked for what mutations alone have; to `hasattr` it is simply not there."""


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
        table, document_id = table_and_id("get", arguments, 0)
        return ShortOperation(self._scope, lambda: self._get(table, document_id))

    def get_many(self, ids: Iterable[Id[D]]) -> Operation[list[D | None]]:
        """Return the documents of `ids`, in their order, None for what is missing.

        Raises:
            ValidationError: An id can't be decoded.
        """
        wanted = list(ids)
        return ShortOperation(self._scope, lambda: self._get_many(wanted))

    @overload
    def query(self, table: Queried[Q], /) -> Q: ...
    @overload
    def query(self, table: type[D], /) -> TableQuery[D]: ...
    @overload
    def query(self, table: str, /) -> TableQuery[dict[str, Any]]: ...
    def query(self, table: Any, /) -> Any:
        """Return a query of a table: of a class for objects, of a name for dictionaries."""
        if is_system_table(table_name_of(table)):
            raise ValidationError("System tables can only be accessed from db.system.query().")
        return open_query(self._scope, table)

    def normalize_id(self, table: type[D] | str, text: str) -> Id[D] | None:
        """Return `text` as an id of `table`, or None if it is not one."""
        if is_system_table(table_name_of(table)):
            raise ValidationError(
                "System tables can only be accessed from db.system.normalizeId()."
            )
        found: Id[D] | None = normalized_id(self._scope, table, text)
        return found

    @property
    def system(self) -> SystemReader:
        """The documents of the system: stored files and scheduled functions, to read."""
        return SystemReader(self._scope)

    if not TYPE_CHECKING:  # a type checker says by itself that a reader has no such method

        def __getattr__(self, name: str) -> NoReturn:
            """Say of a write what to do; other names are unknown as usual."""
            if name in _WRITES:
                raise NotInQueriesError(
                    f"Queries can only read: `ctx.db.{name}` is there in mutations alone. Declare "
                    "the function with `@mutation`, or move the write into a mutation"
                )
            raise AttributeError(f"`ctx.db` has no attribute `{name}`", name=name, obj=self)

    def _get(self, table: Any, document_id: Any) -> Any:
        return self._read(table, document_id)

    def _get_many(self, ids: list[Any]) -> list[Any]:
        return [self._read(None, document_id) for document_id in ids]

    def _read(self, table: Any, document_id: Any) -> Any:
        found = self._table_of(table, document_id, _GET)
        if found is None:
            return None
        record = self._scope.transaction.get(document_id)
        if record is None:
            return None
        return self._scope.present(found, record, as_dict=isinstance(table, str))[0]

    def _table_of(self, table: Any, document_id: Any, operation: str) -> TableInfo | None:
        found = self._scope.transaction.table_of(checked_id(document_id, operation), operation)
        if found is not None and table is None and not is_system_table(found.name):
            return found
        name = found.name if found is not None else system_table_of(document_id)
        expected = None if table is None else table_name_of(table)
        if any(known is not None and is_system_table(known) for known in (name, expected)):
            raise _no_access(operation)
        if expected is not None and name != expected:
            raise id_of_another_table(operation, expected, name)
        return found


def _no_access(operation: str) -> ValidationError:
    if operation == _GET:
        return ValidationError("System tables can only be accessed with db.system.")
    return system_table_is_read_only()


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

        `insert(Message, body="…")` takes Python names, `insert("messages", {…})` wire names.

        Raises:
            ValidationError: The document does not fit the schema, or a field does not exist.
        """
        return ShortOperation(
            self._scope, lambda: self._insert(table, body_of("insert", table, arguments, fields))
        )

    @overload
    def patch(self, table: str, id: str, changes: Mapping[str, Any], /) -> Operation[None]: ...
    @overload
    def patch(
        self, table: type[D], id: PatchedIdOf[D, P], /, *_: P.args, **changes: P.kwargs
    ) -> Operation[None]: ...
    @overload
    def patch(self, id: PatchedId[P], /, *_: P.args, **changes: P.kwargs) -> Operation[None]: ...
    @overload
    def patch(self, id: Id[DocumentWithTheseFields], /, **changes: Any) -> Operation[None]: ...
    def patch(self, /, *arguments: Any, **changes: Any) -> Operation[None]:
        """Set some fields of a document; UNSET removes one, None sets null.

        `patch(id, content="…")` and `patch(Message, id, content="…")` in Python names,
        `patch("messages", id, {…})` in wire names.

        Shallow: a nested object is replaced as a whole.

        Raises:
            NotFoundError: There is no such document.
            ValidationError: The result does not fit the schema, or a field does not exist.
        """
        table, document_id = table_and_id("patch", arguments, 1)
        return ShortOperation(
            self._scope,
            lambda: self._change(
                "patch", table, document_id, body_of("patch", table, arguments[2:], changes)
            ),
        )

    @overload
    def replace(self, table: str, id: str, document: Mapping[str, Any], /) -> Operation[None]: ...
    @overload
    def replace(
        self, table: Callable[P, D], id: Id[D], /, *_: P.args, **fields: P.kwargs
    ) -> Operation[None]: ...
    @overload
    def replace(self, id: ReplacedId[P], /, *_: P.args, **fields: P.kwargs) -> Operation[None]: ...
    @overload
    def replace(self, id: Id[DocumentWithTheseFields], /, **fields: Any) -> Operation[None]: ...
    def replace(self, /, *arguments: Any, **fields: Any) -> Operation[None]:
        """Set the whole body of a document; its id and creation time stay.

        The forms are those of `patch`.

        Raises:
            NotFoundError: There is no such document.
            ValidationError: The document does not fit the schema, or a field does not exist.
        """
        table, document_id = table_and_id("replace", arguments, 1)
        return ShortOperation(
            self._scope,
            lambda: self._change(
                "replace", table, document_id, body_of("replace", table, arguments[2:], fields)
            ),
        )

    @overload
    def delete(self, id: Id[Any], /) -> Operation[None]: ...
    @overload
    def delete(self, table: type[D] | str, id: Id[D], /) -> Operation[None]: ...
    def delete(self, *arguments: Any) -> Operation[None]:
        """Remove a document.

        Raises:
            NotFoundError: There is no such document.
        """
        table, document_id = table_and_id("delete", arguments, 0)
        return ShortOperation(self._scope, lambda: self._delete(table, document_id))

    def _insert(self, table: Any, fields: Mapping[str, Any]) -> str:
        name = table_name_of(table)
        if isinstance(table, str):
            encoded = _encode_with(None, fields)
        else:
            encoded = self._scope.codec_of(table).encode_new_fields(fields)
        return self._scope.transaction.insert(name, encoded)

    def _change(self, verb: str, table: Any, document_id: Any, fields: Mapping[str, Any]) -> None:
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

    def _delete(self, table: Any, document_id: Any) -> None:
        self._table_of(table, document_id, "db.delete")
        self._scope.transaction.delete(document_id)


def _encode_with(codec: DocumentCodec | None, fields: Mapping[str, Any]) -> Mapping[str, Value]:
    if codec is not None:
        return codec.encode_fields(fields)
    removed = {name: UNSET for name, value in fields.items() if value is UNSET}
    return {**encode_set_members(fields), **removed}
