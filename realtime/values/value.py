"""What can be stored and sent: the wire values, and the two of them that Python lacks.

A wire value is None, bool, float, `Int64`, str, bytes, a list of values or a dictionary from
field names to values. Numbers are floats, as in the clients; a 64-bit integer is a kind of its own
and never equal to a float. `UNSET` is the absence of a field; it is no value.

Source: contract 3.1.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, final

from msgspec import UNSET
from msgspec import UnsetType as Unset

from realtime.errors import ValidationError

__all__ = ["MAX_SAFE_INTEGER", "UNSET", "Int64", "Unset", "Value", "number_from_int"]

Value: TypeAlias = Any
"""A wire value: what `json_encoding.decode_value` gives. After decoding numbers are floats."""

MAX_SAFE_INTEGER: Final = 2**53
"""The largest magnitude up to which a float holds every integer."""

_INT64_LIMIT: Final = 2**63


@final
class Int64:
    """A signed 64-bit integer, distinct from every float and int.

    Immutable and hashable; ordered among its own kind only. `int(x)` gives the number.
    """

    __slots__ = ("_number",)

    _number: int

    def __init__(self, number: int) -> None:
        """Make one of an `int`.

        Raises:
            ValidationError: It is no int, or does not fit into 64 bits.
        """
        if type(number) is not int:
            raise ValidationError(f"Expected an `int` for `Int64`, got `{type(number).__name__}`")
        if not -_INT64_LIMIT <= number < _INT64_LIMIT:
            raise ValidationError(
                f"Expected an integer of 64 bits for `Int64`, got {_text_of(number)}"
            )
        object.__setattr__(self, "_number", number)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"`Int64` is immutable: `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"`Int64` is immutable: `{name}` cannot be deleted")

    def __int__(self) -> int:
        return self._number

    def __repr__(self) -> str:
        return f"Int64({self._number})"

    def __reduce__(self) -> tuple[type[Int64], tuple[int]]:
        return Int64, (self._number,)

    def __hash__(self) -> int:
        return hash((Int64, self._number))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Int64:
            return NotImplemented
        return self._number == other._number

    def __lt__(self, other: Int64) -> bool:
        if type(other) is not Int64:
            return NotImplemented
        return self._number < other._number

    def __le__(self, other: Int64) -> bool:
        if type(other) is not Int64:
            return NotImplemented
        return self._number <= other._number

    def __gt__(self, other: Int64) -> bool:
        if type(other) is not Int64:
            return NotImplemented
        return self._number > other._number

    def __ge__(self, other: Int64) -> bool:
        if type(other) is not Int64:
            return NotImplemented
        return self._number >= other._number


def number_from_int(number: int) -> float:
    """Return the float that stands for a Python `number`.

    Raises:
        ValidationError: its magnitude is over 2^53, where floats skip integers.
    """
    if not -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        raise ValidationError(
            f"Expected an integer within ±2^53, got {_text_of(number)}: use `Int64` for larger ones"
        )
    return float(number)


def _text_of(number: int) -> str:
    # Python refuses to write out very long integers, and nobody wants to read them.
    bits = number.bit_length()
    return f"`{number}`" if bits <= 128 else f"an integer of {bits} bits"
