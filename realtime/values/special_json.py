"""The values that plain JSON cannot hold, as objects with one reserved key.

    Int64                         {"$integer": base64 of 8 bytes, little-endian}
    NaN, the infinities, -0.0     {"$float": base64 of 8 bytes, little-endian}
    bytes                         {"$bytes": base64}

Each value has one spelling: what another encoder could write in two ways is refused.

Source: contract 3.1.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from math import copysign, isfinite
from struct import Struct
from typing import Any, Final, TypeAlias

from realtime.errors import ValidationError
from realtime.values.value import Int64

SPECIAL_KEYS: Final = frozenset({"$integer", "$float", "$bytes"})

SpecialValue: TypeAlias = Int64 | float | bytes

_FLOAT: Final = Struct("<d")
_INTEGER: Final = Struct("<q")


def encode_special(value: SpecialValue) -> dict[str, str]:
    """Return the special object of a value; a float must be one that plain JSON cannot hold."""
    if isinstance(value, bytes):
        return {"$bytes": _encode_base64(value)}
    if isinstance(value, Int64):
        return {"$integer": _encode_base64(_INTEGER.pack(int(value)))}
    return {"$float": _encode_base64(_FLOAT.pack(value))}


def decode_special(key: str, payload: object) -> SpecialValue:
    """Return the value of a special object with one of `SPECIAL_KEYS`.

    Raises:
        ValidationError: the payload is not the base64 of such a value, or is a `$float` that has
            to be a plain number.
    """
    content = _decode_base64(key, payload)
    if key == "$bytes":
        return content
    if len(content) != 8:
        raise ValidationError(f"Expected 8 bytes in `{key}`, got {len(content)}")
    if key == "$integer":
        return Int64(_INTEGER.unpack(content)[0])
    number: float = _FLOAT.unpack(content)[0]
    if isfinite(number) and not is_negative_zero(number):
        raise ValidationError(f"Expected a plain number for {number!r}, got it as `$float`")
    return number


def clean_special(key: str, payload: str) -> str | float:
    """Return a special object as readers take it that do not know it; -0.0 stays a number.

    Source: contract 3.2.
    """
    if key == "$bytes":
        return payload
    value: Any = decode_special(key, payload)
    if key == "$integer":
        return str(int(value))
    if value == 0.0:
        return -0.0
    if value != value:
        return "NaN"
    return "Infinity" if value > 0.0 else "-Infinity"


def is_negative_zero(number: float) -> bool:
    """Say whether `number` is -0.0, which equals 0.0."""
    return number == 0.0 and copysign(1.0, number) < 0.0


def _encode_base64(content: bytes) -> str:
    return b2a_base64(content, newline=False).decode("ascii")


def _decode_base64(key: str, payload: object) -> bytes:
    if not isinstance(payload, str):
        raise ValidationError(f"Expected base64 text in `{key}`, got `{type(payload).__name__}`")
    try:
        content = a2b_base64(payload)
    except ValueError:
        content = None
    # The parser skips what it does not know: only what we would write ourselves is accepted.
    if content is None or _encode_base64(content) != payload:
        raise ValidationError(f"Expected base64 text in `{key}`, got something else")
    return content
