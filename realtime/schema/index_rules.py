"""What an index may be: the rules of the contract, with its texts.

Source: contract 6.4.
"""

from __future__ import annotations

from collections.abc import Mapping

from realtime.errors import DefinitionError, ValidationError
from realtime.schema.document_codec import CREATION_TIME_FIELD, ID_FIELD
from realtime.values.nearest import suggestion
from realtime.values.size import check_identifier
from realtime.values.validators import (
    AnyValidator,
    ObjectValidator,
    RecordValidator,
    UnionValidator,
    Validator,
)

MAX_INDEXES = 64
MAX_INDEX_FIELDS = 16
RESERVED_NAMES = ("by_id", "by_creation_time")


def check_indexes(
    table_name: str, indexes: Mapping[str, tuple[str, ...]], validator: Validator
) -> None:
    """Check the indexes of a table: wire names of fields, dotted, by name of the index.

    Raises:
        DefinitionError: the first rule that is broken, in the contract's words; for a field that
            does not exist with the nearest one.
    """
    if len(indexes) > MAX_INDEXES:
        raise DefinitionError(f'Table "{table_name}" cannot have more than {MAX_INDEXES} indexes.')
    owners: dict[tuple[str, ...], str] = {}
    for name, fields in indexes.items():
        _check_name(table_name, name)
        _check_fields(table_name, name, fields)
        for field in fields:
            known = unknown_path(validator, field)
            if known is not None:
                raise unknown_index_field(table_name, name, field, known)
        other = owners.setdefault(fields, name)
        if other != name:
            raise DefinitionError(
                f'In table "{table_name}" index "{other}" and index "{name}" have the same '
                "fields. Indexes must be unique within a table."
            )


def unknown_index_field(
    table_name: str, index_name: str, field: str, known: list[str]
) -> DefinitionError:
    """Return the error of an index on a field that does not exist."""
    return DefinitionError(
        f'In table "{table_name}" the index "{index_name}" is invalid because it references the '
        f"field {field} that does not exist; {suggestion(field, known)}"
    )


def _check_name(table_name: str, name: str) -> None:
    try:
        check_identifier(name)
    except ValidationError as error:
        raise DefinitionError(
            f'In table "{table_name}": Invalid index name: "{name}". {error.message}'
        ) from None
    if name.startswith("_") or name in RESERVED_NAMES:
        raise DefinitionError(
            f'In table "{table_name}" cannot name an index "{name}" because the name is reserved. '
            'Indexes may not start with an underscore or be named "by_id" or "by_creation_time".'
        )


def _check_fields(table_name: str, name: str, fields: tuple[str, ...]) -> None:
    where = f'In table "{table_name}" index "{name}"'
    if not fields:
        raise DefinitionError(f"{where} must have at least one field.")
    if len(fields) > MAX_INDEX_FIELDS:
        raise DefinitionError(f"{where}: Indexes may have up to {MAX_INDEX_FIELDS} fields.")
    for position, field in enumerate(fields):
        if field == ID_FIELD:
            reason = f"`{ID_FIELD}` is not a valid index field. To load documents by ID, "
            reason += "use `db.get(id)`."
        elif field == CREATION_TIME_FIELD:
            reason = f"`{CREATION_TIME_FIELD}` is automatically added to the end of each index. "
            reason += "It should not be added explicitly in the index definition."
        elif field.startswith("_"):
            reason = "Reserved fields (starting with `_`) are not allowed in indexes."
        elif field in fields[:position]:
            reason = f"Duplicate field {field}. Index fields must be unique within an index."
        else:
            continue
        raise DefinitionError(f"{where}: {reason}")


def unknown_path(validator: Validator, path: str, parents: str = "") -> list[str] | None:
    """Return None if a document can have a value at `path`, else the paths that it can have.

    Args:
        validator: what the document, or the object at `parents`, must be.
        path: dotted wire names.
        parents: the steps already taken, each followed by a dot.
    """
    step, _, rest = path.partition(".")
    match validator:
        case AnyValidator() | RecordValidator():
            return None
        case ObjectValidator():
            field = validator.fields.get(step)
            if field is None:
                return [parents + name for name in validator.fields]
            return unknown_path(field.validator, rest, f"{parents}{step}.") if rest else None
        case UnionValidator():
            known: list[str] = []
            for member in validator.members:
                inner = unknown_path(member, path, parents)
                if inner is None:
                    return None
                known += inner
            return known
        case _:
            return []
