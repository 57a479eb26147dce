"""`Int64`, and the float that a Python int stands for."""

from __future__ import annotations

import copy
import pickle

import pytest

from realtime.errors import ValidationError
from realtime.values.value import UNSET, Int64, Unset, number_from_int


def test_int64_gives_its_number_back() -> None:
    assert int(Int64(-5)) == -5
    assert repr(Int64(5)) == "Int64(5)"


def test_int64_equals_only_an_int64_of_the_same_number() -> None:
    assert Int64(1) == Int64(1)
    assert Int64(1) != Int64(2)
    assert Int64(1) != 1
    assert Int64(1) != 1.0
    assert Int64(1) != True  # noqa: E712 - the comparison is the point


def test_int64_is_a_dictionary_key_of_its_own() -> None:
    fields = {Int64(1): "int64", 1: "int"}

    assert fields[Int64(1)] == "int64"
    assert fields[1] == "int"


def test_int64_is_ordered_among_its_kind() -> None:
    assert Int64(1) < Int64(2) <= Int64(2)
    assert Int64(2) > Int64(1) >= Int64(1)
    assert not Int64(2) < Int64(2)
    assert not Int64(2) > Int64(2)
    assert not Int64(3) <= Int64(2)
    assert not Int64(2) >= Int64(3)


@pytest.mark.parametrize("other", [1, 1.0, "1", None])
def test_int64_has_no_order_with_other_kinds(other: object) -> None:
    with pytest.raises(TypeError):
        Int64(1) < other  # type: ignore[operator]  # noqa: B015 - raises
    with pytest.raises(TypeError):
        Int64(1) <= other  # type: ignore[operator]  # noqa: B015 - raises
    with pytest.raises(TypeError):
        Int64(1) > other  # type: ignore[operator]  # noqa: B015 - raises
    with pytest.raises(TypeError):
        Int64(1) >= other  # type: ignore[operator]  # noqa: B015 - raises


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
def test_int64_holds_every_integer_of_64_bits(number: int) -> None:
    assert int(Int64(number)) == number


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1 << 1000])
def test_int64_refuses_larger_integers(number: int) -> None:
    with pytest.raises(ValidationError, match="64 bits"):
        Int64(number)


@pytest.mark.parametrize(("thing", "kind"), [(1.0, "float"), (True, "bool"), ("1", "str")])
def test_int64_refuses_what_is_no_int(thing: int, kind: str) -> None:
    with pytest.raises(ValidationError, match=f"got `{kind}`"):
        Int64(thing)


def test_int64_cannot_be_changed() -> None:
    number = Int64(1)

    with pytest.raises(AttributeError):
        number._number = 2
    with pytest.raises(AttributeError):
        del number._number
    with pytest.raises(AttributeError):
        number.other = 2  # type: ignore[attr-defined]

    assert number == Int64(1)


def test_int64_can_be_copied_and_pickled() -> None:
    assert copy.deepcopy(Int64(7)) == Int64(7)
    assert pickle.loads(pickle.dumps(Int64(7))) == Int64(7)


def test_unset_is_the_only_unset() -> None:
    assert type(UNSET) is Unset


@pytest.mark.parametrize("number", [0, -1, 2**53, -(2**53)])
def test_int_within_the_range_of_floats_stands_for_a_float(number: int) -> None:
    assert type(number_from_int(number)) is float
    assert number_from_int(number) == number


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 1 << 1000])
def test_int_that_floats_skip_is_refused(number: int) -> None:
    with pytest.raises(ValidationError, match=r"within ±2\^53.*use `Int64`"):
        number_from_int(number)


def test_integer_too_long_to_write_out_is_refused_like_any_other() -> None:
    with pytest.raises(ValidationError, match="an integer of 20001 bits"):
        Int64(1 << 20_000)
    with pytest.raises(ValidationError, match="an integer of 20001 bits"):
        number_from_int(1 << 20_000)
