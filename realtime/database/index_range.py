"""From what a query says about an index to the range of keys that it means.

Source: contract 5.7 (equalities on the first fields, then bounds on the next one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, assert_never

from realtime.database.catalog import BY_ID, BY_ID_NAME, IndexInfo, TableInfo
from realtime.database.interval import Interval
from realtime.errors import ValidationError
from realtime.values.display import display_value
from realtime.values.ids import encode_id
from realtime.values.index_key import encode_key, prefix_end
from realtime.values.value import Value

Operator = Literal["gt", "gte", "lt", "lte"]

_SIGNS: Final[Mapping[Operator, str]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_INTERNAL_ID_BYTES = 16


class RangeBound(NamedTuple):
    """One inequality on an index field; `field` is a wire path."""

    field: str
    operator: Operator
    value: Value

    @property
    def is_lower(self) -> bool:
        """Say whether it bounds from below."""
        return self.operator in ("gt", "gte")


def by_id_index(table: TableInfo) -> IndexInfo:
    """Return the index by id as one table's own."""
    return IndexInfo(BY_ID, table.name, BY_ID_NAME, ("_id",), (("_id",),))


def compile_range(
    table: TableInfo,
    index: IndexInfo,
    equals: Mapping[str, Value],
    bounds: Sequence[RangeBound] = (),
) -> Interval:
    """Return the interval of `index` that the conditions describe.

    Args:
        table: The table of the index.
        index: The index to read.
        equals: Wire paths to values; they must be the index's first fields, in any order of
            writing. UNSET matches documents without the field.
        bounds: At most one lower and one upper bound, on the field after the equalities.

    Raises:
        ValidationError: The conditions do not fit the index; the texts are the contract's.
    """
    count = _check_equalities(index, equals, bounds)
    _check_bounds(index, bounds)
    prefix = b"".join(encode_key(equals[field]) for field in index.fields[:count])
    lower, upper = prefix, prefix_end(prefix) if prefix else None
    for bound in bounds:
        edge = prefix + encode_key(bound.value)
        match bound.operator:
            case "gt":
                lower = prefix_end(edge) or edge
            case "gte":
                lower = edge
            case "lt":
                upper = edge
            case "lte":
                upper = prefix_end(edge)
            case _:
                assert_never(bound.operator)
    if index.index_id == BY_ID:
        lower, upper = _within_table(table, lower, upper)
    if upper is not None and upper < lower:
        upper = lower
    return Interval(index.index_id, prefix, lower, upper)


def _within_table(table: TableInfo, lower: bytes, upper: bytes | None) -> tuple[bytes, bytes]:
    """Cut a range of the index by id, which all tables share, to the ids of one table."""
    lowest = encode_id(table.number, bytes(_INTERNAL_ID_BYTES))
    highest = encode_id(table.number, b"\xff" * _INTERNAL_ID_BYTES)
    footer_characters = 4
    first = encode_key(lowest[:-footer_characters])[:-1]
    last = prefix_end(encode_key(highest[:-footer_characters])[:-1])
    assert last is not None
    return max(lower, first), last if upper is None else min(upper, last)


def _check_equalities(
    index: IndexInfo, equals: Mapping[str, Value], bounds: Sequence[RangeBound]
) -> int:
    """Return how many leading fields are pinned."""
    name = f"{index.table_name}.{index.name}"
    asked = [*equals, *(bound.field for bound in bounds)]
    for field in asked:
        if field not in index.fields:
            raise ValidationError(
                f'The index range included a comparison with "{field}", but {name} with fields '
                f"{_list(index.fields)} doesn't index this field. Use one of its fields, or "
                "another index"
            )
    count = len(equals)
    leading = index.fields[:count]
    wrong = [field for field in equals if field not in leading]
    bounded = index.fields[count] if count < len(index.fields) else None
    wrong += [bound.field for bound in bounds if bound.field != bounded]
    if wrong and not _bounds_disagree(bounds):
        order = sorted(dict.fromkeys(asked), key=index.fields.index)
        raise ValidationError(
            f"Tried to query index {name} but the query didn't use the index fields in order.\n"
            f"Index fields: {_list(index.fields)}\n"
            f"Query fields: {_list(order)}\n"
            f"First incorrect field: {wrong[0]}"
        )
    return count


def _bounds_disagree(bounds: Sequence[RangeBound]) -> bool:
    return len({bound.field for bound in bounds}) > 1


def _check_bounds(index: IndexInfo, bounds: Sequence[RangeBound]) -> None:
    if _bounds_disagree(bounds):
        first, second = (
            bounds[0].field,
            next(bound.field for bound in bounds if bound.field != bounds[0].field),
        )
        raise ValidationError(
            "Upper and lower bounds in `range` can only be applied to a single index field. This "
            f"query against index {index.table_name}.{index.name} attempted to set a range bound "
            f'on both "{first}" and "{second}". Consider using `filter` instead.'
        )
    for is_lower, word in ((True, "lower"), (False, "upper")):
        same = [bound for bound in bounds if bound.is_lower == is_lower]
        if len(same) > 1:
            again = same[1]
            raise ValidationError(
                f"Already defined {word} bound in index range. Can't add "
                f'"{again.field}" {_SIGNS[again.operator]} {display_value(again.value)}.'
            )


def _list(fields: Sequence[str]) -> str:
    return f"[{', '.join(fields)}]"
