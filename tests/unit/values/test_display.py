"""Values in error texts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from realtime.values.display import display_value
from realtime.values.value import UNSET, Int64


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"channel": "test"}, '{channel: "test"}'),
        ({"name": "x", "extra": 1.0}, '{extra: 1.0, name: "x"}'),
        (123.0, "123.0"),
        (123, "123.0"),
        (Int64(123), "123"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ('a "b"\n\\', '"a \\"b\\"\\n\\\\"'),
        ("é\U0001f600", '"é\U0001f600"'),
        (b"\x00\xff", 'b"00ff"'),
        ([1.0, "a", [None]], '[1.0, "a", [null]]'),
        ((1.0, Int64(2)), "[1.0, 2]"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": {"b": [Int64(1)]}}, "{a: {b: [1]}}"),
        (UNSET, "undefined"),
    ],
)
def test_value_is_shown_as_the_contract_shows_it(value: Any, text: str) -> None:
    assert display_value(value) == text


def test_what_is_no_value_is_shown_as_python_shows_it() -> None:
    assert display_value([{1}]) == "[{1}]"
    assert display_value({2: "x", "a": "y"}) == '{2: "x", a: "y"}'


def test_shown_text_can_be_sent_even_when_the_value_could_not() -> None:
    assert display_value("x\ud800").encode() == b'"x\\ud800"'
