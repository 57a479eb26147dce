"""Indexes of a class, and bounds on their fields."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.errors import ValidationError
from realtime.schema.document import (
    Bound,
    Document,
    Index,
    gt,
    gte,
    index_fields,
    index_name,
    lt,
    lte,
)
from realtime.values.struct import Struct


class Place(Struct):
    city: str
    street: str


class Visit(Document, table="visits"):
    name: str
    place: Place
    timestamp: float

    by_time = Index("timestamp")
    by_name = Index("name", "timestamp")
    by_city = Index("place.city")


def test_index_knows_its_name_and_fields() -> None:
    assert index_name(Visit.by_name) == "by_name"
    assert index_fields(Visit.by_name) == ("name", "timestamp")
    assert repr(Visit.by_name) == "Index('name', 'timestamp')"


def test_class_lists_its_indexes_by_name() -> None:
    assert Visit.__indexes__ == {
        "by_time": Visit.by_time,
        "by_name": Visit.by_name,
        "by_city": Visit.by_city,
    }


def test_comparison_with_a_field_is_the_bound_of_that_field() -> None:
    assert (Visit.by_time.timestamp > 5) == gt("timestamp", 5) == Bound("timestamp", "gt", 5)
    assert (Visit.by_time.timestamp >= 5) == gte("timestamp", 5) == Bound("timestamp", "gte", 5)
    assert (Visit.by_time.timestamp < 5) == lt("timestamp", 5) == Bound("timestamp", "lt", 5)
    assert (Visit.by_time.timestamp <= 5) == lte("timestamp", 5) == Bound("timestamp", "lte", 5)
    assert (5 < Visit.by_time.timestamp) == gt("timestamp", 5)


def test_field_may_be_called_as_anything_of_the_index() -> None:
    assert (Visit.by_name.name > "a") == gt("name", "a")


def test_field_within_an_object_is_reached_by_dots() -> None:
    assert (Visit.by_city.place.city > "a") == gt("place.city", "a")


def test_creation_time_and_id_end_every_index() -> None:
    assert (Visit.by_time.creation_time > 5) == gt("creation_time", 5)
    assert (Visit.by_time.id > "x") == gt("id", "x")


@pytest.mark.parametrize(
    ("access", "parts"),
    [
        (lambda: Visit.by_time.timestmp, ["`by_time`", "`timestmp`", "did you mean `timestamp`"]),
        (lambda: Visit.by_time.name, ["`by_time`", "`name`"]),
        (lambda: Visit.by_city.place.street, ["`place.street`", "`place.city`"]),
        (lambda: Visit.by_city.city, ["`city`", "`place.city`"]),
    ],
)
def test_field_that_the_index_does_not_have_is_refused_with_the_nearest(
    access: Any, parts: list[str]
) -> None:
    with pytest.raises(AttributeError) as caught:
        access()

    for part in parts:
        assert part in str(caught.value)


def test_equality_with_a_field_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValidationError, match="timestamp="):
        bool(Visit.by_time.timestamp == 5)
