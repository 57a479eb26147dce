"""Conditions on an index: which keys they mean, and the contract's texts for those that don't fit.

Source: contract 5.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from realtime.database.catalog import BY_ID, Catalog, IndexInfo
from realtime.database.index_range import Operator, RangeBound, by_id_index, compile_range
from realtime.database.interval import Interval
from realtime.errors import ValidationError
from realtime.values.ids import encode_id
from realtime.values.index_key import encode_key, key_successor
from realtime.values.value import UNSET, Int64

TABLE = Catalog({}, 1).new_table("things")
INDEX = IndexInfo.of(7, "things", "by_a_b", ("a", "b"))
BY_ID_INDEX = by_id_index(TABLE)


def bound(field: str, operator: Operator, value: Any) -> RangeBound:
    return RangeBound(field, operator, value)


def compiled(equals: dict[str, Any], *bounds: RangeBound) -> Interval:
    return compile_range(TABLE, INDEX, equals, bounds)


def by_id(equals: dict[str, Any], *bounds: RangeBound) -> Interval:
    return compile_range(TABLE, BY_ID_INDEX, equals, bounds)


def key(*fields: Any) -> bytes:
    """A whole key of the index, its tie-breakers behind the given fields."""
    parts = (*fields, 1.0, "id") if len(fields) == 2 else fields
    return b"".join(map(encode_key, parts))


def held(interval: Interval, values: Sequence[Any], *equal: Any) -> list[Any]:
    """Those of `values` whose documents the interval holds."""
    found: list[Any] = []
    for value in values:
        fields = (*equal, value) if equal else (value, None)
        if interval.contains(key(*fields)):
            found.append(value)
    return found


def refused(equals: dict[str, Any], *bounds: RangeBound, index: IndexInfo = INDEX) -> str:
    with pytest.raises(ValidationError) as error:
        compile_range(TABLE, index, equals, bounds)
    return error.value.message


# Which keys


def test_no_condition_is_the_whole_index() -> None:
    assert compiled({}) == Interval(7, b"", b"", None)


def test_equality_is_the_keys_that_begin_with_the_value() -> None:
    interval = compiled({"a": "x"})

    assert interval.prefix == interval.lower == encode_key("x")
    assert held(interval, ["w", "x", "x\x00", "xa", "y"]) == ["x"]


def test_equalities_may_be_written_in_any_order() -> None:
    assert compiled({"b": 1.0, "a": "x"}) == compiled({"a": "x", "b": 1.0})


def test_equalities_of_all_fields_may_be_followed_by_the_tie_breakers() -> None:
    interval = compiled({"a": "x", "b": 1.0, "_creationTime": 5.0, "_id": "i"})

    assert interval.contains(b"".join(map(encode_key, ("x", 1.0, 5.0, "i"))))
    assert not interval.contains(b"".join(map(encode_key, ("x", 1.0, 5.0, "j"))))


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("gt", [3.0]), ("gte", [2.0, 3.0]), ("lt", [1.0]), ("lte", [1.0, 2.0])],
)
def test_bound_cuts_the_next_field(operator: Operator, expected: list[float]) -> None:
    interval = compiled({"a": "x"}, bound("b", operator, 2.0))

    assert held(interval, [1.0, 2.0, 3.0], "x") == expected
    assert held(interval, [1.0, 2.0, 3.0], "w") == []
    assert held(interval, [1.0, 2.0, 3.0], "y") == []


def test_bounds_without_equality_cut_the_first_field() -> None:
    interval = compiled({}, bound("a", "gte", "b"), bound("a", "lt", "d"))

    assert interval.prefix == b""
    assert held(interval, ["a", "b", "c", "d"]) == ["b", "c"]


def test_bounds_may_be_written_in_any_order() -> None:
    assert compiled({}, bound("a", "lt", 5.0), bound("a", "gt", 1.0)) == compiled(
        {}, bound("a", "gt", 1.0), bound("a", "lt", 5.0)
    )


def test_bound_may_be_on_the_creation_time_and_then_on_the_id() -> None:
    on_time = compiled({"a": "x", "b": 1.0}, bound("_creationTime", "gt", 5.0))
    on_id = compiled({"a": "x", "b": 1.0, "_creationTime": 5.0}, bound("_id", "lte", "i"))

    assert on_time.contains(b"".join(map(encode_key, ("x", 1.0, 6.0, "i"))))
    assert not on_time.contains(b"".join(map(encode_key, ("x", 1.0, 5.0, "i"))))
    assert on_id.contains(b"".join(map(encode_key, ("x", 1.0, 5.0, "i"))))
    assert not on_id.contains(b"".join(map(encode_key, ("x", 1.0, 5.0, "j"))))


@pytest.mark.parametrize(
    "bounds",
    [
        (bound("a", "gt", 5.0), bound("a", "lt", 1.0)),
        (bound("a", "gt", 5.0), bound("a", "lte", 5.0)),
        (bound("a", "gte", 5.0), bound("a", "lt", 5.0)),
        (bound("a", "lt", UNSET),),
        (bound("a", "gt", "x"), bound("a", "lt", None)),
    ],
)
def test_bounds_that_exclude_each_other_hold_nothing(bounds: tuple[RangeBound, ...]) -> None:
    interval = compiled({}, *bounds)

    assert held(interval, ORDERED) == []
    assert interval.upper is not None
    assert interval.lower <= interval.upper


STRINGS = ["", "\x00", "\x00\x00", "\x00a", "a", "a\x00", "a\x00\x00", "a\x00b", "aa", "b"]


@pytest.mark.parametrize("value", STRINGS)
def test_strings_with_nul_are_cut_at_their_place(value: str) -> None:
    position = STRINGS.index(value)

    assert held(compiled({"a": value}), STRINGS) == [value]
    assert held(compiled({}, bound("a", "gt", value)), STRINGS) == STRINGS[position + 1 :]
    assert held(compiled({}, bound("a", "gte", value)), STRINGS) == STRINGS[position:]
    assert held(compiled({}, bound("a", "lt", value)), STRINGS) == STRINGS[:position]
    assert held(compiled({}, bound("a", "lte", value)), STRINGS) == STRINGS[: position + 1]


ORDERED = [
    UNSET,
    None,
    Int64(-5),
    Int64(7),
    float("-inf"),
    -0.0,
    0.0,
    7.0,
    False,
    True,
    "",
    "7",
    b"",
    b"\x00",
    [],
    [UNSET],
    [1.0],
    [1.0, None],
    {},
    {"": None},
    {"a": 1.0},
]


@pytest.mark.parametrize("position", range(len(ORDERED)))
def test_bounds_compare_across_types(position: int) -> None:
    value = ORDERED[position]

    assert held(compiled({}, bound("a", "gt", value)), ORDERED) == ORDERED[position + 1 :]
    assert held(compiled({}, bound("a", "lte", value)), ORDERED) == ORDERED[: position + 1]
    assert held(compiled({"a": 1.0}, bound("b", "lt", value)), ORDERED, 1.0) == ORDERED[:position]
    assert held(compiled({"a": value}), ORDERED) == [value]


def test_equality_with_unset_finds_documents_without_the_field() -> None:
    interval = compiled({"a": UNSET})

    assert held(interval, [UNSET, None, "x"]) == [UNSET]


def test_value_with_a_cut_key_is_found_by_equality() -> None:
    long = "x" * 5_000

    interval = compiled({"a": long})

    assert held(interval, [long, long + "x", "x" * 4_999, "x"]) == [long]


# By id


def ids(table_number: int) -> list[str]:
    return [
        encode_id(table_number, internal)
        for internal in (bytes(16), bytes(15) + b"\x01", b"\x80" * 16, b"\xff" * 16)
    ]


@pytest.mark.parametrize("number", [1, 127, 128, 10_001, 16_383, 16_384, 2**21, 2**32 - 1])
def test_index_by_id_holds_the_ids_of_one_table(number: int) -> None:
    table = TABLE.__class__(number, "things", {}, None)
    others = {1, 2, 126, 127, 128, 129, 10_000, 10_001, 16_383, 16_384, 2**21, 2**32 - 1}

    interval = compile_range(table, by_id_index(table), {}, ())

    assert interval.index_id == BY_ID
    assert all(interval.contains(encode_key(text)) for text in ids(number))
    for other in others - {number}:
        assert not any(interval.contains(encode_key(text)) for text in ids(other))


def test_equality_by_id_holds_one_id() -> None:
    first, second, *_ = ids(TABLE.number)

    interval = by_id({"_id": first})

    assert interval.contains(encode_key(first))
    assert not interval.contains(encode_key(second))


def test_id_of_another_table_is_not_found_by_id() -> None:
    for text in ids(TABLE.number - 1) + ids(TABLE.number + 1):
        interval = by_id({"_id": text})

        assert interval.upper == interval.lower


def test_bounds_by_id_stay_within_the_table() -> None:
    first, second, third, last = ids(TABLE.number)
    smaller, larger = ids(TABLE.number - 1)[-1], ids(TABLE.number + 1)[0]

    def found(*bounds: RangeBound) -> list[str]:
        interval = by_id({}, *bounds)
        candidates = (smaller, first, second, third, last, larger)
        return [text for text in candidates if interval.contains(encode_key(text))]

    assert found(bound("_id", "gt", second)) == [third, last]
    assert found(bound("_id", "lte", second)) == [first, second]
    assert found(bound("_id", "gt", None)) == [first, second, third, last]
    assert found(bound("_id", "lt", [])) == [first, second, third, last]
    assert found(bound("_id", "lt", 5.0)) == []
    assert found(bound("_id", "gt", [])) == []
    assert found(bound("_id", "gt", smaller), bound("_id", "lt", larger)) == [
        first,
        second,
        third,
        last,
    ]


def test_point_by_id_is_within_the_range_of_its_equality() -> None:
    text = ids(TABLE.number)[0]

    interval = by_id({"_id": text})

    assert interval.prefix == interval.lower == encode_key(text)
    assert interval.upper is not None
    assert key_successor(encode_key(text)) <= interval.upper


# The texts


def test_unknown_field_is_named_with_the_fields_there_are() -> None:
    assert refused({"x": 1.0}) == (
        'The index range included a comparison with "x", but things.by_a_b with fields '
        "[a, b, _creationTime, _id] doesn't index this field. Use one of its fields, or another "
        "index"
    )


def test_unknown_field_of_a_bound_is_named() -> None:
    assert refused({"a": 1.0}, bound("x", "gt", 1.0)).startswith(
        'The index range included a comparison with "x", but things.by_a_b'
    )


@pytest.mark.parametrize(
    ("equals", "bounds", "fields", "wrong"),
    [
        ({"b": 1.0}, (), "b", "b"),
        ({}, (bound("b", "gt", 1.0),), "b", "b"),
        ({"a": 1.0}, (bound("_creationTime", "gt", 1.0),), "a, _creationTime", "_creationTime"),
        ({"_creationTime": 1.0, "a": 1.0}, (), "a, _creationTime", "_creationTime"),
        ({"a": 1.0}, (bound("a", "gt", 1.0),), "a", "a"),
        ({"b": 1.0}, (bound("a", "gt", 1.0),), "a, b", "b"),
        (
            {"a": 1.0, "b": 1.0, "_creationTime": 1.0, "_id": "i"},
            (bound("_id", "gt", 1.0),),
            "a, b, _creationTime, _id",
            "_id",
        ),
    ],
)
def test_fields_out_of_order_are_named(
    equals: dict[str, Any], bounds: tuple[RangeBound, ...], fields: str, wrong: str
) -> None:
    assert refused(equals, *bounds) == (
        "Tried to query index things.by_a_b but the query didn't use the index fields in order.\n"
        "Index fields: [a, b, _creationTime, _id]\n"
        f"Query fields: [{fields}]\n"
        f"First incorrect field: {wrong}"
    )


BOTH = (
    "Upper and lower bounds in `range` can only be applied to a single index field. This query "
    "against index things.by_a_b attempted to set a range bound on both "
)


def test_bounds_on_two_fields_are_refused() -> None:
    assert refused({}, bound("a", "gt", 1.0), bound("b", "lt", 1.0)) == (
        BOTH + '"a" and "b". Consider using `filter` instead.'
    )


def test_bounds_on_two_fields_are_refused_also_behind_an_equality_out_of_order() -> None:
    message = refused({"b": 1.0}, bound("a", "gt", 1.0), bound("_creationTime", "lt", 1.0))

    assert message == BOTH + '"a" and "_creationTime". Consider using `filter` instead.'


@pytest.mark.parametrize(
    ("first", "second", "word", "shown"),
    [
        ("gte", "gt", "lower", '"a" > 1.0'),
        ("gt", "gte", "lower", '"a" >= 1.0'),
        ("lte", "lt", "upper", '"a" < 1.0'),
        ("lt", "lte", "upper", '"a" <= 1.0'),
    ],
)
def test_second_bound_on_the_same_side_is_refused(
    first: Operator, second: Operator, word: str, shown: str
) -> None:
    assert refused({}, bound("a", first, 0.0), bound("a", second, 1.0)) == (
        f"Already defined {word} bound in index range. Can't add {shown}."
    )


def test_refused_bound_is_shown_as_a_value() -> None:
    message = refused({}, bound("a", "gt", 0.0), bound("a", "gt", UNSET))

    assert message.endswith('Can\'t add "a" > undefined.')


def test_unknown_operator_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        compiled({}, bound("a", "eq", 1.0))  # type: ignore[arg-type]


def test_index_by_id_has_one_field() -> None:
    assert refused({"_creationTime": 1.0}, index=BY_ID_INDEX) == (
        'The index range included a comparison with "_creationTime", but things.by_id with fields '
        "[_id] doesn't index this field. Use one of its fields, or another index"
    )
