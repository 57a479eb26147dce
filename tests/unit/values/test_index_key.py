"""Index keys: the contract's vectors, and the laws that storage and reactivity stand on."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import ValidationError
from realtime.values.index_key import compare_values, encode_key, key_successor, prefix_end
from realtime.values.value import UNSET, Int64

NEGATIVE_NAN = -math.nan

# What tends to collide: zeros and NaNs, the ends of each integer width, NUL and what follows it,
# characters whose UTF-16 order is not their order.
FLOATS = [0.0, -0.0, math.nan, NEGATIVE_NAN, math.inf, -math.inf, 5e-324, -5e-324, 1.0, -1.0]
INTEGERS = [
    sign * 2**exponent + offset
    for exponent in (0, 7, 8, 15, 16, 31, 32, 62)
    for sign in (1, -1)
    for offset in (-1, 0, 1)
] + [2**63 - 1, -(2**63)]
CHARACTERS = "\x00\x01ab\x7f\xff\uffff\U00010000"


def float_from_bits(bits: int) -> float:
    number: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return number


KINDS: list[st.SearchStrategy[Any]] = [
    st.none(),
    st.booleans(),
    st.sampled_from(FLOATS) | st.floats() | st.integers(-(2**53), 2**53),
    st.integers(0, 2**64 - 1).map(float_from_bits),
    st.sampled_from(INTEGERS).map(Int64) | st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.text(CHARACTERS, max_size=3),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.lists(st.sampled_from([0, 1, 254, 255]), max_size=3).map(bytes),
    st.binary(max_size=8),
]


def grow(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text("ab~ ", max_size=2)
    return st.lists(parts, max_size=3) | st.dictionaries(names, parts, max_size=3)


def values() -> st.SearchStrategy[Any]:
    return st.recursive(st.one_of(KINDS), grow, max_leaves=6)


def fields() -> st.SearchStrategy[Any]:
    """Generate what one field of an index holds."""
    return st.just(UNSET) | values()


def long_strings() -> st.SearchStrategy[str]:
    """Generate strings that agree for about as long as keys are kept whole."""
    return st.builds(
        lambda count, tail: "x" * count + tail,
        st.integers(2042, 2052),
        st.text("\x00x", max_size=4),
    )


def near_pairs() -> st.SearchStrategy[tuple[Any, Any]]:
    """Generate two values of one kind, bare or each at the same place of an array or object."""
    alike = st.one_of([st.tuples(kind, kind) for kind in KINDS])
    same = values().map(lambda value: (value, value))
    return st.recursive(
        alike | same,
        lambda pairs: (
            st.tuples(pairs, alike | same).map(
                lambda two: ([two[0][0], two[1][0]], [two[0][1], two[1][1]])
            )
            | st.tuples(pairs, values()).map(lambda two: ([two[0][0]], [two[0][1], two[1]]))
            | st.tuples(pairs, st.sampled_from(["", "a", "~"])).map(
                lambda two: ({two[1]: two[0][0]}, {two[1]: two[0][1]})
            )
        ),
        max_leaves=3,
    )


def pairs() -> st.SearchStrategy[tuple[Any, Any]]:
    """Generate what two documents hold in one field, more often alike than chance would have it."""
    return near_pairs() | st.tuples(fields(), fields())


def sign(a: bytes, b: bytes) -> int:
    return (a > b) - (a < b)


def key_of(*parts: Any) -> bytes:
    return b"".join(map(encode_key, parts))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (UNSET, "01"),
        (None, "03"),
        (1.0, "0D BFF0000000000000"),
        (1, "0D BFF0000000000000"),
        (-1.0, "0D 400FFFFFFFFFFFFF"),
        (0.0, "0D 8000000000000000"),
        (-0.0, "0D 7FFFFFFFFFFFFFFF"),
        (math.inf, "0D FFF0000000000000"),
        (False, "0E"),
        (True, "0F"),
        (Int64(0), "08"),
        (Int64(1), "09 01"),
        (Int64(127), "09 7F"),
        (Int64(128), "0A 0080"),
        (Int64(32767), "0A 7FFF"),
        (Int64(32768), "0B 00008000"),
        (Int64(2**31 - 1), "0B 7FFFFFFF"),
        (Int64(2**31), "0C 0000000080000000"),
        (Int64(2**63 - 1), "0C 7FFFFFFFFFFFFFFF"),
        (Int64(-1), "07 FF"),
        (Int64(-128), "07 80"),
        (Int64(-129), "06 FF7F"),
        (Int64(-32768), "06 8000"),
        (Int64(-32769), "05 FFFF7FFF"),
        (Int64(-(2**31)), "05 80000000"),
        (Int64(-(2**31) - 1), "04 FFFFFFFF7FFFFFFF"),
        (Int64(-(2**63)), "04 8000000000000000"),
        ("", "10 00"),
        ("a\x00é", "10 61 00FF C3A9 00"),
        (b"", "11 00"),
        (b"\x00\xff", "11 00FF FF 00"),
        ([], "12 00"),
        ([None, "a"], "12 03 106100 00"),
        ((None, "a"), "12 03 106100 00"),
        ({}, "15 00"),
        ({"b": None, "a": True}, "15 6100 0F 6200 03 00"),
        ({"": None}, "15 00FF 03 00"),
        ([[], {}], "12 1200 1500 00"),
    ],
)
def test_key_of_each_type_is_that_of_the_contract(value: Any, key: str) -> None:
    assert encode_key(value) == bytes.fromhex(key)


ORDERED = [
    UNSET,
    None,
    Int64(-(2**63)),
    Int64(-129),
    Int64(-1),
    Int64(0),
    Int64(2**63 - 1),
    NEGATIVE_NAN,
    -math.inf,
    -1.0,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    1,
    1.5,
    math.inf,
    math.nan,
    False,
    True,
    "",
    "\x00",
    "\x00\x00",
    "\x01",
    "a",
    "a\x00",
    "a\x00b",
    "aa",
    "b",
    "é",
    "\uffff",
    "\U00010000",
    b"",
    b"\x00",
    b"\x00\xff",
    b"\x01",
    b"\xff",
    [],
    [None],
    [None, None],
    [Int64(1)],
    ["a"],
    ["a", 1.0],
    ["a\x00"],
    [[]],
    [{}],
    {},
    {"": 1.0},
    {"a": 1.0},
    {"a": 1.0, "b": None},
    {"a": 2.0},
    {"a": "x"},
    {"aa": 1.0},
    {"b": None},
]


def test_values_are_ordered_as_in_the_contract() -> None:
    for (place, a), (other_place, b) in itertools.product(enumerate(ORDERED), repeat=2):
        expected = (place > other_place) - (place < other_place)
        assert compare_values(a, b) == expected, (a, b)
        assert sign(encode_key(a), encode_key(b)) == expected, (a, b)


@pytest.mark.parametrize(("a", "b"), [(1, 1.0), ((1, 2), [1.0, 2.0]), ({"a": 1}, {"a": 1.0})])
def test_ints_and_tuples_are_the_numbers_and_arrays_they_stand_for(a: Any, b: Any) -> None:
    assert compare_values(a, b) == 0
    assert encode_key(a) == encode_key(b)


@settings(max_examples=600, deadline=None)
@given(pairs())
def test_keys_are_ordered_as_the_values(pair: tuple[Any, Any]) -> None:
    a, b = pair

    assert sign(encode_key(a), encode_key(b)) == compare_values(a, b)


@settings(max_examples=500, deadline=None)
@given(pairs(), pairs())
def test_index_keys_are_ordered_field_by_field(
    first: tuple[Any, Any], second: tuple[Any, Any]
) -> None:
    (a, b), (a_rest, b_rest) = first, second

    expected = compare_values(a, b) or compare_values(a_rest, b_rest)

    assert sign(key_of(a, a_rest), key_of(b, b_rest)) == expected


@settings(max_examples=300, deadline=None)
@given(values(), values())
def test_order_of_two_values_is_turned_by_turning_them(a: Any, b: Any) -> None:
    assert compare_values(a, b) == -compare_values(b, a)


@settings(max_examples=600, deadline=None)
@given(pairs() | st.tuples(long_strings(), long_strings()), fields())
def test_prefix_interval_holds_the_documents_with_equal_fields_only(
    pair: tuple[Any, Any], rest: Any
) -> None:
    a, b = pair
    lower = encode_key(a)
    upper = prefix_end(lower)
    assert upper is not None

    for index_key in (key_of(b), key_of(b, rest)):
        is_equal = compare_values(a, b) == 0
        assert (lower <= index_key < upper) == is_equal


@settings(max_examples=600, deadline=None)
@given(fields(), pairs(), fields())
def test_prefix_end_is_where_greater_values_begin(
    first: Any, pair: tuple[Any, Any], rest: Any
) -> None:
    a, b = pair
    bound = prefix_end(key_of(first, a))
    assert bound is not None

    for index_key in (key_of(first, b), key_of(first, b, rest)):
        assert (index_key >= bound) == (compare_values(b, a) > 0)


def test_string_that_goes_on_after_a_nul_is_outside_the_prefix_of_its_beginning() -> None:
    upper = prefix_end(encode_key("a"))
    assert upper is not None

    assert key_of("a", math.nan) < upper
    assert key_of("a", {"a": {}}) < upper
    assert key_of("a\x00") > upper
    assert key_of("a\x00", UNSET) > upper


def test_empty_prefix_has_no_end() -> None:
    assert prefix_end(b"") is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3), st.sampled_from([b"", b"\x00", b"\x01", b"\x00\x00"]), st.binary())
def test_nothing_is_between_a_key_and_its_successor(key: bytes, tail: bytes, other: bytes) -> None:
    for another in (key + tail, other):
        assert (key < another) == (key_successor(key) <= another)


def test_key_of_2048_bytes_stays_whole_and_a_longer_one_is_cut() -> None:
    longest = "x" * (2048 - 2)

    assert len(encode_key(longest)) == 2048
    assert len(encode_key(longest + "x")) == 2049 + 32
    assert len(encode_key(longest + "x" * 100_000)) == 2049 + 32


@settings(max_examples=300, deadline=None)
@given(long_strings(), long_strings())
def test_long_values_with_equal_keys_are_equal(a: str, b: str) -> None:
    assert (encode_key(a) == encode_key(b)) == (a == b)


@settings(max_examples=300, deadline=None)
@given(long_strings(), long_strings(), st.text("\x00xy", max_size=3))
def test_long_values_that_differ_before_the_cut_keep_their_order(a: str, b: str, tail: str) -> None:
    for other in (b, b[:2000] + tail):
        is_cut_alike = encode_key(a)[:2049] == encode_key(other)[:2049]
        if not is_cut_alike:
            assert sign(encode_key(a), encode_key(other)) == compare_values(a, other)


def test_each_field_of_an_index_is_cut_by_itself() -> None:
    long = ["x" * 5000]

    assert key_of(long, "a") < key_of(long, "b")
    assert key_of(long, "a").startswith(encode_key(long))


@pytest.mark.parametrize("thing", [{1}, object(), [object()], {"a": {1}}, [UNSET, bytearray()]])
def test_what_is_no_value_has_no_key_and_no_order(thing: Any) -> None:
    with pytest.raises(ValidationError, match="Expected a value, got"):
        encode_key(thing)
    with pytest.raises(ValidationError, match="Expected a value, got"):
        compare_values(thing, thing)


def test_large_int_has_no_key_and_no_order() -> None:
    with pytest.raises(ValidationError, match="use `Int64`"):
        encode_key(2**53 + 1)
    with pytest.raises(ValidationError, match="use `Int64`"):
        compare_values([2**53 + 1], [2**53 + 1])


@pytest.mark.parametrize("value", ["\ud800", ["\ud800"], {"\ud800": 1.0}])
def test_lone_surrogate_has_no_key(value: Any) -> None:
    with pytest.raises(ValidationError, match="lone surrogate"):
        encode_key(value)
