"""`v`: validators as calls, for what an annotation cannot say and for code that comes from Convex.

Every mistake in a definition is a `DefinitionError` at the call that makes it.

Source: contract 6.1; 5.8 for the options of pagination.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from realtime.casing import wire_name
from realtime.errors import DefinitionError, ValidationError
from realtime.values.composite_validators import (
    ArrayValidator,
    ObjectField,
    ObjectValidator,
    RecordValidator,
    UnionValidator,
)
from realtime.values.size import check_identifier
from realtime.values.validator import (
    AnyValidator,
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    IntegerValidator,
    LiteralValidator,
    NullValidator,
    NumberValidator,
    StringValidator,
    TableNames,
    Validator,
    ValidatorJson,
)
from realtime.values.value import Int64, number_from_int

__all__ = [
    "AnyValidator",
    "ArrayValidator",
    "BooleanValidator",
    "Builders",
    "BytesValidator",
    "Fields",
    "IdValidator",
    "Int64Validator",
    "IntegerValidator",
    "LiteralValidator",
    "NullValidator",
    "NumberValidator",
    "ObjectField",
    "ObjectValidator",
    "OptionalField",
    "RecordValidator",
    "StringValidator",
    "TableNames",
    "UnionValidator",
    "Validator",
    "ValidatorJson",
    "literal_validator",
    "object_fields",
    "record_validator",
    "v",
]


@dataclass(frozen=True, slots=True)
class OptionalField:
    """A field that may be missing: only for the fields of an object, arguments or table."""

    validator: Validator


Fields = Mapping[str, Validator | OptionalField]
"""Wire names of fields to what they must be."""


class Builders:
    """The calls that make validators; used through its one instance, `v`."""

    def id(self, table_name: str) -> IdValidator:
        """Return a validator of ids of the table `table_name`."""
        _check_name("table", table_name)
        return IdValidator(table_name)

    def null(self) -> NullValidator:
        """Return a validator of None."""
        return NullValidator()

    def number(self) -> NumberValidator:
        """Return a validator of numbers (Python floats)."""
        return NumberValidator()

    def float64(self) -> NumberValidator:
        """Return a validator of numbers (Python floats); another name of `number`."""
        return NumberValidator()

    def integer(self) -> IntegerValidator:
        """Return a validator of numbers that are integral and within ±2^53: a Python `int`."""
        return IntegerValidator()

    def int64(self) -> Int64Validator:
        """Return a validator of `Int64`."""
        return Int64Validator()

    def bigint(self) -> Int64Validator:
        """Return a validator of `Int64`; another name of `int64`."""
        return Int64Validator()

    def boolean(self) -> BooleanValidator:
        """Return a validator of True and False."""
        return BooleanValidator()

    def string(self) -> StringValidator:
        """Return a validator of strings."""
        return StringValidator()

    def bytes(self) -> BytesValidator:
        """Return a validator of bytes."""
        return BytesValidator()

    def any(self) -> AnyValidator:
        """Return a validator of every value."""
        return AnyValidator()

    def literal(self, value: str | float | bool | Int64) -> LiteralValidator:
        """Return a validator of one string, number, boolean or `Int64`; an int is a number."""
        return literal_validator(value)

    def array(self, element: Validator) -> ArrayValidator:
        """Return a validator of lists of `element`."""
        return ArrayValidator(_member("v.array", element))

    def object(self, fields: Fields) -> ObjectValidator:
        """Return a validator of objects with `fields` (wire names) and no others."""
        return ObjectValidator(object_fields(fields))

    def record(self, keys: Validator, values: Validator) -> RecordValidator:
        """Return a validator of objects whose names fit `keys` and whose values fit `values`."""
        return record_validator(_member("v.record", keys), _member("v.record", values))

    def union(self, *members: Validator) -> UnionValidator:
        """Return a validator of what one of `members` accepts."""
        return UnionValidator(tuple(_member("v.union", member) for member in members))

    def nullable(self, validator: Validator) -> UnionValidator:
        """Return a validator of None and what `validator` accepts."""
        return UnionValidator((_member("v.nullable", validator), NullValidator()))

    def optional(self, validator: Validator) -> OptionalField:
        """Return the mark of a field that may be missing."""
        return OptionalField(_member("v.optional", validator))

    def pagination_options(self) -> ObjectValidator:
        """Return the validator of the options that paginating clients send."""
        return _PAGINATION_OPTIONS


v: Final = Builders()


def object_fields(fields: Fields) -> dict[str, ObjectField]:
    """Return `fields` as an `ObjectValidator` takes them; DefinitionError for a bad name."""
    return {_check_name("field", name): _object_field(name, fields[name]) for name in fields}


def _object_field(name: str, declared: Any) -> ObjectField:
    match declared:
        case OptionalField():
            return ObjectField(declared.validator, optional=True)
        case Validator():
            return ObjectField(declared)
        case _:
            raise DefinitionError(
                f"Expected a validator for the field `{name}`, such as `v.string()`, "
                f"got `{declared!r}`"
            )


def literal_validator(value: Any) -> LiteralValidator:
    """Return the validator of one literal value; DefinitionError if it cannot be one."""
    if type(value) is int:
        try:
            return LiteralValidator(number_from_int(value))
        except ValidationError as error:
            raise DefinitionError(error.message) from None
    if type(value) in (str, bool, float, Int64):
        return LiteralValidator(value)
    hint = ": use `v.null()`" if value is None else ""
    raise DefinitionError(
        f"Expected a literal string, number, boolean or `Int64`, got `{value!r}`{hint}"
    )


def record_validator(keys: Validator, values: Validator) -> RecordValidator:
    """Return the validator of a record; DefinitionError if `keys` cannot be names of fields."""
    if not _are_record_keys(keys):
        raise DefinitionError(
            f"Expected strings, ids or unions of them as the keys of a record, got `{keys}`: "
            "declare an object if the names are known"
        )
    return RecordValidator(keys, values)


def _are_record_keys(keys: Validator) -> bool:
    match keys:
        case StringValidator() | IdValidator():
            return True
        case UnionValidator():
            return bool(keys.members) and all(_are_record_keys(member) for member in keys.members)
        case _:
            return False


def _member(place: str, validator: Any) -> Validator:
    if isinstance(validator, Validator):
        return validator
    if isinstance(validator, OptionalField):
        raise DefinitionError(
            f"Expected a validator in `{place}`, got `v.optional({validator.validator})`: "
            "only a field of an object, of arguments or of a table may be optional"
        )
    raise DefinitionError(
        f"Expected a validator in `{place}`, such as `v.string()`, got `{validator!r}`"
    )


def _check_name(kind: str, name: Any) -> str:
    if not isinstance(name, str):
        raise DefinitionError(f"Expected a string as the name of a {kind}, got `{name!r}`")
    try:
        check_identifier(name)
    except ValidationError as error:
        raise DefinitionError(f"`{name}` cannot be the name of a {kind}: {error.message}") from None
    return name


_STRING_OR_NULL: Final = UnionValidator((StringValidator(), NullValidator()))

_PAGINATION_OPTIONS: Final = ObjectValidator(
    {
        wire_name("num_items"): ObjectField(NumberValidator()),
        wire_name("cursor"): ObjectField(_STRING_OR_NULL),
        wire_name("end_cursor"): ObjectField(_STRING_OR_NULL, optional=True),
        wire_name("id"): ObjectField(NumberValidator(), optional=True),
        wire_name("maximum_rows_read"): ObjectField(NumberValidator(), optional=True),
        wire_name("maximum_bytes_read"): ObjectField(NumberValidator(), optional=True),
    }
)
