"""Codecs: one declared type, between wire values and Python objects.

A codec holds the validator of its type, `decode` (a wire value that the validator has accepted
becomes the Python object) and `encode` (back). `encode` is lenient: what it does not expect, it
encodes as it is, so that the validator can say in the contract's words what is wrong. Only what is
no value at all is an error of `encode`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from realtime.errors import ValidationError
from realtime.values.composite_validators import UnionValidator
from realtime.values.validator import AnyValidator, IntegerValidator, LiteralValidator, Validator
from realtime.values.value import UNSET, Int64, Unset, Value, number_from_int


class MisfitError(Exception):
    """A part that is no value, on its way out of the objects and lists around it.

    It never leaves `Codec.encode`, which turns it into a ValidationError with the whole path.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []
        """The path to the part, innermost step first; each enclosing codec adds its own."""

    def to_error(self) -> ValidationError:
        """Return the error for the caller of `encode`."""
        if not self.steps:
            return ValidationError(self.reason)
        return ValidationError(f"{self.reason} (at `${''.join(reversed(self.steps))}`)")


class Codec(ABC):
    """One declared type: its validator, and the ways between wire value and Python object."""

    identity: bool = True
    """`decode` returns what it is given, so callers may skip it."""

    native_type: Any = None
    """What a msgspec decoder makes the same objects from, out of canonical JSON; None if none can.

    Only promised for JSON without special values (`$integer`, `$bytes`, `$float`).
    """

    def __init__(self, validator: Validator) -> None:
        self.validator = validator

    def decode(self, value: Value) -> Any:
        """Return the Python object of a wire value that the validator accepts."""
        return value

    def encode(self, value: Any) -> Value:
        """Return the wire value of a Python object; the caller checks it with the validator.

        Raises:
            ValidationError: a part is no value (`UNSET`, a set, an int over 2^53 …). The message
                names its path, in wire names, and its type.
        """
        try:
            return self.encode_part(value)
        except MisfitError as misfit:
            raise misfit.to_error() from None
        except RecursionError:
            raise ValidationError("Value is too nested, or it contains itself") from None

    @abstractmethod
    def encode_part(self, value: Any) -> Value:
        """Do what `encode` does inside of another codec; raises MisfitError."""


class AnyCodec(Codec):
    """Any value: decoded as it is, encoded by what it is."""

    def encode_part(self, value: Any) -> Value:
        return encode_any(value)


ANY_CODEC = AnyCodec(AnyValidator())


class ScalarCodec(Codec):
    """A type that stands for itself: None, bool, float, `Int64`, str, bytes and ids."""

    def __init__(self, validator: Validator, python_type: type) -> None:
        super().__init__(validator)
        self.native_type = self._type = python_type

    def encode_part(self, value: Any) -> Value:
        return value if type(value) is self._type else encode_any(value)


class IntCodec(Codec):
    """A Python `int`: on the wire a number that is integral and within ±2^53."""

    identity = False
    native_type = int

    def __init__(self) -> None:
        super().__init__(IntegerValidator())

    def decode(self, value: Value) -> int:
        _require(self.validator, value)
        return int(value)

    def encode_part(self, value: Any) -> Value:
        return encode_any(value)


class LiteralCodec(Codec):
    """One of some literal values; ints among them are numbers on the wire.

    `annotation` is the `Literal[…]` that declares them.
    """

    def __init__(
        self, values: tuple[Any, ...], members: tuple[LiteralValidator, ...], annotation: Any
    ) -> None:
        super().__init__(members[0] if len(members) == 1 else UnionValidator(members))
        self._ints = {float(value): value for value in values if type(value) is int}
        self.identity = not self._ints
        if all(type(value) is str for value in values) or len(self._ints) == len(values):
            self.native_type = annotation

    def decode(self, value: Value) -> Any:
        return self._ints.get(value, value) if type(value) is float else value

    def encode_part(self, value: Any) -> Value:
        return encode_any(value)


class ReplacedCodec(Codec):
    """A type whose validator was declared beside it: `Annotated[T, v.…]`."""

    def __init__(self, base: Codec, validator: Validator) -> None:
        super().__init__(validator)
        self.base = base
        self.identity = base.identity
        self.native_type = base.native_type

    def decode(self, value: Value) -> Any:
        if self.identity:
            return value
        _require(self.base.validator, value)
        return self.base.decode(value)

    def encode_part(self, value: Any) -> Value:
        return self.base.encode_part(value)


def _require(validator: Validator, value: Value) -> None:
    text = validator.mismatch(value, None, "")
    if text is not None:
        raise ValidationError(text)


def encode_set_members(members: Mapping[str, Any]) -> dict[str, Value]:
    """Return the members of an object in wire values, without those that are `UNSET`.

    What JavaScript does with `undefined`.

    Raises:
        ValidationError: A name is no string, or a part of a member is no value.
    """
    encoded: dict[str, Value] = ANY_CODEC.encode(
        {name: item for name, item in members.items() if item is not UNSET}
    )
    return encoded


def encode_any(value: object) -> Value:
    """Return the wire value of any supported object, by its own type; raises MisfitError."""
    return _ENCODERS.get(type(value), _encode_other)(value)


def _same(value: Any) -> Value:
    return value


def _encode_int(value: int) -> float:
    try:
        return number_from_int(value)
    except ValidationError as error:
        raise MisfitError(error.message) from None


def _encode_items(values: Sequence[object]) -> list[Value]:
    encoded: list[Value] = []
    try:
        for item in values:
            encoded.append(_ENCODERS.get(type(item), _encode_other)(item))
    except MisfitError as misfit:
        misfit.steps.append(f"[{len(encoded)}]")
        raise
    return encoded


def _encode_members(members: Mapping[object, object]) -> dict[str, Value]:
    encoded: dict[str, Value] = {}
    name = ""
    try:
        for key, item in members.items():
            name = key if type(key) is str else as_field_name(key)
            encoded[name] = _ENCODERS.get(type(item), _encode_other)(item)
    except MisfitError as misfit:
        misfit.steps.append(f".{name}")
        raise
    return encoded


def as_field_name(name: object) -> str:
    """Return a key of a dictionary as a plain string; raises MisfitError."""
    if isinstance(name, str):
        return str.__str__(name)
    raise MisfitError(f"Expected field names of type `str`, got `{type_name(type(name))}`")


def _encode_other(value: object) -> Value:
    """Encode what is not of a wire type itself: objects of classes, and subclasses."""
    # Here, as that module compiles classes into the codecs of this one.
    from realtime.values.annotations import codec_of_class

    kind = type(value)
    if kind is Unset:
        raise MisfitError("Expected a value, got `UNSET`: only an optional field may be left unset")
    codec = codec_of_class(kind)
    if codec is not None:
        return codec.encode_part(value)
    for base, encode in _SUBCLASS_ENCODERS:
        if isinstance(value, base):
            return encode(value)
    raise MisfitError(f"Expected a value, got `{type_name(kind)}`{_HINTS.get(kind.__name__, '')}")


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Say whether `value` is a plain list or tuple."""
    return type(value) is list or type(value) is tuple


def is_dict(value: object) -> TypeGuard[Mapping[object, object]]:
    """Say whether `value` is a dictionary."""
    return isinstance(value, dict)


def type_name(kind: type) -> str:
    """Return how error texts call a Python type."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


_HINTS = {
    "datetime": ": use milliseconds since the epoch, a `float`",
    "date": ": use milliseconds since the epoch, a `float`",
    "set": ": use a list",
    "frozenset": ": use a list",
    "coroutine": ": `await` it",
    "Decimal": ": use a `float` or a `str`",
    "UUID": ": use a `str`",
}

_ENCODERS: dict[type[Any], Callable[[Any], Value]] = {
    type(None): _same,
    bool: _same,
    float: _same,
    int: _encode_int,
    Int64: _same,
    str: _same,
    bytes: _same,
    list: _encode_items,
    tuple: _encode_items,
    dict: _encode_members,
}

_SUBCLASS_ENCODERS: tuple[tuple[type[Any], Callable[[Any], Value]], ...] = (
    (str, str.__str__),
    (int, lambda value: _encode_int(int(value))),
    (float, float),
    (list, _encode_items),
    (dict, _encode_members),
)
