"""Codecs: wire values to Python objects and back, by declared type."""

from __future__ import annotations

import datetime
import enum
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import ValidationError
from realtime.values.annotations import ANY_CODEC, codec_of_class, compile_annotation
from realtime.values.codec import Codec
from realtime.values.json_encoding import encode_json
from realtime.values.struct import Struct
from realtime.values.value import UNSET, Int64, Unset


class Part(Struct):
    file_name: str
    size: int
    note: str | Unset = UNSET


class Whole(Struct):
    parts: list[Part]
    main_part: Part | None = None


class Shape(TypedDict):
    side_length: float
    inner_part: Part


@dataclass
class Point:
    x_axis: float
    y_axis: int = 7


class Plain(msgspec.Struct):
    some_name: str


class Created(Struct):
    kind: Literal["created"]
    at: int


class Deleted(Struct):
    kind: Literal["deleted", "removed"]
    at: int


class Left(Struct):
    left_size: int


class Right(Struct):
    right_size: int


class StringColour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Sub(str):
    pass


@pytest.mark.parametrize(
    ("annotation", "value", "decoded"),
    [
        (str, "x", "x"),
        (float, 5.0, 5.0),
        (int, 5.0, 5),
        (int, -(2.0**53), -(2**53)),
        (bool, True, True),
        (None, None, None),
        (bytes, b"x", b"x"),
        (Int64, Int64(5), Int64(5)),
        (Any, [5.0, {"a": Int64(5)}], [5.0, {"a": Int64(5)}]),
        (Literal["a", 1], 1.0, 1),
        (Literal["a", 1], "a", "a"),
        (Literal[True, 1], True, True),
        (list[int], [1.0, 2.0], [1, 2]),
        (tuple[str, ...], ["a"], ("a",)),
        (dict[str, int], {"some_key": 1.0}, {"some_key": 1}),
        (int | None, None, None),
        (int | None, 5.0, 5),
        (int | str, "x", "x"),
        (int | float, 1.5, 1.5),
        (int | float, 2.0, 2),
        (Int64 | str, Int64(5), Int64(5)),
        (list[int] | int, [1.0], [1]),
        (Part, {"fileName": "x", "size": 1.0}, Part(file_name="x", size=1)),
        (Part | None, {"fileName": "x", "size": 1.0}, Part(file_name="x", size=1)),
        (
            Whole,
            {"parts": [{"fileName": "x", "size": 1.0, "note": "y"}], "mainPart": None},
            Whole(parts=[Part(file_name="x", size=1, note="y")], main_part=None),
        ),
        (
            Shape,
            {"sideLength": 1.0, "innerPart": {"fileName": "x", "size": 1.0}},
            {"side_length": 1.0, "inner_part": Part(file_name="x", size=1)},
        ),
        (Point, {"xAxis": 1.0, "yAxis": 2.0}, Point(1.0, 2)),
        (Plain, {"someName": "x"}, Plain("x")),
        (Created | Deleted, {"kind": "created", "at": 1.0}, Created(kind="created", at=1)),
        (Created | Deleted, {"kind": "removed", "at": 1.0}, Deleted(kind="removed", at=1)),
        (Left | Right, {"rightSize": 1.0}, Right(right_size=1)),
        (Left | Right | None, {"leftSize": 1.0}, Left(left_size=1)),
    ],
    ids=str,
)
def test_wire_value_becomes_the_declared_object_and_comes_back(
    annotation: Any, value: Any, decoded: Any
) -> None:
    codec = compile_annotation(annotation)

    result = codec.decode(value)

    assert result == decoded
    assert type(result) is type(decoded)
    assert codec.encode(result) == value
    assert codec.validator.accepts(value, None)


def test_absent_field_takes_the_default_of_the_class() -> None:
    assert compile_annotation(Point).decode({"xAxis": 1.0}) == Point(1.0, 7)
    assert compile_annotation(Part).decode({"fileName": "x", "size": 1.0}).note is UNSET


def test_absent_field_without_default_is_unset() -> None:
    @dataclass
    class Loose:
        name: str | Unset

    codec = compile_annotation(Loose)

    assert codec.decode({}) == Loose(UNSET)
    assert codec.encode(Loose(UNSET)) == {}


def test_absent_key_of_a_typed_dict_stays_absent() -> None:
    class Sparse(TypedDict, total=False):
        first_key: str

    assert compile_annotation(Sparse).decode({}) == {}
    assert compile_annotation(Sparse).encode({}) == {}


def test_fields_that_are_unset_are_left_out() -> None:
    assert compile_annotation(Part).encode(Part(file_name="x", size=1)) == {
        "fileName": "x",
        "size": 1.0,
    }


def test_tag_alone_chooses_the_member_of_a_union() -> None:
    codec = compile_annotation(Created | Deleted)

    # Tried one after another, no member would fit, and the union as a whole would be reported.
    with pytest.raises(ValidationError, match=r"Value: 1\.5\nValidator: v\.integer\(\)"):
        codec.decode({"kind": "removed", "at": 1.5})
    with pytest.raises(ValidationError, match=r"Validator: v\.union"):
        codec.decode({"kind": "unknown", "at": 1.0})


def test_int_that_is_fractional_is_refused_in_the_words_of_the_contract() -> None:
    with pytest.raises(ValidationError) as caught:
        compile_annotation(int).decode(1.5)

    assert caught.value.message == (
        "Value does not match validator.\n\nValue: 1.5\nValidator: v.integer()"
    )


def test_union_refuses_a_value_of_none_of_its_types() -> None:
    with pytest.raises(ValidationError, match="Value does not match validator"):
        compile_annotation(int | str).decode([])


@pytest.mark.parametrize(
    ("annotation", "identity"),
    [
        (str, True),
        (float, True),
        (list[str], True),
        (dict[str, float], True),
        (str | None, True),
        (Literal["a"], True),
        (Any, True),
        (int, False),
        (Literal[1], False),
        (list[int], False),
        (tuple[str, ...], False),
        (int | None, False),
        (Part, False),
        (dict[str, int], False),
    ],
    ids=str,
)
def test_codec_says_when_decoding_changes_nothing(annotation: Any, identity: bool) -> None:
    codec = compile_annotation(annotation)

    assert codec.identity == identity
    if identity:
        value = ["x", {"a": 1.0}]
        assert codec.decode(value) is value


class Loose(Struct):
    name: str | Unset


@pytest.mark.parametrize(
    ("annotation", "native"),
    [
        (int | None, int | None),
        (list[Part], list[Part]),
        (tuple[int, ...], tuple[int, ...]),
        (dict[str, float], dict[str, float]),
        (Literal["a", "b"], Literal["a", "b"]),
        (Part, Part),
        (Whole, Whole),
        # msgspec would make an int of 5.0 here, whatever comes first.
        (float | int, None),
        (str | Literal["a"], None),
        (Literal["a", 1], None),
        (Any, None),
        (list[Any], None),
        (Shape, None),
        (Point, None),
        (Plain, None),
        (Created | Deleted, None),
        (Loose, None),
    ],
    ids=str,
)
def test_msgspec_decodes_only_what_it_decodes_as_we_do(annotation: Any, native: Any) -> None:
    assert compile_annotation(annotation).native_type == native


def test_class_that_msgspec_cannot_decode_is_decoded_by_us() -> None:
    class Mixed(Struct):
        content: bytes | str

    codec = compile_annotation(Mixed)

    assert codec.native_type is None
    assert codec.decode({"content": b"x"}) == Mixed(content=b"x")


@pytest.mark.parametrize(
    ("annotation", "given_object", "value"),
    [
        (float, 5, 5.0),
        (list[float], (1, 2.5), [1.0, 2.5]),
        (list[float], [True], [True]),
        (Any, 5, 5.0),
        (Any, (1, [2]), [1.0, [2.0]]),
        (Any, StringColour.RED, "red"),
        (Any, Level.HIGH, 3.0),
        (Any, Sub("x"), "x"),
        (Any, OrderedDict(a=1), {"a": 1.0}),
        (Any, {Sub("k"): 1}, {"k": 1.0}),
        (Any, Part(file_name="x", size=1), {"fileName": "x", "size": 1.0}),
        (Any, Point(1.0, 2), {"xAxis": 1.0, "yAxis": 2.0}),
        (Any, Plain("x"), {"someName": "x"}),
        (
            Any,
            [{"some_key": Part(file_name="x", size=1)}],
            [{"some_key": {"fileName": "x", "size": 1.0}}],
        ),
        (dict[str, Any], Part(file_name="x", size=1), {"fileName": "x", "size": 1.0}),
        (Literal["red"], StringColour.RED, "red"),
        (str, StringColour.RED, "red"),
        (int | str, Level.HIGH, 3.0),
        (Part | None, None, None),
        (Left | Right, Right(right_size=2), {"rightSize": 2.0}),
        (
            Shape | None,
            {"side_length": 1, "inner_part": Part(file_name="x", size=1)},
            {"sideLength": 1.0, "innerPart": {"fileName": "x", "size": 1.0}},
        ),
        (
            Shape | list[Shape],
            [{"side_length": 1, "inner_part": {"fileName": "x", "size": 1}}],
            [{"sideLength": 1.0, "innerPart": {"fileName": "x", "size": 1.0}}],
        ),
    ],
    ids=str,
)
def test_what_python_has_more_of_is_encoded_as_its_value(
    annotation: Any, given_object: Any, value: Any
) -> None:
    encoded = compile_annotation(annotation).encode(given_object)

    assert encoded == value
    assert encode_json(encoded) == encode_json(value)
    assert type(encoded) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given_object"),
    [
        (str, 5.0),
        (list[str], "x"),
        (Part, {"fileName": "x"}),
        (Part, Point(1.0, 2)),
        (dict[str, str], ["x"]),
        (Shape, {"unknown_key": 1.0}),
        (Literal["a"], "b"),
        (int | None, "x"),
        (Left | Right, Part(file_name="x", size=1)),
    ],
    ids=str,
)
def test_object_of_another_type_is_encoded_as_it_is_for_the_validator_to_refuse(
    annotation: Any, given_object: Any
) -> None:
    codec = compile_annotation(annotation)

    encoded = codec.encode(given_object)

    assert encoded == ANY_CODEC.encode(given_object)
    assert not codec.validator.accepts(encoded, None)


@pytest.mark.parametrize(
    ("annotation", "given_object", "parts"),
    [
        (Any, {1}, ["`set`", "list"]),
        (Any, [{"a": datetime.datetime(2020, 1, 1)}], ["`datetime.datetime`", "`$[0].a`", "float"]),
        (Any, {"a": [Decimal(1)]}, ["Decimal", "`$.a[0]`"]),
        (Any, object(), ["`object`"]),
        (Any, {1: "x"}, ["`int`", "field names"]),
        (Any, {"a": {1: "x"}}, ["`int`", "`$.a"]),
        (Any, 2**60, ["2^53", "Int64"]),
        (Any, [UNSET], ["`UNSET`", "`$[0]`"]),
        (Any, {"a": UNSET}, ["`UNSET`", "`$.a`"]),
        (list[str], [UNSET], ["`UNSET`", "`$[0]`"]),
        (Part, Part(file_name=UNSET, size=1), ["`UNSET`", "`$.fileName`"]),
        (Whole, Whole(parts=[Part(file_name={1}, size=1)]), ["`set`", "`$.parts[0].fileName`"]),
        (Shape, {"side_length": {1}}, ["`set`", "`$.sideLength`"]),
        (dict[str, list[int]], {"a": [2**60]}, ["2^53", "`$.a[0]`"]),
        (dict[str, int], {1: 1}, ["`int`", "field names"]),
        (Any, (value for value in [1]), ["`generator`"]),
    ],
    ids=str,
)
def test_what_is_no_value_is_refused_with_its_path_and_type(
    annotation: Any, given_object: Any, parts: list[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        compile_annotation(annotation).encode(given_object)

    for part in parts:
        assert part in caught.value.message


def test_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(ValidationError, match="contains itself"):
        ANY_CODEC.encode(loop)


# The law of all codecs, over generated types and values.


class Inner(Struct):
    first_name: str
    count: int = 3
    extra: float | Unset = UNSET


class Outer(Struct):
    inner_list: list[Inner]
    by_name: dict[str, Inner]
    maybe_inner: Inner | None
    tuple_of: tuple[int, ...] = ()
    anything: Any = None


texts = st.text("abé", max_size=3)
floats = st.floats(allow_nan=False)
safe_ints = st.integers(-(2**53), 2**53)
names = st.text("ab", min_size=1, max_size=2)
inners = st.builds(Inner, first_name=texts, count=safe_ints, extra=floats | st.just(UNSET))
anything = st.recursive(
    st.none() | st.booleans() | floats | texts | st.binary(max_size=2) | st.just(Int64(5)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
outers = st.builds(
    Outer,
    inner_list=st.lists(inners, max_size=2),
    by_name=st.dictionaries(names, inners, max_size=2),
    maybe_inner=st.none() | inners,
    tuple_of=st.lists(safe_ints, max_size=2).map(tuple),
    anything=anything,
)

typed: st.SearchStrategy[tuple[Any, st.SearchStrategy[Any]]] = st.recursive(
    st.sampled_from(
        [
            (str, texts),
            (float, floats),
            (int, safe_ints),
            (bool, st.booleans()),
            (type(None), st.none()),
            (bytes, st.binary(max_size=3)),
            (Int64, st.integers(-(2**63), 2**63 - 1).map(Int64)),
            (Literal["a", 2], st.sampled_from(["a", 2])),
            (Any, anything),
            (Inner, inners),
            (Outer, outers),
        ]
    ),
    lambda inner: (
        inner.map(lambda pair: (list[pair[0]], st.lists(pair[1], max_size=3)))
        | inner.map(lambda pair: (tuple[pair[0], ...], st.lists(pair[1], max_size=3).map(tuple)))
        | inner.map(lambda pair: (dict[str, pair[0]], st.dictionaries(names, pair[1], max_size=3)))
        | inner.map(lambda pair: (pair[0] | None, st.none() | pair[1]))
    ),
    max_leaves=4,
)


@given(st.data())
def test_object_comes_back_from_the_wire_as_it_was(data: st.DataObject) -> None:
    annotation, objects = data.draw(typed)
    codec: Codec = compile_annotation(annotation)
    original = data.draw(objects)

    value = codec.encode(original)

    assert codec.validator.accepts(value, None)
    assert codec.decode(value) == original
    assert codec.encode(codec.decode(value)) == value


@given(st.data())
def test_codec_decodes_whatever_its_validator_accepts(data: st.DataObject) -> None:
    annotation, _ = data.draw(typed)
    other, objects = data.draw(typed)
    codec: Codec = compile_annotation(annotation)
    value = compile_annotation(other).encode(data.draw(objects))

    if codec.validator.accepts(value, None):
        again = codec.encode(codec.decode(value))
        assert codec.validator.accepts(again, None)


@given(outers)
def test_any_encodes_an_object_as_its_own_class_does(original: Outer) -> None:
    codec = codec_of_class(Outer)

    assert codec is not None
    assert ANY_CODEC.encode([original]) == [codec.encode(original)]
