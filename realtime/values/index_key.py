"""Index keys: bytes whose order is the order of the values they stand for.

All values have one total order, across types: absent (`UNSET`) < null < Int64 < number < boolean <
string < bytes < array < object. `encode_key` turns a value into bytes that compare the same way,
and an index key is the keys of its fields one after another. Storage rows, scan bounds and read
sets all use these bytes, which is what makes "does this write touch that read" a comparison.

Each key begins with a tag from 01 to 15 (hexadecimal), and what has no fixed length ends with 00;
a 00 inside a string is written 00 FF. So after a whole key comes a tag or nothing, and an FF means
that the key was not whole: `"a"` is 10 61 00, and `"a\\0"` is 10 61 00 FF 00. That is why
`prefix_end` appends FF. Counting up the last byte, as one does for plain prefixes, would put the
second string among the documents whose field equals the first.

A key of more than 2048 bytes is cut to its first 2049 and the SHA-256 of the whole. Such values are
still told apart; those that agree that far are ordered by hash. The cut is one byte longer than
the longest key that stays whole, so that the FF which parts the two is never cut off.

Source: contract 3.5 (order and bytes), design 5 (the cut).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Any, Final

from realtime.errors import ValidationError
from realtime.values.value import Int64, Unset, number_from_int

MAX_WHOLE_KEY_BYTES: Final = 2048
_CUT_BYTES: Final = MAX_WHOLE_KEY_BYTES + 1
_SHORT_STRING: Final = 64
_REMEMBERED_STRINGS: Final = 16_384

_UNSET: Final = b"\x01"
_NULL: Final = b"\x03"
_ZERO: Final = b"\x08"
_FLOAT_TAG: Final = 0x0D
_FALSE: Final = b"\x0e"
_TRUE: Final = b"\x0f"
_STRING: Final = b"\x10"
_BYTES: Final = b"\x11"
_ARRAY: Final = b"\x12"
_OBJECT: Final = b"\x15"
_END: Final = b"\x00"
_ESCAPED_NUL: Final = b"\x00\xff"
_NOT_WHOLE: Final = b"\xff"

_pack_float = Struct(">d").pack
_unpack_bits = Struct(">q").unpack
_pack_float_key = Struct(">Bq").pack
_SIGN: Final = 2**63

# The least and largest number of each width, its tags for negative and positive, its layout.
_INT64_WIDTHS: Final = (
    (-(2**7), 2**7, 0x07, 0x09, Struct(">Bb").pack),
    (-(2**15), 2**15, 0x06, 0x0A, Struct(">Bh").pack),
    (-(2**31), 2**31, 0x05, 0x0B, Struct(">Bi").pack),
    (-(2**63), 2**63, 0x04, 0x0C, Struct(">Bq").pack),
)


def encode_key(value: object) -> bytes:
    """Return the index key of one field: a wire value, or `UNSET` where the field is missing.

    Keys compare as `compare_values` does; equal keys mean equal values. Values with a key of more
    than 2048 bytes compare by hash from there on.

    Raises:
        ValidationError: it is no value, an int over 2^53, or has a lone surrogate.
    """
    try:
        if type(value) is str and len(value) <= _SHORT_STRING:
            return _key_of_short_str(value)
        key = _ENCODERS.get(type(value), _refuse)(value)
    except UnicodeEncodeError:
        raise ValidationError("Expected a string of valid Unicode, got a lone surrogate") from None
    if len(key) > MAX_WHOLE_KEY_BYTES:
        return key[:_CUT_BYTES] + sha256(key).digest()
    return key


def prefix_end(prefix: bytes) -> bytes | None:
    """Return the upper bound of the keys whose leading fields are those of `prefix`.

    `prefix <= key < prefix_end(prefix)` holds for exactly these keys. Also the lower bound of what
    comes after them. None, no bound, for the empty prefix.

    Args:
        prefix: keys of whole fields, one after another.
    """
    return prefix + _NOT_WHOLE if prefix else None


def key_successor(key: bytes) -> bytes:
    """Return the least bytes that are greater than `key`: the upper bound of a point."""
    return key + _END


def compare_values(a: object, b: object) -> int:
    """Return -1, 0 or 1 as `a` is before, equal to or after `b` in the total order of values.

    The order is defined here in plain terms, apart from the keys, which are tested against it.
    Either may be `UNSET`, which is before all values. Numbers have the total order of IEEE 754:
    -0.0 is before 0.0, a NaN equals itself and is after infinity (or, negative, before all).

    Raises:
        ValidationError: one of them is no value, or is an int over 2^53.
    """
    rank, other_rank = _rank(a), _rank(b)
    if rank != other_rank:
        return -1 if rank < other_rank else 1
    return _COMPARISONS[rank](a, b)


def _refuse(value: Any) -> bytes:
    raise ValidationError(f"Expected a value, got `{type(value).__qualname__}`")


def _key_of_unset(value: Unset) -> bytes:
    return _UNSET


def _key_of_none(value: None) -> bytes:
    return _NULL


def _key_of_int64(value: Int64) -> bytes:
    number = int(value)
    if number == 0:
        return _ZERO
    for least, end, negative_tag, positive_tag, pack in _INT64_WIDTHS:
        if least <= number < end:
            return pack(negative_tag if number < 0 else positive_tag, number)
    raise AssertionError("an Int64 has at most 64 bits")


def _key_of_float(number: float) -> bytes:
    (bits,) = _unpack_bits(_pack_float(number))
    # Below zero all bits are flipped, else the sign alone; both as one signed number.
    return _pack_float_key(_FLOAT_TAG, ~bits if bits < 0 else bits - _SIGN)


def _key_of_int(number: int) -> bytes:
    return _key_of_float(number_from_int(number))


def _key_of_bool(value: bool) -> bytes:
    return _TRUE if value else _FALSE


def _key_of_str(text: str) -> bytes:
    return _STRING + text.encode().replace(_END, _ESCAPED_NUL) + _END


# Ids above all: each is looked up, and stands in several indexes of several documents.
_key_of_short_str: Final = lru_cache(maxsize=_REMEMBERED_STRINGS)(_key_of_str)


def _key_of_bytes(content: bytes) -> bytes:
    return _BYTES + content.replace(_END, _ESCAPED_NUL) + _END


def _key_of_array(values: Sequence[object]) -> bytes:
    parts = [_ENCODERS.get(type(item), _refuse)(item) for item in values]
    return _ARRAY + b"".join(parts) + _END


def _key_of_object(fields: Mapping[str, object]) -> bytes:
    parts: list[bytes] = []
    for name in sorted(fields):
        # An empty name would look like the end of the object.
        parts.append(name.encode().replace(_END, _ESCAPED_NUL) + _END if name else _ESCAPED_NUL)
        item = fields[name]
        parts.append(_ENCODERS.get(type(item), _refuse)(item))
    return _OBJECT + b"".join(parts) + _END


_ENCODERS: Final[dict[type[Any], Callable[[Any], bytes]]] = {
    Unset: _key_of_unset,
    type(None): _key_of_none,
    Int64: _key_of_int64,
    float: _key_of_float,
    int: _key_of_int,
    bool: _key_of_bool,
    str: _key_of_str,
    bytes: _key_of_bytes,
    list: _key_of_array,
    tuple: _key_of_array,
    dict: _key_of_object,
}


def _rank(value: object) -> int:
    rank = _RANKS.get(type(value))
    if rank is None:
        raise ValidationError(f"Expected a value, got `{type(value).__qualname__}`")
    return rank


def _compare_same(a: object, b: object) -> int:
    return 0


def _compare_natural(a: Any, b: Any) -> int:
    is_after: bool = a > b
    is_before: bool = a < b
    return is_after - is_before


def _compare_numbers(a: float, b: float) -> int:
    if a < b:
        return -1
    if a > b:
        return 1
    return _compare_natural(_total_order(a), _total_order(b))


def _total_order(number: float) -> int:
    """Return an integer that orders `number` among all floats, zeros and NaNs included."""
    value = number if isinstance(number, float) else number_from_int(number)
    bits: int = _unpack_bits(_pack_float(value))[0]
    magnitude = bits % _SIGN
    return -1 - magnitude if bits < 0 else magnitude


def _compare_arrays(a: Sequence[object], b: Sequence[object]) -> int:
    for item, other in zip(a, b, strict=False):
        order = compare_values(item, other)
        if order:
            return order
    return _compare_natural(len(a), len(b))


def _compare_objects(a: Mapping[str, object], b: Mapping[str, object]) -> int:
    for name, other_name in zip(sorted(a), sorted(b), strict=False):
        order = _compare_natural(name, other_name) or compare_values(a[name], b[other_name])
        if order:
            return order
    return _compare_natural(len(a), len(b))


_RANKS: Final[dict[type[Any], int]] = {
    Unset: 0,
    type(None): 1,
    Int64: 2,
    float: 3,
    int: 3,
    bool: 4,
    str: 5,
    bytes: 6,
    list: 7,
    tuple: 7,
    dict: 8,
}

_COMPARISONS: Final[tuple[Callable[[Any, Any], int], ...]] = (
    _compare_same,
    _compare_same,
    _compare_natural,
    _compare_numbers,
    _compare_natural,
    _compare_natural,
    _compare_natural,
    _compare_arrays,
    _compare_objects,
)
