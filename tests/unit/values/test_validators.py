"""Validators: what they accept, the contract's texts for what they do not, and their JSON form."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import DefinitionError, ValidationError
from realtime.values.ids import encode_id
from realtime.values.validators import (
    IdValidator,
    LiteralValidator,
    UnionValidator,
    Validator,
    v,
)
from realtime.values.value import Int64


class Tables:
    """Three tables, one of them of the system."""

    def table_name(self, number: int) -> str | None:
        return {1: "_storage", 10001: "messages", 10002: "sessions"}.get(number)


TABLES = Tables()
MESSAGE_ID = encode_id(10001, bytes(16))
SESSION_ID = encode_id(10002, bytes(16))
STORAGE_ID = encode_id(1, bytes(16))
UNKNOWN_ID = encode_id(10009, bytes(16))


def text_of(validator: Validator, value: Any) -> str:
    """Return the text with which `validator` refuses `value`."""
    with pytest.raises(ValidationError) as caught:
        validator.check(value, TABLES)
    return caught.value.message


@pytest.mark.parametrize(
    ("validator", "good", "bad"),
    [
        (v.null(), [None], [0.0, False, "", {}]),
        (v.number(), [1.0, -0.0, math.nan, math.inf], [1, Int64(1), "1", True, None]),
        (v.float64(), [1.5], [Int64(1)]),
        (
            v.integer(),
            [5.0, 0.0, -(2.0**53)],
            [1.5, math.nan, math.inf, 2.0**53 + 2, -(2.0**53) - 2, Int64(5), 5],
        ),
        (v.int64(), [Int64(1)], [1.0, 1]),
        (v.bigint(), [Int64(-1)], [1.0]),
        (v.boolean(), [True, False], [0.0, 1.0, None]),
        (v.string(), ["", "x"], [b"x", None, 1.0]),
        (v.bytes(), [b"", b"x"], ["x"]),
        (v.any(), [None, 1.0, Int64(1), "x", b"", [1.0], {"a": None}], []),
        (v.literal("a"), ["a"], ["b", b"a", None]),
        (v.literal(1), [1.0], [2.0, True, Int64(1), "1"]),
        (v.literal(True), [True], [False, 1.0]),
        (v.literal(Int64(5)), [Int64(5)], [5.0, Int64(6)]),
        (v.array(v.string()), [[], ["a", "b"]], [["a", 1.0], "ab", {}]),
        (v.object({"a": v.string()}), [{"a": "x"}], [{}, {"a": 1.0}, {"a": "x", "b": 1.0}, []]),
        (v.object({"a": v.optional(v.string())}), [{}, {"a": "x"}], [{"a": None}, {"b": "x"}]),
        (v.record(v.string(), v.number()), [{}, {"a": 1.0}], [{"a": "x"}, []]),
        (v.union(v.string(), v.null()), ["x", None], [1.0]),
        (v.union(v.literal("a"), v.literal("b"), v.number()), ["a", "b", 1.0], ["c", None]),
        (v.union(), [], [None, "x"]),
        (v.nullable(v.string()), ["x", None], [1.0]),
        (v.id("messages"), [MESSAGE_ID], [SESSION_ID, UNKNOWN_ID, "x", 1.0]),
        (v.id("_storage"), [STORAGE_ID], [MESSAGE_ID]),
        (IdValidator(), [MESSAGE_ID, SESSION_ID, STORAGE_ID], [UNKNOWN_ID, "x"]),
    ],
    ids=lambda item: str(item) if isinstance(item, Validator) else "",
)
def test_validator_accepts_its_values_and_no_others(
    validator: Validator, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        validator.check(value, TABLES)
        assert validator.accepts(value, TABLES)
        assert type(value) in validator.wire_types
    for value in bad:
        assert not validator.accepts(value, TABLES)
        assert text_of(validator, value)


def test_missing_field_has_the_text_of_the_contract() -> None:
    validator = v.object({"text": v.string(), "channel": v.string()})

    assert text_of(validator, {"channel": "test"}) == (
        "Object is missing the required field `text`. Consider wrapping the field validator in "
        "`v.optional(...)` if this is expected.\n"
        "\n"
        'Object: {channel: "test"}\n'
        "Validator: v.object({channel: v.string(), text: v.string()})"
    )


def test_extra_field_has_the_text_of_the_contract() -> None:
    assert text_of(v.object({"name": v.string()}), {"name": "x", "extra": 1.0}) == (
        "Object contains extra field `extra` that is not in the validator.\n"
        "\n"
        'Object: {extra: 1.0, name: "x"}\n'
        "Validator: v.object({name: v.string()})"
    )


def test_value_of_the_wrong_type_has_the_text_of_the_contract() -> None:
    assert text_of(v.object({"name": v.string()}), {"name": 123.0}) == (
        "Value does not match validator.\nPath: .name\nValue: 123.0\nValidator: v.string()"
    )


def test_mismatch_at_the_root_has_an_empty_context_line() -> None:
    assert text_of(v.string(), Int64(123)) == (
        "Value does not match validator.\n\nValue: 123\nValidator: v.string()"
    )


def test_id_of_another_table_has_the_text_of_the_contract() -> None:
    assert text_of(v.id("messages"), SESSION_ID) == (
        f'Found ID "{SESSION_ID}" from table `sessions`, which does not match the table name in '
        'validator `v.id("messages")`.'
    )
    assert text_of(v.object({"to": v.id("messages")}), {"to": SESSION_ID}).endswith(
        'validator `v.id("messages")`.Path: .to'
    )


def test_id_of_a_system_table_has_the_text_of_the_contract() -> None:
    assert text_of(v.id("messages"), STORAGE_ID) == (
        f'Found ID "{STORAGE_ID}" from a system table, which does not match the table name in '
        'validator `v.id("messages")`.'
    )


@pytest.mark.parametrize("text", ["nonsense", UNKNOWN_ID])
def test_id_that_is_none_of_any_table_does_not_match(text: str) -> None:
    assert text_of(v.id("messages"), text) == (
        f'Value does not match validator.\n\nValue: "{text}"\nValidator: v.id("messages")'
    )


def test_wrong_literal_has_the_text_of_the_contract() -> None:
    assert text_of(v.literal("a"), "b") == (
        '`"b"` does not match literal validator `v.literal("a")`.'
    )


def test_path_goes_through_objects_lists_and_records() -> None:
    validator = v.object({"a": v.object({"b": v.array(v.record(v.string(), v.number()))})})

    assert "\nPath: .a.b[1].values()\n" in text_of(validator, {"a": {"b": [{}, {"x": "y"}]}})


def test_key_of_a_record_is_named_in_the_path() -> None:
    validator = v.record(v.id("messages"), v.any())

    assert "\nPath: .keys()\n" in text_of(validator, {"nonsense": None})


def test_fields_are_checked_in_order_of_their_names_and_extra_fields_last() -> None:
    validator = v.object({"b": v.string(), "a": v.string()})

    assert "Path: .a\n" in text_of(validator, {"b": 1.0, "a": 1.0, "0": 1.0})
    assert "missing the required field `a`" in text_of(validator, {"b": 1.0})
    assert "extra field `0`" in text_of(validator, {"b": "", "a": "", "z": 1.0, "0": 1.0})


def test_union_reports_itself_as_a_whole() -> None:
    validator = v.union(v.object({"a": v.string()}), v.null())

    assert text_of(validator, {"a": 1.0}) == (
        "Value does not match validator.\n\nValue: {a: 1.0}\n"
        "Validator: v.union(v.object({a: v.string()}), v.null())"
    )


def test_union_of_one_member_reports_as_that_member() -> None:
    assert "Path: .a" in text_of(v.union(v.object({"a": v.string()})), {"a": 1.0})


@pytest.mark.parametrize(
    ("validator", "text", "json"),
    [
        (v.id("t"), 'v.id("t")', {"type": "id", "tableName": "t"}),
        (IdValidator(), "v.id()", {"type": "string"}),
        (v.null(), "v.null()", {"type": "null"}),
        (v.number(), "v.float64()", {"type": "number"}),
        (v.float64(), "v.float64()", {"type": "number"}),
        (v.integer(), "v.integer()", {"type": "number"}),
        (v.int64(), "v.int64()", {"type": "bigint"}),
        (v.bigint(), "v.int64()", {"type": "bigint"}),
        (v.boolean(), "v.boolean()", {"type": "boolean"}),
        (v.string(), "v.string()", {"type": "string"}),
        (v.bytes(), "v.bytes()", {"type": "bytes"}),
        (v.any(), "v.any()", {"type": "any"}),
        (v.literal("a"), 'v.literal("a")', {"type": "literal", "value": "a"}),
        (v.literal(1.0), "v.literal(1.0)", {"type": "literal", "value": 1}),
        (v.literal(math.inf), "v.literal(<number>)", None),
        (v.literal(True), "v.literal(true)", {"type": "literal", "value": True}),
        (
            v.literal(Int64(1)),
            "v.literal(<bigint>)",
            {"type": "literal", "value": {"$integer": "AQAAAAAAAAA="}},
        ),
        (
            v.array(v.string()),
            "v.array(v.string())",
            {"type": "array", "value": {"type": "string"}},
        ),
        (
            v.object({"b": v.null(), "a": v.optional(v.string())}),
            "v.object({a: v.optional(v.string()), b: v.null()})",
            {
                "type": "object",
                "value": {
                    "a": {"fieldType": {"type": "string"}, "optional": True},
                    "b": {"fieldType": {"type": "null"}, "optional": False},
                },
            },
        ),
        (
            v.record(v.string(), v.null()),
            "v.record(v.string(), v.null())",
            {
                "type": "record",
                "keys": {"type": "string"},
                "values": {"fieldType": {"type": "null"}, "optional": False},
            },
        ),
        (
            v.nullable(v.string()),
            "v.union(v.string(), v.null())",
            {"type": "union", "value": [{"type": "string"}, {"type": "null"}]},
        ),
    ],
    ids=str,
)
def test_validator_prints_as_its_call_and_has_the_json_of_the_contract(
    validator: Validator, text: str, json: Any
) -> None:
    assert str(validator) == text
    if json is not None:
        assert validator.to_json() == json


def test_object_validators_are_made_of_others() -> None:
    base = v.object({"a": v.string(), "b": v.optional(v.number()), "c": v.null()})

    assert str(base.pick("c", "a")) == "v.object({a: v.string(), c: v.null()})"
    assert str(base.omit("a", "c")) == "v.object({b: v.optional(v.float64())})"
    assert str(base.pick("a").extend({"d": v.optional(v.null()), "a": v.bytes()})) == (
        "v.object({a: v.bytes(), d: v.optional(v.null())})"
    )
    assert str(base.pick("a", "b").partial()) == (
        "v.object({a: v.optional(v.string()), b: v.optional(v.float64())})"
    )
    assert str(base) == str(v.object({"a": v.string(), "b": v.optional(v.number()), "c": v.null()}))


@pytest.mark.parametrize("verb", ["pick", "omit"])
def test_field_that_an_object_does_not_have_is_refused_with_the_nearest(verb: str) -> None:
    with pytest.raises(DefinitionError, match="has no field `boddy`; did you mean `body`"):
        getattr(v.object({"body": v.string()}), verb)("boddy")


def test_pagination_options_are_those_that_clients_send() -> None:
    options = v.pagination_options()

    options.check({"numItems": 10.0, "cursor": None, "id": 1.0}, TABLES)
    options.check({"numItems": 10.0, "cursor": "x", "endCursor": None}, TABLES)
    options.check(
        {"numItems": 1.0, "cursor": None, "maximumRowsRead": 2.0, "maximumBytesRead": 3.0}, TABLES
    )
    assert "`cursor`" in text_of(options, {"numItems": 10.0})


@pytest.mark.parametrize(
    ("define", "parts"),
    [
        (lambda: v.array(v.optional(v.string())), ["v.array", "v.optional(v.string())"]),
        (lambda: v.union(v.optional(v.string())), ["v.union", "optional"]),
        (lambda: v.optional(v.optional(v.string())), ["v.optional", "optional"]),
        (lambda: v.record(v.string(), v.optional(v.null())), ["v.record", "optional"]),
        (lambda: v.array("string"), ["v.array", "string"]),
        (lambda: v.object({"a": str}), ["`a`", "v.string()", "str"]),
        (lambda: v.object({"a-b": v.string()}), ["a-b", "-"]),
        (lambda: v.object({1: v.string()}), ["1"]),
        (lambda: v.id(""), ["empty"]),
        (lambda: v.id(None), ["table", "None"]),
        (lambda: v.record(v.literal("a"), v.null()), ["keys", 'v.literal("a")']),
        (lambda: v.record(v.number(), v.null()), ["keys", "v.float64()"]),
        (lambda: v.record(v.any(), v.null()), ["keys", "v.any()"]),
        (lambda: v.literal(None), ["v.null()"]),
        (lambda: v.literal(b"x"), ["b'x'"]),
        (lambda: v.literal(2**60), ["2^53"]),
    ],
)
def test_mistake_in_a_definition_says_what_came(define: Any, parts: list[str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        define()

    for part in parts:
        assert part in caught.value.message


def test_keys_of_a_record_may_be_ids_and_unions_of_them_with_strings() -> None:
    validator = v.record(v.union(v.id("messages"), v.string()), v.null())

    validator.check({MESSAGE_ID: None, "x": None}, TABLES)


def test_without_tables_ids_are_taken_at_their_word() -> None:
    validator = v.object({"id": v.id("messages")})

    assert validator.accepts({"id": "anything"}, None)
    assert not validator.accepts({"id": 1.0}, None)


names = st.text("ab_", min_size=1, max_size=3).filter(lambda name: bool(name.strip("_")))
ids = st.sampled_from([MESSAGE_ID, SESSION_ID, STORAGE_ID, UNKNOWN_ID, "nonsense"])
scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0.0, 1.0, 1.5, math.nan, 2.0**60])
    | st.sampled_from([Int64(0), Int64(1)])
    | st.text("ab", max_size=2)
    | ids
    | st.binary(max_size=2)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
literals = st.sampled_from(["a", "b", 1.0, True, Int64(1)]).map(LiteralValidator)
leaves = literals | st.sampled_from(
    [
        v.null(),
        v.number(),
        v.integer(),
        v.int64(),
        v.boolean(),
        v.string(),
        v.bytes(),
        v.any(),
        v.id("messages"),
        IdValidator(),
    ]
)


def _composites(inner: st.SearchStrategy[Validator]) -> st.SearchStrategy[Validator]:
    members = st.tuples(inner, st.booleans()).map(lambda m: v.optional(m[0]) if m[1] else m[0])
    return (
        inner.map(v.array)
        | st.dictionaries(names, members, max_size=3).map(v.object)
        | inner.map(lambda value: v.record(v.string(), value))
        | st.lists(inner, max_size=3).map(lambda found: v.union(*found))
    )


validators = st.recursive(leaves, _composites, max_leaves=6)


@given(validators, values)
def test_quick_answer_and_explanation_agree(validator: Validator, value: Any) -> None:
    text = validator.mismatch(value, TABLES, "")

    assert validator.accepts(value, TABLES) == (text is None)


@given(validators, values)
def test_what_is_accepted_has_one_of_the_wire_types(validator: Validator, value: Any) -> None:
    if validator.accepts(value, TABLES):
        assert type(value) in validator.wire_types


@given(st.lists(validators, max_size=4), values)
def test_union_accepts_what_a_member_accepts(members: list[Validator], value: Any) -> None:
    expected = any(member.accepts(value, TABLES) for member in members)

    assert UnionValidator(tuple(members)).accepts(value, TABLES) == expected


def test_order_of_declaration_makes_no_difference() -> None:
    first = v.object({"b": v.string(), "a": v.null()})
    second = v.object({"a": v.null(), "b": v.string()})

    assert first == second
    assert str(first) == str(second)
    assert list(first.to_json()["value"]) == list(second.to_json()["value"]) == ["a", "b"]
