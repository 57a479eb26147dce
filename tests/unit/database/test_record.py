"""Documents as the database holds them."""

from __future__ import annotations

from realtime.database.record import Record


def test_value_of_a_record_is_decoded_from_its_bytes() -> None:
    record = Record(1, b'{"a":[1,"x"]}')

    assert record.value == {"a": [1.0, "x"]}


def test_value_is_decoded_once() -> None:
    record = Record(1, b'{"a":1}')

    assert record.value is record.value


def test_value_that_is_known_is_not_decoded() -> None:
    value = {"a": 1.0}

    assert Record(1, b"not JSON", value).value is value
