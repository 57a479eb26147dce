"""The JSON encoding: the contract's examples, what is refused, and the laws."""

from __future__ import annotations

import enum
import json
import math
import struct
from base64 import b64encode
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import ValidationError
from realtime.values.index_key import compare_values
from realtime.values.json_encoding import (
    clean_value,
    decode_json,
    decode_value,
    encode_json,
    encode_value,
)
from realtime.values.value import UNSET, Int64

NEGATIVE_NAN = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]


def float_from_bits(bits: int) -> float:
    number: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return number


def names() -> st.SearchStrategy[str]:
    alphabet = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
    return st.text(alphabet, max_size=4).filter(lambda name: not name.startswith("$"))


def values() -> st.SearchStrategy[Any]:
    scalars = (
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers(0, 2**64 - 1).map(float_from_bits)
        | st.integers(-(2**54), 2**54).map(float)
        | st.integers(-(2**63), 2**63 - 1).map(Int64)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.binary()
    )
    return st.recursive(
        scalars,
        lambda parts: st.lists(parts, max_size=4) | st.dictionaries(names(), parts, max_size=4),
        max_leaves=12,
    )


def is_same(a: Any, b: Any) -> bool:
    """Say whether two wire values are of one type and content, NaNs and zeros by their bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(is_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_same(a[name], b[name]) for name in a)
    return bool(a == b)


CONTRACT_EXAMPLES = [
    (None, b"null"),
    (True, b"true"),
    (Int64(1), b'{"$integer":"AQAAAAAAAAA="}'),
    (Int64(-1), b'{"$integer":"//////////8="}'),
    (-0.0, b'{"$float":"AAAAAAAAAIA="}'),
    (math.inf, b'{"$float":"AAAAAAAA8H8="}'),
    (math.nan, b'{"$float":"AAAAAAAA+H8="}'),
    (bytes(3), b'{"$bytes":"AAAA"}'),
    (1.0, b"1"),
    (1.5, b"1.5"),
    ("é\U0001f600", '"é\U0001f600"'.encode()),
    ([1.0, "a"], b'[1,"a"]'),
    ({"b": 1.0, "a": {}}, b'{"a":{},"b":1}'),
]


@pytest.mark.parametrize(("value", "raw"), CONTRACT_EXAMPLES)
def test_value_of_each_type_has_the_encoding_of_the_contract(value: Any, raw: bytes) -> None:
    assert encode_json(value) == raw
    assert is_same(decode_json(raw), value)


@settings(max_examples=300, deadline=None)
@given(values())
def test_decoding_undoes_encoding(value: Any) -> None:
    assert is_same(decode_value(encode_value(value)), value)
    assert is_same(decode_json(encode_json(value)), value)


@settings(max_examples=300, deadline=None)
@given(values())
def test_encoded_text_is_json_that_any_parser_takes(value: Any) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    tree = json.loads(encode_json(value), parse_constant=refuse)

    assert is_same(decode_value(tree), value)


@settings(max_examples=300, deadline=None)
@given(values(), values())
def test_values_are_equal_exactly_when_their_bytes_are(a: Any, b: Any) -> None:
    assert (encode_json(a) == encode_json(b)) == (compare_values(a, b) == 0)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names(), values(), max_size=6), st.randoms(use_true_random=False))
def test_order_of_the_fields_does_not_change_the_bytes(fields: dict[str, Any], random: Any) -> None:
    shuffled = list(fields.items())
    random.shuffle(shuffled)

    assert encode_json(dict(shuffled)) == encode_json(fields)


def test_fields_are_sorted_in_small_and_in_large_objects() -> None:
    small = {"b": None, "B": None, "_": None, "a": None}
    large = {f"f{number}": None for number in reversed(range(100, 200))}

    assert list(encode_value(small)) == ["B", "_", "a", "b"]
    assert list(encode_value(large)) == sorted(large)


def test_decoded_object_keeps_the_order_it_came_in() -> None:
    assert list(decode_json(b'{"b":1,"a":2}')) == ["b", "a"]


@pytest.mark.parametrize("raw", [b"1", b"1.0", b"1e0", b"10e-1"])
def test_number_decodes_to_a_float_however_it_is_written(raw: bytes) -> None:
    assert is_same(decode_json(raw), 1.0)


@pytest.mark.parametrize(
    ("number", "raw"),
    [
        (2.0**53, b"9007199254740992"),
        (-(2.0**53), b"-9007199254740992"),
        (2.0**53 + 2, b"9007199254740994.0"),
        (1e21, b"1e21"),
        (5e-324, b"5e-324"),
        (0.1, b"0.1"),
        (0.0, b"0"),
    ],
)
def test_float_is_written_as_an_integer_where_all_integers_are_floats(
    number: float, raw: bytes
) -> None:
    assert encode_json(number) == raw


def test_large_integer_in_json_decodes_to_the_nearest_float() -> None:
    assert is_same(decode_json(b"9007199254740993"), 2.0**53)
    assert is_same(decode_json(b"1" + b"0" * 30), 1e30)


def test_integer_that_no_float_holds_is_refused_with_its_place() -> None:
    with pytest.raises(ValidationError, match=r"a float can hold.*\(at `\$\.a\[1\]`\)"):
        decode_json(b'{"a":[1,' + b"9" * 310 + b"]}")


def test_int_and_tuple_are_accepted_from_python_code() -> None:
    assert encode_json({"count": 3, "pair": (1, 2.5)}) == b'{"count":3,"pair":[1,2.5]}'
    assert encode_value(2**53) == 2**53


def test_bool_is_not_a_number() -> None:
    assert encode_json([True, 1, False, 0]) == b"[true,1,false,0]"
    assert is_same(decode_json(b"[true,1]"), [True, 1.0])


def test_trees_and_values_are_not_changed_by_the_pass() -> None:
    tree: dict[str, Any] = {"b": [1, {"$integer": "AQAAAAAAAAA="}], "a": 2}
    value: dict[str, Any] = {"b": (1, -0.0), "a": Int64(1)}

    decode_value(tree)
    encode_value(value)

    assert list(tree) == ["b", "a"]
    assert tree["b"] == [1, {"$integer": "AQAAAAAAAAA="}]
    assert type(tree["a"]) is int
    assert value == {"b": (1, -0.0), "a": Int64(1)}


class Color(enum.Enum):
    RED = "red"


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "place", "kind"),
    [
        ({"a": [{1}]}, "$.a[0]", "`set`"),
        ({"a": [1, 2, {"b": object()}]}, "$.a[2].b", "`object`"),
        ([Color.RED], "$[0]", f"`{__name__}.Color`"),
        ({"a": Name("x")}, "$.a", f"`{__name__}.Name`"),
        ([OrderedDict(a=1)], "$[0]", "`collections.OrderedDict`"),
        ([bytearray(b"x")], "$[0]", "`bytearray`"),
        ({"a": {"b": UNSET}}, "$.a.b", "`UNSET`"),
        ([1, [UNSET]], "$[1][0]", "`UNSET`"),
        ({"a": {1: "x"}}, "$.a", "`int`"),
        ({"a": [2**53 + 1]}, "$.a[0]", "`9007199254740993`"),
        ({"a": [0, "x\ud800"]}, "$.a[1]", "lone surrogate at index 1"),
    ],
)
def test_what_is_no_value_is_refused_with_its_place_and_type(
    value: Any, place: str, kind: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        encode_value(value)

    assert caught.value.message.endswith(f"(at `{place}`)")
    assert kind in caught.value.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (UNSET, "Expected a value, got `UNSET`: leave the field out instead"),
        ({1}, "Expected a value, got `set`"),
        ("\udfff", "Expected a string of valid Unicode, got a lone surrogate at index 0"),
    ],
)
def test_mistake_at_the_root_is_told_without_a_place(value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        encode_value(value)

    assert caught.value.message == message
    assert type(caught.value) is ValidationError


def test_refused_value_leaves_no_trace_in_the_next_error() -> None:
    for _ in range(2):
        with pytest.raises(ValidationError) as caught:
            encode_value({"a": [UNSET]})

        assert caught.value.message.count("$.a[0]") == 1


def test_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(ValidationError, match="Value is too nested"):
        encode_value(loop)


@pytest.mark.parametrize("depth", [900, 100_000])
def test_text_nested_without_end_is_refused_or_decoded(depth: int) -> None:
    raw = b"[" * depth + b"]" * depth

    try:
        decode_json(raw)
    except ValidationError as error:
        assert "Value is too nested" in error.message
    else:
        assert depth == 900


BAD_NAMES = [
    ("$x", "Field name $x starts with '$', which is reserved."),
    ("$integer", "Field name $integer starts with '$', which is reserved."),
    (
        "é",
        "Field name é has invalid character 'é': "
        "Field names can only contain non-control ASCII characters",
    ),
    (
        "a\x7f",
        "Field name a\\x7f has invalid character '\\x7f': "
        "Field names can only contain non-control ASCII characters",
    ),
    ("x" * 1025, "Field name is too long (1025 > maximum 1024)"),
]


@pytest.mark.parametrize(("name", "message"), BAD_NAMES)
@pytest.mark.parametrize("others", [{"a": None}, {f"f{number}": None for number in range(50)}])
def test_field_name_that_is_not_allowed_is_refused_both_ways(
    name: str, message: str, others: dict[str, Any]
) -> None:
    for fields in ({**others, name: None}, {name: None, **others}):
        with pytest.raises(ValidationError) as caught:
            encode_value(fields)
        assert caught.value.message == message

        with pytest.raises(ValidationError) as caught:
            decode_value([fields])
        assert caught.value.message == f"{message} (at `$[0]`)"


def test_string_enum_members_name_fields_as_their_values_do() -> None:
    class Field(enum.StrEnum):
        FIRST = "first"
        SECOND = "second"

    assert encode_json({Field.SECOND: 1, Field.FIRST: 2}) == b'{"first":2,"second":1}'


@pytest.mark.parametrize("key", ["$commitTs", "$undefined", "$set", "$map"])
def test_internal_and_retired_special_objects_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="which is reserved"):
        decode_value({key: None})


@pytest.mark.parametrize(
    "tree",
    [
        {"$integer": "AQAAAAAAAAA"},
        {"$integer": "AQAAAAAAAAA=\n"},
        {"$integer": "AQAA AAAAAAA="},
        {"$integer": "AQAAAAAAAAB="},
        {"$integer": "AQAAAAAA"},
        {"$integer": ""},
        {"$integer": b64encode(bytes(9)).decode()},
        {"$integer": 1},
        {"$integer": None},
        {"$float": b64encode(bytes(4)).decode()},
        {"$float": b64encode(struct.pack("<d", 1.0)).decode()},
        {"$float": b64encode(struct.pack("<d", 0.0)).decode()},
        {"$float": 1.0},
        {"$bytes": "AAA"},
        {"$bytes": "AA"},
        {"$bytes": "éé=="},
        {"$bytes": "_-8="},
        {"$bytes": []},
    ],
)
def test_malformed_special_object_is_refused_with_its_place(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"\(at `\$\.a`\)$"):
        decode_value({"a": tree})


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["$integer", "$float", "$bytes"]),
    st.binary(max_size=9).map(lambda content: b64encode(content).decode())
    | st.floats().map(lambda number: b64encode(struct.pack("<d", number)).decode())
    | st.text("AQgw/+= \n-_é", max_size=12),
)
def test_special_object_that_decodes_is_the_one_spelling_of_its_value(
    key: str, payload: str
) -> None:
    try:
        value = decode_value({key: payload})
    except ValidationError:
        return

    assert encode_value(value) == {key: payload}


def test_special_float_with_a_sign_or_payload_keeps_its_bits() -> None:
    assert is_same(decode_json(encode_json(NEGATIVE_NAN)), NEGATIVE_NAN)
    assert encode_json(NEGATIVE_NAN) != encode_json(math.nan)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1,]",
        b"1 2",
        b"NaN",
        b"Infinity",
        b"1e400",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\ud800abcdef"',
        b'{"\\udc00abcdef":1}',
        '"\ud800"',
    ],
)
def test_malformed_text_is_refused(raw: bytes | str) -> None:
    with pytest.raises(ValidationError, match="Expected JSON text"):
        decode_json(raw)


def test_text_is_taken_as_bytes_or_string() -> None:
    assert decode_json('{"a":"é"}') == decode_json('{"a":"é"}'.encode()) == {"a": "é"}


def test_value_of_another_parser_is_refused_by_type() -> None:
    with pytest.raises(ValidationError, match=r"got `set` \(at `\$\.a\[0\]`\)"):
        decode_value({"a": [{1}]})


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (Int64(-(2**63)), '"-9223372036854775808"'),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
        (-0.0, "-0.0"),
        (b"\x00\x01\x02", '"AAEC"'),
        (1.0, "1"),
        (None, "null"),
        ({"b": [Int64(1), {"c": b""}], "a": "x"}, '{"a": "x", "b": ["1", {"c": ""}]}'),
    ],
)
def test_clean_value_is_plain_json(value: Any, raw: str) -> None:
    assert json.dumps(clean_value(value), allow_nan=False) == raw


@settings(max_examples=200, deadline=None)
@given(values())
def test_clean_value_has_no_reserved_keys(value: Any) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        assert not any(name.startswith("$") for name, _ in pairs)

    json.loads(json.dumps(clean_value(value), allow_nan=False), object_pairs_hook=check)
