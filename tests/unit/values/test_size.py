"""Sizes, limits and names, with the contract's texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime.errors import LimitError, RealtimeError, ValidationError
from realtime.values.size import (
    check_document_limits,
    check_field_name,
    check_identifier,
    check_value_limits,
    size_of,
)
from realtime.values.value import UNSET, Int64

MIB = 1024 * 1024


def nested(levels: int) -> Any:
    value: Any = 1.0
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def message_of(check: Callable[[Any], None], argument: Any) -> str:
    with pytest.raises(RealtimeError) as caught:
        check(argument)
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        (Int64(5), 9),
        (5.0, 9),
        (5, 9),
        ("", 2),
        ("abc", 5),
        ("é\U0001f600", 8),
        (b"abc", 5),
        ([], 2),
        ([None, 1.0], 12),
        ((None, 1.0), 12),
        ({}, 2),
        ({"ab": None, "c": "x"}, 2 + 3 + 1 + 2 + 3),
        ({"a": {"b": [1.0, Int64(1)]}}, 2 + 2 + (2 + 2 + (2 + 18))),
    ],
)
def test_size_is_counted_as_the_contract_counts(value: Any, size: int) -> None:
    assert size_of(value) == size


@pytest.mark.parametrize("value", [UNSET, [{1}], {"a": object()}])
def test_size_of_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="Expected a value, got"):
        size_of(value)


@pytest.mark.parametrize(
    "value", [None, nested(64), [0.0] * 8192, {f"f{n}": 0.0 for n in range(1024)}]
)
def test_value_at_its_limits_is_accepted(value: Any) -> None:
    check_value_limits(value)


def test_value_of_32_mib_is_accepted_and_one_byte_more_is_not() -> None:
    check_value_limits(bytes(32 * MIB - 2))

    message = message_of(check_value_limits, bytes(32 * MIB - 1))

    assert message == "Value is too large (33554433 B > maximum size 32 MiB)"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (nested(65), "Value is too nested (nested 65 levels deep > maximum nesting 64)"),
        ([[0.0] * 8193], "Array length is too long (8193 > maximum length 8192)"),
        (
            {"a": {f"f{n}": 0.0 for n in range(1025)}},
            "Object has too many fields (1025 > maximum number 1024)",
        ),
        (bytes(48 * MIB), "Value is too large (48 MiB > maximum size 32 MiB)"),
    ],
)
def test_value_over_a_limit_is_refused(value: Any, message: str) -> None:
    assert message_of(check_value_limits, value) == message


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (nested(65), "ValueTooNested"),
        ([0.0] * 8193, "ArrayTooLong"),
        ({f"f{n}": 0.0 for n in range(1025)}, "ObjectHasTooManyFields"),
        (bytes(33 * MIB), "ValueTooLarge"),
    ],
)
def test_each_limit_has_a_code(value: Any, code: str) -> None:
    with pytest.raises(LimitError) as caught:
        check_value_limits(value)

    assert caught.value.code == code


def test_value_that_contains_itself_is_too_nested() -> None:
    loop: list[Any] = []
    loop += [loop, loop]

    assert "nested 65 levels deep" in message_of(check_value_limits, loop)


def test_document_of_one_mib_is_accepted_and_one_byte_more_is_not() -> None:
    frame = size_of({"a": ""})

    check_document_limits({"a": "x" * (MIB - frame)})
    message = message_of(check_document_limits, {"a": "x" * (MIB - frame + 1)})

    assert message == "Value is too large (1048577 B > maximum size 1 MiB)"


def test_size_of_a_document_is_told_in_mib() -> None:
    document = {"a": bytes(MIB + MIB // 2)}

    message = message_of(check_document_limits, document)

    assert message == "Value is too large (1.5 MiB > maximum size 1 MiB)"


def test_document_may_be_nested_16_levels_deep_counting_itself() -> None:
    check_document_limits({"a": nested(15)})

    message = message_of(check_document_limits, {"a": nested(16)})

    assert message == "Value is too nested (nested 17 levels deep > maximum nesting 16)"


def test_document_has_the_limits_of_values_on_its_members() -> None:
    fields = {f"f{n}": 0.0 for n in range(1025)}

    assert "too many fields" in message_of(check_document_limits, fields)
    assert "too long" in message_of(check_document_limits, {"a": [0.0] * 8193})


def test_document_has_no_field_with_an_underscore_but_the_system_fields() -> None:
    check_document_limits({"_id": "x", "_creationTime": 1.0, "a": {"_b": 1.0}})

    with pytest.raises(ValidationError) as caught:
        check_document_limits({"_foo": 1.0})

    assert caught.value.message == (
        "Field '_foo' starts with an underscore, which is only allowed for system fields like '_id'"
    )


@pytest.mark.parametrize("name", ["", "a", "a b", "_a", "a$", "~", "x" * 1024])
def test_field_name_of_printable_ascii_is_accepted(name: str) -> None:
    check_field_name(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("$a", "Field name $a starts with '$', which is reserved."),
        (
            "añb",
            "Field name añb has invalid character 'ñ': "
            "Field names can only contain non-control ASCII characters",
        ),
        (
            "a\nb",
            "Field name a\\nb has invalid character '\\n': "
            "Field names can only contain non-control ASCII characters",
        ),
        (
            "\ud800",
            "Field name \\ud800 has invalid character '\\ud800': "
            "Field names can only contain non-control ASCII characters",
        ),
        ("x" * 1025, "Field name is too long (1025 > maximum 1024)"),
    ],
)
def test_field_name_is_refused_with_the_text_of_the_contract(name: str, message: str) -> None:
    assert message_of(check_field_name, name) == message


@pytest.mark.parametrize("name", ["a", "_a", "a_", "A9", "x" * 64])
def test_identifier_of_letters_digits_and_underscores_is_accepted(name: str) -> None:
    check_identifier(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Identifier cannot be empty"),
        ("_", "Identifier _ cannot have exclusively underscores"),
        ("___", "Identifier ___ cannot have exclusively underscores"),
        ("x" * 65, "Identifier is too long (65 > maximum 64)"),
        (
            "1a",
            "Invalid first character '1' in 1a: "
            "Identifiers must start with an alphabetic character or underscore",
        ),
        (
            "é",
            "Invalid first character 'é' in é: "
            "Identifiers must start with an alphabetic character or underscore",
        ),
        (
            "a-b",
            "Identifier a-b has invalid character '-': "
            "Identifiers can only contain alphanumeric characters or underscores",
        ),
        (
            "a\n",
            "Identifier a\\n has invalid character '\\n': "
            "Identifiers can only contain alphanumeric characters or underscores",
        ),
    ],
)
def test_identifier_is_refused_with_the_text_of_the_contract(name: str, message: str) -> None:
    assert message_of(check_identifier, name) == message


@pytest.mark.parametrize("check", [check_field_name, check_identifier])
def test_bad_name_is_a_validation_error(check: Callable[[str], None]) -> None:
    with pytest.raises(ValidationError):
        check("$")
