"""Whether documents fit a schema that they were not written for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from realtime.database.catalog import Catalog
from realtime.database.write_set import PendingDocument
from realtime.errors import ValidationError
from realtime.schema.table import TableDefinition
from realtime.values.ids import decode_id
from realtime.values.value import Value

_SYSTEM_FIELDS = ("_id", "_creationTime")


def stored_misfit(
    definition: TableDefinition, document: Mapping[str, Value], catalog: Catalog
) -> str | None:
    """Return why a stored document does not fit a definition (contract 6.3), or None."""
    reason = _misfit(definition, document, catalog)
    if reason is None:
        return None
    return (
        f'Document with ID "{document["_id"]}" in table "{definition.name}" does not match the '
        f"schema: {reason}\nThe stored data is untouched. Change schema.py so that it allows this "
        "document, or change the document first"
    )


def written_misfit(catalog: Catalog, documents: Iterable[PendingDocument]) -> str | None:
    """Return why one of the written documents does not fit the pending schema, or None.

    What they must fit is the active schema. It is the pending one that is dropped.
    """
    for written in documents:
        if written.after is None:
            continue
        document = written.after.value
        number = decode_id(str(document["_id"])).table_number
        table = catalog.by_number(number)
        if table is None or table.pending is None:
            continue
        reason = _misfit(table.pending.definition, document, catalog)
        if reason is not None:
            return (
                f'New document in table "{table.name}" does not match the schema: {reason}\n'
                f'It was written with ID "{document["_id"]}" while the schema was pending; the '
                "schema before it stays active. Change schema.py so that it allows this document, "
                "or let no function write such documents any more"
            )
    return None


def _misfit(
    definition: TableDefinition, document: Mapping[str, Value], catalog: Catalog
) -> str | None:
    body = {name: value for name, value in document.items() if name not in _SYSTEM_FIELDS}
    try:
        definition.validator.check(body, catalog)
    except ValidationError as error:
        return error.message
    return None
