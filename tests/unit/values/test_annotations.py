"""Annotations as codecs: which validator they are, and what is said about those that are none."""

from __future__ import annotations

import collections.abc
import datetime
import enum
import inspect
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
import pytest
from typing_extensions import TypeAliasType

from realtime.errors import DefinitionError, ValidationError
from realtime.values.annotations import (
    ANY_CODEC,
    Name,
    codec_of_class,
    compile_annotation,
    compile_member,
    declared_name,
    is_optional,
)
from realtime.values.id_type import Id
from realtime.values.struct import Struct, field
from realtime.values.validators import v
from realtime.values.value import UNSET, Int64, Unset


class Session:
    """Stands for a document class: an id only asks for the table."""

    __table_name__ = "sessions"


class Part(Struct):
    file_name: str
    is_new: bool = False
    note: str | Unset = UNSET


class Whole(Struct):
    parts: list[Part]
    session_id: Id[Session]


class Shape(TypedDict, total=False):
    kind: Required[Literal["a", "b"]]
    side_length: float
    name: str | None


class NamedShape(Shape):
    label: NotRequired[str]
    colour: str


@dataclass
class Point:
    x_axis: float
    y_axis: float = 0.0
    tags: list[str] = dataclass_field(default_factory=list)


class Plain(msgspec.Struct):
    some_name: str
    other: int = 0


class Renamed(msgspec.Struct, rename={"some_name": "kept_name"}):
    some_name: str


UserId = NewType("UserId", str)
MaybeText = TypeAliasType("MaybeText", str | Unset)
Pair = TypeAliasType("Pair", tuple[float, ...])

PART = (
    "v.object({fileName: v.string(), isNew: v.optional(v.boolean()), note: v.optional(v.string())})"
)


@pytest.mark.parametrize(
    ("annotation", "validator"),
    [
        (None, "v.null()"),
        (type(None), "v.null()"),
        (bool, "v.boolean()"),
        (float, "v.float64()"),
        (int, "v.integer()"),
        (Int64, "v.int64()"),
        (str, "v.string()"),
        (bytes, "v.bytes()"),
        (Any, "v.any()"),
        (object, "v.any()"),
        (Id, "v.id()"),
        (Id[Any], "v.id()"),
        (Id[Session], 'v.id("sessions")'),
        (Id["sessions"], 'v.id("sessions")'),
        (list, "v.array(v.any())"),
        (list[str], "v.array(v.string())"),
        (collections.abc.Sequence[str], "v.array(v.string())"),
        (tuple, "v.array(v.any())"),
        (tuple[str, ...], "v.array(v.string())"),
        (dict, "v.record(v.string(), v.any())"),
        (dict[str, float], "v.record(v.string(), v.float64())"),
        (dict[Id[Session], float], 'v.record(v.id("sessions"), v.float64())'),
        (collections.abc.Mapping[str, bool], "v.record(v.string(), v.boolean())"),
        (Literal["a"], 'v.literal("a")'),
        (Literal["a", 1, True], 'v.union(v.literal("a"), v.literal(1.0), v.literal(true))'),
        (Literal["a", None], 'v.union(v.literal("a"), v.null())'),
        (Literal[None], "v.null()"),
        (Optional[str], "v.union(v.string(), v.null())"),  # noqa: UP045
        (str | None, "v.union(v.string(), v.null())"),
        (Int64 | str, "v.union(v.int64(), v.string())"),
        (
            Union[Literal["a", "b"], int],  # noqa: UP007
            'v.union(v.literal("a"), v.literal("b"), v.integer())',
        ),
        (Id[Session] | None, 'v.union(v.id("sessions"), v.null())'),
        (Annotated[str, "a remark"], "v.string()"),
        (Annotated[str, v.literal("a")], 'v.literal("a")'),
        (Annotated[Int64, v.literal(Int64(5))], "v.literal(<bigint>)"),
        (Annotated[Any, v.string()], "v.string()"),
        (list[Annotated[float, v.literal(1.0)]], "v.array(v.literal(1.0))"),
        (UserId, "v.string()"),
        (Pair, "v.array(v.float64())"),
        (Part, PART),
        (Whole, f'v.object({{parts: v.array({PART}), sessionId: v.id("sessions")}})'),
        (
            Shape,
            'v.object({kind: v.union(v.literal("a"), v.literal("b")), name: v.optional('
            "v.union(v.string(), v.null())), sideLength: v.optional(v.float64())})",
        ),
        (
            Point,
            "v.object({tags: v.optional(v.array(v.string())), xAxis: v.float64(), "
            "yAxis: v.optional(v.float64())})",
        ),
        (Plain, "v.object({other: v.optional(v.integer()), someName: v.string()})"),
        (Renamed, "v.object({kept_name: v.string()})"),
    ],
    ids=str,
)
def test_annotation_is_its_validator(annotation: Any, validator: str) -> None:
    assert str(compile_annotation(annotation).validator) == validator


def test_typed_dict_keeps_the_marks_of_its_base_and_its_own() -> None:
    fields = compile_annotation(NamedShape).validator.to_json()["value"]

    assert {name: entry["optional"] for name, entry in fields.items()} == {
        "kind": False,
        "sideLength": True,
        "name": True,
        "label": True,
        "colour": False,
    }


class Colour(enum.Enum):
    RED = "red"


class StringColour(enum.StrEnum):
    RED = "red"


T = TypeVar("T")


class Box(Struct, Generic[T]):
    content: T


class Plainest:
    pass


@dataclass
class Computed:
    total: float = dataclass_field(init=False, default=0.0)


class HoldsASet(Struct):
    some_items: set[str]


class HoldsAHolder(Struct):
    inner: HoldsASet


class Clash(TypedDict):
    some_name: str
    someName: str


class MisnamedField(Struct):
    value: Annotated[str, Name("other")]


@pytest.mark.parametrize(
    ("annotation", "parts"),
    [
        (set[str], ["set[str]", "list"]),
        (frozenset, ["frozenset", "list"]),
        (datetime.datetime, ["datetime.datetime", "float", "milliseconds"]),
        (complex, ["complex"]),
        (tuple[str, int], ["tuple[str, int]", "tuple[X, ...]"]),
        (tuple[()], ["tuple[()]", "tuple[X, ...]"]),
        (dict[int, str], ["keys", "v.integer()"]),
        (dict[Literal["a"], str], ["keys", 'v.literal("a")']),
        (Colour, ["Colour", "Literal"]),
        (StringColour, ["StringColour", "Literal"]),
        (Literal[Colour.RED], ["Colour.RED", "plain value"]),
        (Literal[b"x"], ["b'x'", "plain value"]),
        (T, ["~T", "generic"]),
        (Box[str], ["Box[str]"]),
        (Plainest, ["Plainest", "Struct"]),
        ("str", ["'str'", "not resolved"]),
        (list[str | Unset], ["Unset"]),
        (Unset, ["Unset"]),
        (Annotated[int, v.int64()], ["int", "v.integer()", "v.int64()"]),
        (Annotated[str, v.number()], ["str", "v.float64()"]),
        (Annotated[str, v.optional(v.string())], ["v.optional(v.string())", "X | Unset"]),
        (HoldsASet, ["`some_items` of `HoldsASet`", "set[str]"]),
        (HoldsAHolder, ["`some_items` of `HoldsASet`", "set[str]"]),
        (Computed, ["`total` of `Computed`", "init=False"]),
        (Clash, ["Clash", "`some_name` and `someName`", "wire name"]),
        (MisnamedField, ["`value` of `MisnamedField`", 'field(name="other")']),
    ],
    ids=str,
)
def test_annotation_without_wire_form_is_refused_with_what_came(
    annotation: Any, parts: list[str]
) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_annotation(annotation)

    for part in parts:
        assert part in caught.value.message


def test_mistake_in_a_class_carries_file_and_line_of_the_class() -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_annotation(list[HoldsAHolder])

    place = caught.value.place
    assert place is not None
    file, _, line = place.rpartition(":")
    assert file == __file__
    with open(file) as source:
        assert source.readlines()[int(line) - 1] == "class HoldsASet(Struct):\n"


class Tree(Struct):
    children: list[Tree]


class Ping(TypedDict):
    pong: Pong


class Pong(TypedDict):
    ping: Ping | None


@pytest.mark.parametrize("cls", [Tree, Ping, Pong])
def test_class_that_contains_itself_is_refused(cls: type) -> None:
    with pytest.raises(DefinitionError, match=f"`{cls.__name__}` contains itself"):
        compile_annotation(cls)


def test_class_used_twice_side_by_side_does_not_contain_itself() -> None:
    class Twice(Struct):
        first: Part
        second: Part | Unset = UNSET

    assert compile_annotation(Twice).validator.to_json()["value"]["second"]["optional"]


def test_codec_of_a_class_is_made_once() -> None:
    assert codec_of_class(Part) is codec_of_class(Part)
    assert compile_annotation(Part) is codec_of_class(Part)


def test_subclass_has_a_codec_of_its_own() -> None:
    class Longer(Part):
        size: float

    assert codec_of_class(Longer) is not codec_of_class(Part)
    assert "size" in compile_annotation(Longer).validator.to_json()["value"]
    assert "fileName" in compile_annotation(Longer).validator.to_json()["value"]


def test_class_may_bring_its_own_codec() -> None:
    class Special:
        @classmethod
        def __codec__(cls) -> Any:
            return ANY_CODEC

    assert compile_annotation(Special) is ANY_CODEC


def test_class_without_fields_has_no_codec() -> None:
    assert codec_of_class(Plainest) is None
    assert codec_of_class(str) is None


def test_replaced_validator_is_checked_in_place_of_the_annotation() -> None:
    codec = compile_annotation(Annotated[int, v.literal(3)])

    assert codec.decode(3.0) == 3
    assert type(codec.decode(3.0)) is int
    assert codec.encode(3) == 3.0


def test_replaced_validator_that_lets_too_much_through_is_noticed_at_decoding() -> None:
    codec = compile_annotation(Annotated[Part, v.any()])

    assert codec.decode({"fileName": "x"}) == Part(file_name="x")
    with pytest.raises(ValidationError, match="Value does not match validator"):
        codec.decode("x")


@pytest.mark.parametrize(
    ("annotation", "optional", "name", "validator"),
    [
        (str, False, None, "v.string()"),
        (str | Unset, True, None, "v.string()"),
        (str | None | Unset, True, None, "v.union(v.string(), v.null())"),
        (Annotated[str, Name("from")], False, "from", "v.string()"),
        (Annotated[str | Unset, Name("from")], True, "from", "v.string()"),
        (Annotated[str, Name("from")] | Unset, True, "from", "v.string()"),
        (Annotated[str | Unset, v.literal("a")], True, None, 'v.literal("a")'),
        (Id[Session] | Unset, True, None, 'v.id("sessions")'),
        (MaybeText, True, None, "v.string()"),
    ],
    ids=str,
)
def test_parameter_tells_whether_it_is_optional_and_what_it_is_called(
    annotation: Any, optional: bool, name: str | None, validator: str
) -> None:
    member = compile_member("some_name", annotation, has_default=False)

    assert is_optional(annotation) == member.optional == member.unset_if_missing == optional
    assert declared_name(annotation) == name
    assert member.wire_name == (name or "someName")
    assert str(member.codec.validator) == validator
    assert str(compile_annotation(annotation).validator) == validator


def test_parameter_with_a_default_is_optional() -> None:
    member = compile_member("limit", int, has_default=True)

    assert member.optional
    assert not member.unset_if_missing


def test_missing_annotation_takes_every_value() -> None:
    assert compile_annotation(inspect.Parameter.empty) is ANY_CODEC
    assert compile_annotation(Any) is ANY_CODEC


def test_wire_name_of_a_field_can_be_declared_everywhere() -> None:
    class Message(Struct):
        sender: str = field(name="from")

    class Letter(TypedDict):
        sender: Annotated[str, Name("from")]

    for cls in (Message, Letter):
        assert str(compile_annotation(cls).validator) == "v.object({from: v.string()})"
