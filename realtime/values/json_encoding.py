"""Wire values as JSON: decode what came, encode what leaves, one spelling for each value.

The encoding is *canonical*, equal values give equal bytes, since results are compared and shared
by their bytes: keys are sorted, and integral floats within ±2^53 are written as integers. What
plain JSON cannot hold is in `special_json`.

A value passes here several times per call. So a part costs one look-up by its exact type, field
names seen together before are not judged again, and a mistake's place is worked out when needed.

Source: contract 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import msgspec

from realtime.errors import ValidationError
from realtime.values.size import MAX_VALUE_NESTING, check_field_name
from realtime.values.special_json import (
    SPECIAL_KEYS,
    clean_special,
    decode_special,
    encode_special,
    is_negative_zero,
)
from realtime.values.value import MAX_SAFE_INTEGER, Int64, Unset, Value, number_from_int

_MAX_SAFE: Final = float(MAX_SAFE_INTEGER)

# Shapes of more fields are judged each time, which bounds what is remembered.
_REMEMBERED_FIELDS: Final = 32
_REMEMBERED_SHAPES: Final = 1024

_TOO_NESTED: Final = (
    f"Value is too nested (maximum nesting {MAX_VALUE_NESTING}), or it contains itself"
)

_decode_tree = msgspec.json.Decoder().decode
_encode_tree = msgspec.json.Encoder().encode


def decode_value(tree: object) -> Value:
    """Return the wire value that a parsed JSON `tree` stands for; the tree is not changed.

    Numbers become floats, whether written `1` or `1.0`. The parser has refused lone surrogates.

    Raises:
        ValidationError: a malformed special object, a field name that is not allowed, or an
            integer that no float can hold. The message names the place.
    """
    try:
        return _DECODERS.get(type(tree), _refuse)(tree)
    except _MisfitError as misfit:
        raise misfit.to_error() from None
    except RecursionError:
        raise ValidationError(_TOO_NESTED) from None


def encode_value(value: object) -> Any:
    """Return the canonical JSON tree of a wire value: keys sorted, integral floats as ints.

    A Python int within ±2^53 counts as a number, a tuple as a list.

    Raises:
        ValidationError: a part of it is no value: `UNSET`, a type that is not one of the wire's, a
            larger int, a string with a lone surrogate, a field name that is not allowed. The
            message names the place and the Python type.
    """
    try:
        return _ENCODERS.get(type(value), _refuse)(value)
    except _MisfitError as misfit:
        raise misfit.to_error() from None
    except RecursionError:
        raise ValidationError(_TOO_NESTED) from None


def encode_json(value: object) -> bytes:
    """Return the canonical, compact JSON text of a wire value; errors as `encode_value`."""
    return _encode_tree(encode_value(value))


def decode_json(raw: bytes | str) -> Value:
    """Return the wire value of a JSON text.

    Raises:
        ValidationError: the text is malformed, or as `decode_value`.
    """
    try:
        tree = _decode_tree(raw)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValidationError(f"Expected JSON text: {error}") from None
    except RecursionError:
        raise ValidationError(_TOO_NESTED) from None
    return decode_value(tree)


def clean_value(value: object) -> Any:
    """Return the plain JSON tree of a wire value, for readers that do not know the encoding.

    Int64 becomes a decimal string, bytes base64, NaN and the infinities their names. It cannot be
    decoded again. Errors as `encode_value`.

    Source: contract 3.2.
    """
    return _clean(encode_value(value))


class _MisfitError(ValidationError):
    """A mistake in a nested part, on its way out; `steps` lead to it, innermost first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.steps: list[str] = []

    def to_error(self) -> ValidationError:
        return ValidationError(f"{self.message} (at `${''.join(reversed(self.steps))}`)")


def _misfit(error: ValidationError, step: str) -> _MisfitError:
    misfit = error if isinstance(error, _MisfitError) else _MisfitError(error.message)
    misfit.steps.append(step)
    return misfit


def _refuse(value: Any) -> Any:
    raise ValidationError(f"Expected a value, got {_kind_text(value)}")


def _kind_text(value: object) -> str:
    kind = type(value)
    if kind is Unset:
        return "`UNSET`: leave the field out instead"
    return f"`{kind.__module__}.{kind.__qualname__}`".replace("`builtins.", "`")


def _same(value: Any) -> Any:
    return value


def _sorted_names(names: Collection[Any]) -> tuple[str, ...]:
    for name in names:
        if not isinstance(name, str):
            raise ValidationError(f"Expected field names of type `str`, got {_kind_text(name)}")
        check_field_name(name)
    # Plain strings: the shape of a string enum's members is that of their values.
    return tuple(sorted([str.__str__(name) for name in names]))


_remembered_names = lru_cache(maxsize=_REMEMBERED_SHAPES)(_sorted_names)


def _canonical_names(fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the checked field names in canonical order."""
    if len(fields) <= _REMEMBERED_FIELDS:
        return _remembered_names(tuple(fields))
    return _sorted_names(fields)


def _decode_int(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValidationError("Expected a number that a float can hold, got a larger one") from None


def _decode_list(tree: list[object]) -> list[Value]:
    values: list[Value] = []
    append = values.append
    try:
        for item in tree:
            kind = type(item)
            if kind is str or kind is float:
                append(item)
            else:
                append(_DECODERS.get(kind, _refuse)(item))
    except ValidationError as error:
        raise _misfit(error, f"[{len(values)}]") from None
    return values


def _decode_dict(tree: dict[str, object]) -> Value:
    if len(tree) == 1:
        ((name, payload),) = tree.items()
        if name in SPECIAL_KEYS:
            return decode_special(name, payload)
    _canonical_names(tree)
    values: dict[str, Value] = {}
    name = ""
    try:
        for name, item in tree.items():
            kind = type(item)
            if kind is str or kind is float:
                values[name] = item
            else:
                values[name] = _DECODERS.get(kind, _refuse)(item)
    except ValidationError as error:
        raise _misfit(error, f".{name}") from None
    return values


def _encode_float(number: float) -> Any:
    if -_MAX_SAFE <= number <= _MAX_SAFE:
        if not number.is_integer():
            return number
        if number or not is_negative_zero(number):
            return int(number)
    elif isfinite(number):
        return number
    return encode_special(number)


def _encode_int(number: int) -> int:
    number_from_int(number)
    return number


def _encode_str(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValidationError(
                f"Expected a string of valid Unicode, got a lone surrogate at index {error.start}"
            ) from None
    return text


def _encode_list(values: list[object] | tuple[object, ...]) -> list[Any]:
    tree: list[Any] = []
    append = tree.append
    try:
        for item in values:
            append(_ENCODERS.get(type(item), _refuse)(item))
    except ValidationError as error:
        raise _misfit(error, f"[{len(tree)}]") from None
    return tree


def _encode_dict(fields: dict[str, object]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    name = ""
    names = _canonical_names(fields)
    try:
        for name in names:
            item = fields[name]
            if type(item) is str and item.isascii():
                tree[name] = item
            else:
                tree[name] = _ENCODERS.get(type(item), _refuse)(item)
    except ValidationError as error:
        raise _misfit(error, f".{name}") from None
    return tree


def _clean(tree: object) -> Any:
    return _CLEANERS.get(type(tree), _same)(tree)


def _clean_list(tree: list[object]) -> list[Any]:
    return [_clean(item) for item in tree]


def _clean_dict(tree: dict[str, Any]) -> Any:
    if len(tree) == 1:
        ((name, payload),) = tree.items()
        if name in SPECIAL_KEYS:
            return clean_special(name, payload)
    return {name: _clean(item) for name, item in tree.items()}


_DECODERS: Final[dict[type[Any], Callable[[Any], Value]]] = {
    type(None): _same,
    bool: _same,
    float: _same,
    int: _decode_int,
    str: _same,
    list: _decode_list,
    dict: _decode_dict,
}

_ENCODERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    type(None): _same,
    bool: _same,
    float: _encode_float,
    int: _encode_int,
    Int64: encode_special,
    str: _encode_str,
    bytes: encode_special,
    list: _encode_list,
    tuple: _encode_list,
    dict: _encode_dict,
}

_CLEANERS: Final[dict[type[Any], Callable[[Any], Any]]] = {list: _clean_list, dict: _clean_dict}
