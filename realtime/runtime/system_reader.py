"""`ctx.db.system`: reading the documents of the system.

Source: contract 5.9 (texts; private system tables look empty).
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

from realtime.database.catalog import FIRST_TABLE_NUMBER
from realtime.database.system_tables import is_system_table, system_table_name
from realtime.errors import ValidationError
from realtime.runtime.document_arguments import (
    DatabaseScope,
    checked_id,
    id_of_another_table,
    normalized_id,
    open_query,
    table_and_id,
    table_name_of,
)
from realtime.runtime.operation import Operation, ShortOperation
from realtime.runtime.table_query import TableQuery
from realtime.schema.document import Document
from realtime.values.id_type import Id
from realtime.values.ids import decode_id

D = TypeVar("D", bound=Document)

_GET = "db.system.get"


class SystemReader:
    """Reads what the system keeps about an app; every read is recorded."""

    def __init__(self, scope: DatabaseScope) -> None:
        self._scope = scope

    @overload
    def get(self, id: Id[D], /) -> Operation[D | None]: ...
    @overload
    def get(self, table: type[D], id: Id[D], /) -> Operation[D | None]: ...
    @overload
    def get(self, table: str, id: str, /) -> Operation[dict[str, Any] | None]: ...
    def get(self, *arguments: Any) -> Operation[Any]:
        """Return a document of the system by its id, or None; the forms are those of `db.get`.

        Raises:
            ValidationError: The id can't be decoded, is one of another table or of the app's.
        """
        table, document_id = table_and_id("get", arguments, 0)
        return ShortOperation(self._scope, lambda: self._get(table, document_id))

    @overload
    def query(self, table: type[D], /) -> TableQuery[D]: ...
    @overload
    def query(self, table: str, /) -> TableQuery[dict[str, Any]]: ...
    def query(self, table: Any, /) -> TableQuery[Any]:
        """Return a query of a system table, such as `StoredFile` or `"_storage"`."""
        if not is_system_table(table_name_of(table)):
            raise ValidationError("User tables can only be accessed from db.query().")
        return open_query(self._scope, table)

    def table_names(self) -> Operation[list[str]]:
        """Return the names of the app's tables in order, also of those without documents."""
        return ShortOperation(self._scope, self._table_names)

    def normalize_id(self, table: type[D] | str, text: str) -> Id[D] | None:
        """Return `text` as an id of the system table `table`, or None if it is not one."""
        if not is_system_table(table_name_of(table)):
            raise ValidationError("User tables can only be accessed from db.normalizeId().")
        found: Id[D] | None = normalized_id(self._scope, table, text)
        return found

    def _table_names(self) -> list[str]:
        return self._scope.transaction.table_names()

    def _get(self, table: Any, document_id: Any) -> Any:
        transaction = self._scope.transaction
        found = transaction.table_of(checked_id(document_id, _GET), _GET)
        number = decode_id(document_id).table_number
        name = system_table_name(number)
        expected = None if table is None else table_name_of(table)
        is_of_app = number >= FIRST_TABLE_NUMBER
        if is_of_app or (expected is not None and not is_system_table(expected)):
            raise ValidationError("User tables cannot be accessed with db.system.")
        if expected is not None and name != expected:
            raise id_of_another_table(_GET, expected, name)
        record = None if found is None else transaction.get(document_id)
        if found is None or record is None:
            return None
        return self._scope.present(found, record, as_dict=isinstance(table, str))[0]
