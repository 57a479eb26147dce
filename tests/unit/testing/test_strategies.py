"""What is made up fits what was declared."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime import (
    UNSET,
    Document,
    Id,
    Int64,
    MutationCtx,
    Struct,
    Unset,
    ValidationError,
    mutation,
    v,
)
from realtime.testing.strategies import arguments, documents, values
from realtime.values.json_encoding import decode_json, encode_json
from realtime.values.size import check_value_limits

VALIDATORS = (
    v.object(
        {
            "all": v.array(v.union(v.string(), v.null(), v.int64(), v.bytes(), v.boolean())),
            "any": v.any(),
            "by": v.record(v.string(), v.float64()),
            "ref": v.optional(v.id("notes")),
            "state": v.union(v.literal("on"), v.literal("off"), v.literal(3.0)),
        }
    ),
    v.integer(),
)


class Place(Struct):
    """Somewhere."""

    name: str
    floor: int | Unset = UNSET


class Note(Document, table="notes"):
    """A note."""

    topic: Literal["a", "b"]
    place: Place
    size: Int64
    after: Id[Note] | Unset = UNSET
    tags: list[str]


@mutation
async def add(ctx: MutationCtx, topic: str, after: Id[Note], count: int = 1) -> None:
    """Take arguments."""


@settings(max_examples=200)
@given(data=st.data(), validator=st.sampled_from(VALIDATORS))
def test_values_are_accepted_and_survive_the_wire(data: st.DataObject, validator: Any) -> None:
    value = data.draw(values(validator))

    assert validator.accepts(value, None)
    check_value_limits(value)
    assert encode_json(decode_json(encode_json(value))) == encode_json(value)


@given(note=documents(Note))
def test_documents_are_objects_that_fit_their_class(note: Note) -> None:
    codec: Any = Note.__codec__()

    assert type(note) is Note and type(note.place) is Place
    assert codec.validator.accepts(codec.encode(note), None)


@given(note=documents(Note, topic=st.just("b"), after=st.just("me")))
def test_fields_are_those_that_were_given(note: Note) -> None:
    assert (note.topic, note.after) == ("b", "me")


@given(args=arguments(add, after=st.just("some id")))
def test_arguments_are_those_of_the_function(args: dict[str, Any]) -> None:
    assert {"topic", "after"} <= args.keys() <= {"topic", "after", "count"}
    assert args["after"] == "some id"


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"`Note` has no field `topik`.*`topic`"):
        documents(Note, topik=st.none())
    with pytest.raises(ValidationError, match=r"no argument `aftr`.*`after`"):
        arguments(add, aftr=st.none())
