"""Documents between stored JSON, wire values and objects."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import DefinitionError, ValidationError
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.annotations import compile_annotation
from realtime.values.id_type import Id
from realtime.values.json_encoding import encode_json
from realtime.values.struct import Struct, field
from realtime.values.validators import v
from realtime.values.value import UNSET, Int64, Unset


class Changes(Struct):
    files: list[str]
    committed: bool
    commit_sha: str | Unset = UNSET


class Frozen(Struct):
    names: tuple[str, ...] = ()


class Message(Document, table="messages"):
    session_id: Id[Session]
    role: Literal["user", "assistant"]
    content: str
    timestamp: float
    position: int = 0
    changes: Changes | Unset = UNSET
    frozen: Frozen | None = None


class Session(Document, table="sessions"):
    list: str
    labels: list[str] = field(default_factory=lambda: ["new"])


class Everything(Document, table="everything"):
    anything: Any
    number: Int64 | str | None
    content: bytes | None = None
    by_name: dict[str, Changes] = field(default_factory=dict)


@dataclass
class Point:
    x_axis: float


class Blob(Document, table="blobs"):
    content: dict[str, str] | bytes
    shape: Annotated[Changes, v.any()] | Unset = UNSET


class Pinned(Document, table="pinned"):
    point: Point


MESSAGES = DocumentCodec.of(Message)
EVERYTHING = DocumentCodec.of(Everything)

STORED: dict[str, Any] = {
    "_id": "m1",
    "_creationTime": 1.5,
    "sessionId": "s1",
    "role": "user",
    "content": "hello",
    "timestamp": 5.0,
    "position": 3.0,
    "changes": {"files": ["a", "b"], "committed": False},
}


def test_stored_json_becomes_the_object_of_its_class() -> None:
    message = MESSAGES.decode_json(encode_json(STORED))

    assert type(message) is Message
    assert (message.id, message.creation_time) == ("m1", 1.5)
    assert (message.timestamp, type(message.timestamp)) == (5.0, float)
    assert (message.position, type(message.position)) == (3, int)
    assert message.changes == Changes(files=["a", "b"], committed=False)
    assert MESSAGES.encode(message) == {**STORED, "frozen": None}


@pytest.mark.parametrize(
    "codec", [MESSAGES, DocumentCodec.of(Session)], ids=lambda codec: codec.table_name
)
def test_plain_classes_are_decoded_by_msgspec_alone(codec: DocumentCodec) -> None:
    assert codec.native_type is codec.document_class


@pytest.mark.parametrize(
    "codec", [EVERYTHING, DocumentCodec.of(Pinned)], ids=lambda codec: codec.table_name
)
def test_classes_that_msgspec_would_decode_otherwise_take_the_general_way(
    codec: DocumentCodec,
) -> None:
    assert codec.native_type is None


def test_plain_document_is_one_call_of_the_decoder() -> None:
    raw = encode_json(STORED)
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            calls.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        MESSAGES.decode_json(raw)
    finally:
        sys.setprofile(None)

    assert calls == ["decode_json"]


def test_bytes_beside_a_dictionary_are_not_taken_for_one() -> None:
    blobs = DocumentCodec.of(Blob)
    stored = {"_id": "b", "_creationTime": 1.0, "content": b"x"}

    assert blobs.native_type is Blob
    assert blobs.decode_json(encode_json(stored)).content == b"x"


def test_numbers_under_any_are_floats() -> None:
    raw = encode_json({"_id": "e", "_creationTime": 1.0, "anything": [1.0], "number": None})

    everything = EVERYTHING.decode_json(raw)

    assert type(everything.anything[0]) is float
    assert (everything.content, everything.by_name) == (None, {})


def test_special_values_take_the_general_way() -> None:
    stored = {
        "_id": "e",
        "_creationTime": 1.0,
        "anything": [Int64(1), b"x", float("inf")],
        "number": Int64(7),
        "content": b"y",
    }

    everything = EVERYTHING.decode_json(encode_json(stored))

    assert everything.anything == [Int64(1), b"x", float("inf")]
    assert (everything.number, everything.content) == (Int64(7), b"y")
    assert MESSAGES.decode_json(encode_json({**STORED, "timestamp": float("inf")})).timestamp == (
        float("inf")
    )


def test_text_that_looks_like_a_special_value_is_text() -> None:
    raw = encode_json({**STORED, "content": '$5 "$integer"'})

    assert MESSAGES.decode_json(raw).content == '$5 "$integer"'


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"timestamp": "x"}, 'Path: .timestamp\nValue: "x"\nValidator: v.float64()'),
        ({"position": 1.5}, "Path: .position\nValue: 1.5"),
        ({"role": "robot"}, "Path: .role"),
        ({"extra": 1.0}, "extra field `extra`"),
        ({"changes": {"files": []}}, "missing the required field `committed`"),
        ({"changes": {"files": [], "committed": True, "more": None}}, "extra field `more`"),
        ({"timestamp": float("inf"), "role": "$"}, "Path: .role"),
    ],
)
def test_stored_document_that_does_not_fit_its_class_is_refused(
    changed: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        MESSAGES.decode_json(encode_json({**STORED, **changed}))

    assert "table `messages`" in caught.value.message
    assert "`Message`" in caught.value.message
    assert text in caught.value.message


def test_validator_of_a_document_has_the_system_fields_and_that_of_the_schema_not() -> None:
    assert str(DocumentCodec.of(Session).validator) == (
        'v.object({_creationTime: v.float64(), _id: v.id("sessions"), '
        "labels: v.optional(v.array(v.string())), list: v.string()})"
    )
    assert str(DocumentCodec.of(Session).fields_validator) == (
        "v.object({labels: v.optional(v.array(v.string())), list: v.string()})"
    )


def test_codec_of_a_class_is_one_object_wherever_the_class_is_used() -> None:
    assert DocumentCodec.of(Message) is MESSAGES
    assert compile_annotation(Message) is MESSAGES
    assert compile_annotation(list[Message]).validator.element is MESSAGES.validator  # type: ignore[attr-defined]
    union = compile_annotation(Message | None).validator
    assert any(member is MESSAGES.validator for member in union.members)  # type: ignore[attr-defined]


def test_document_that_was_not_stored_lacks_its_system_fields() -> None:
    session = Session(list="x")

    assert DocumentCodec.of(Session).encode(session) == {"list": "x", "labels": ["new"]}


def test_fields_are_encoded_under_their_wire_names() -> None:
    encoded = MESSAGES.encode_fields(
        {
            "session_id": "s1",
            "position": 5,
            "changes": Changes(files=["a"], committed=True),
            "frozen": {"names": ["x"]},
        }
    )

    assert encoded == {
        "sessionId": "s1",
        "position": 5.0,
        "changes": {"files": ["a"], "committed": True},
        "frozen": {"names": ["x"]},
    }


def test_unset_stays_among_encoded_fields() -> None:
    assert MESSAGES.encode_fields({"changes": UNSET, "frozen": None}) == {
        "changes": UNSET,
        "frozen": None,
    }


def test_system_fields_are_encoded_for_the_database_to_compare() -> None:
    assert MESSAGES.encode_fields({"id": "m1", "creation_time": 5}) == {
        "_id": "m1",
        "_creationTime": 5.0,
    }


@pytest.mark.parametrize("name", ["sesion_id", "sessionId"])
def test_unknown_field_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MESSAGES.encode_fields({name: "x"})

    assert caught.value.message == (f"`Message` has no field `{name}`; did you mean `session_id`?")


def test_dotted_path_is_no_field_to_write() -> None:
    with pytest.raises(ValidationError, match=r"no field `changes\.committed`"):
        MESSAGES.encode_fields({"changes.committed": True})


def test_part_of_a_field_that_is_no_value_is_refused_with_its_path() -> None:
    with pytest.raises(ValidationError, match=r"`set`.*`\$\.changes\.files\[0\]`"):
        MESSAGES.encode_fields({"changes": {"files": [{1}]}})


def test_defaults_of_the_class_are_filled_into_new_documents_only() -> None:
    sessions = DocumentCodec.of(Session)

    first = sessions.encode_new_fields({"list": "x"})
    second = sessions.encode_new_fields({"list": "x"})

    assert first == {"list": "x", "labels": ["new"]}
    assert first["labels"] is not second["labels"]
    assert sessions.encode_fields({"list": "x"}) == {"list": "x"}
    assert sessions.encode_new_fields({"list": "x", "labels": []}) == {"list": "x", "labels": []}


def test_unset_fields_of_new_documents_are_left_out() -> None:
    encoded = MESSAGES.encode_new_fields({"content": "x", "changes": UNSET, "position": UNSET})

    assert encoded == {"content": "x", "frozen": None}


@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("session_id", "sessionId"),
        ("id", "_id"),
        ("creation_time", "_creationTime"),
        ("changes.commit_sha", "changes.commitSha"),
        ("frozen.names", "frozen.names"),
    ],
)
def test_path_has_wire_names_at_each_step(path: str, wire: str) -> None:
    assert MESSAGES.wire_name(path) == wire


def test_steps_below_data_stay_as_they_are() -> None:
    assert EVERYTHING.wire_name("anything.some_key.more") == "anything.some_key.more"
    assert EVERYTHING.wire_name("by_name.some_key") == "byName.some_key"


def test_path_goes_through_a_class_with_a_validator_of_its_own() -> None:
    assert DocumentCodec.of(Blob).wire_name("shape.commit_sha") == "shape.commitSha"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("sesion_id", "session_id"),
        ("changes.comit_sha", "changes.commit_sha"),
        ("timestamp.milliseconds", None),
    ],
)
def test_unknown_path_is_refused_with_the_nearest(path: str, meant: str | None) -> None:
    with pytest.raises(ValidationError) as caught:
        MESSAGES.wire_name(path)

    assert f"`Message` has no field `{path}`" in caught.value.message
    assert meant is None or f"did you mean `{meant}`?" in caught.value.message


@pytest.mark.parametrize(
    ("changed", "frozen"),
    [
        ({"changes": UNSET}, True),
        ({"changes": {"files": [], "committed": True}}, False),
        ({"changes": UNSET, "frozen": {"names": ["x"]}}, True),
        ({"changes": UNSET, "frozen": None}, True),
    ],
)
def test_document_is_frozen_unless_it_holds_a_list(changed: dict[str, Any], frozen: bool) -> None:
    stored = {name: x for name, x in {**STORED, **changed}.items() if x is not UNSET}

    assert MESSAGES.is_frozen(MESSAGES.decode_json(encode_json(stored))) == frozen


@pytest.mark.parametrize("anything", [[], {}, [1.0]])
def test_document_that_holds_data_is_not_frozen(anything: Any) -> None:
    stored = {"_id": "e", "_creationTime": 1.0, "anything": anything, "number": "x"}

    assert not EVERYTHING.is_frozen(EVERYTHING.decode_json(encode_json(stored)))


def test_document_with_a_dataclass_is_not_frozen() -> None:
    codec = DocumentCodec.of(Pinned)
    raw = encode_json({"_id": "p", "_creationTime": 1.0, "point": {"xAxis": 1.0}})

    assert not codec.is_frozen(codec.decode_json(raw))


def test_mistake_in_a_field_is_told_with_class_and_place() -> None:
    class Wrong(Document, table="wrong"):
        tags: set[str]

    with pytest.raises(DefinitionError, match="`tags` of `Wrong`") as caught:
        DocumentCodec.of(Wrong)

    assert caught.value.place is not None
    assert caught.value.place.startswith(__file__)


# msgspec's way and the general way are one.

texts = st.text("ab$é", max_size=4)
floats = st.floats(allow_nan=False) | st.integers(-5, 5).map(float)
plain = st.none() | st.booleans() | floats | texts | st.sampled_from(["user", Int64(1), b"x"])
lists = st.lists(texts | plain, max_size=2)
changes = st.fixed_dictionaries(
    {"files": lists | plain, "committed": st.booleans() | plain},
    optional={"commitSha": texts | plain, "other": plain},
)
stored_messages = st.fixed_dictionaries(
    {
        "_id": st.just("m1"),
        "_creationTime": st.just(1.0),
        "sessionId": texts,
        "role": st.sampled_from(["user", "assistant", "robot"]) | plain,
        "content": texts,
        "timestamp": floats | plain,
    },
    optional={
        "position": floats | st.integers(-(2**53), 2**53).map(float) | plain,
        "changes": changes | plain,
        "frozen": st.none() | st.fixed_dictionaries({}, optional={"names": lists}),
        "other": plain,
    },
)


@given(stored_messages)
def test_document_is_decoded_exactly_if_its_validator_accepts_it(stored: dict[str, Any]) -> None:
    raw = encode_json(stored)

    if not MESSAGES.validator.accepts(stored, None):
        with pytest.raises(ValidationError):
            MESSAGES.decode_json(raw)
        return
    message = MESSAGES.decode_json(raw)
    assert message == MESSAGES.decode(stored)
    assert type(message.timestamp) is float
    assert type(message.position) is int
    assert MESSAGES.decode(MESSAGES.encode(message)) == message


valid_messages = st.builds(
    Message,
    session_id=texts,
    role=st.sampled_from(["user", "assistant"]),
    content=texts,
    timestamp=floats,
    position=st.integers(-(2**53), 2**53),
    changes=st.just(UNSET)
    | st.builds(
        Changes,
        files=st.lists(texts, max_size=2),
        committed=st.booleans(),
        commit_sha=st.just(UNSET) | texts,
    ),
    frozen=st.none() | st.builds(Frozen, names=st.lists(texts, max_size=2).map(tuple)),
)


@given(valid_messages)
def test_document_comes_back_from_the_storage_as_it_was(message: Message) -> None:
    system = {"_id": "m1", "_creationTime": 1.0}
    raw = encode_json({**MESSAGES.encode(message), **system})

    again = MESSAGES.decode_json(raw)

    assert MESSAGES.encode(again) == {**MESSAGES.encode(message), **system}
    assert encode_json(MESSAGES.encode(again)) == raw
