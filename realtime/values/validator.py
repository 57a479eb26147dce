"""Validators of one value: what it must be, and the text that says why it is not.

A check is made in two steps. `accepts` answers yes or no and builds nothing: it is what almost
every call pays. Only when it says no does `mismatch` look again, in the order that the contract
fixes, and puts the text together. Both have the same view of every value.

Validators see wire values: a number is a `float`, never an `int`. They are immutable and may be
shared. `v` (`realtime.values.validators`) and annotations make them.

Source: contract 5.3 (algorithm and texts), 6.1 (JSON).
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from realtime.errors import ValidationError
from realtime.values.display import display_value
from realtime.values.ids import decode_id
from realtime.values.json_encoding import encode_value
from realtime.values.value import MAX_SAFE_INTEGER, Int64, Value

ValidatorJson = dict[str, Any]
"""A validator as the wire and the schema files spell it (contract 6.1)."""

_MAX_SAFE_FLOAT = float(MAX_SAFE_INTEGER)

ALL_TYPES: frozenset[type] = frozenset({type(None), bool, float, Int64, str, bytes, list, dict})
"""The Python types of wire values."""


class TableNames(Protocol):
    """What an id check has to know: the tables there are."""

    def table_name(self, number: int) -> str | None:
        """Return the name of table `number`, or None if there is no such table."""
        ...


class Validator(ABC):
    """What a wire value must be.

    `wire_types` holds the Python types that an accepted value can have.
    """

    __slots__ = ()

    wire_types: frozenset[type]

    only_type: ClassVar[type | None] = None
    """The type that is all there is to check; None if there is more."""

    def check(self, value: Value, tables: TableNames) -> None:
        """Raise a ValidationError with the contract's text if `value` does not fit."""
        if not self.accepts(value, tables):
            text = self.mismatch(value, tables, "")
            assert text is not None, "`accepts` and `mismatch` must agree"
            raise ValidationError(text)

    @abstractmethod
    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        """Say whether `value` fits; without `tables`, any string passes for an id."""

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        """Return why `value`, found at `path`, does not fit, or None if it does."""
        if self.accepts(value, tables):
            return None
        return no_match(value, self, path)

    @abstractmethod
    def to_json(self) -> ValidatorJson:
        """Return the validator's JSON form."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the call of `v` that makes this validator, as error texts print it."""


def context(path: str) -> str:
    """Return the line of an error text that says where; empty at the root."""
    return f"Path: {path}" if path else ""


def no_match(value: Value, validator: Validator, path: str) -> str:
    """Return the text of a value of the wrong kind."""
    return (
        "Value does not match validator.\n"
        f"{context(path)}\nValue: {display_value(value)}\nValidator: {validator}"
    )


class _TypeValidator(Validator):
    """Accepts every value of one type."""

    __slots__ = ()

    only_type: ClassVar[type | None]
    _json: ClassVar[str]
    _text: ClassVar[str]

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        return type(value) is self.only_type

    def to_json(self) -> ValidatorJson:
        return {"type": self._json}

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True, slots=True)
class NullValidator(_TypeValidator):
    """Accepts None."""

    wire_types = frozenset({type(None)})
    only_type = type(None)
    _json = "null"
    _text = "v.null()"


@dataclass(frozen=True, slots=True)
class NumberValidator(_TypeValidator):
    """Accepts every float."""

    wire_types = frozenset({float})
    only_type = float
    _json = "number"
    _text = "v.float64()"


@dataclass(frozen=True, slots=True)
class IntegerValidator(Validator):
    """Accepts a float that is a Python `int`: integral and within ±2^53.

    For clients it is a number like any other; the contract has no name for it.
    """

    wire_types = frozenset({float})

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        return (
            type(value) is float
            and value.is_integer()
            and -_MAX_SAFE_FLOAT <= value <= _MAX_SAFE_FLOAT
        )

    def to_json(self) -> ValidatorJson:
        return {"type": "number"}

    def __str__(self) -> str:
        return "v.integer()"


@dataclass(frozen=True, slots=True)
class Int64Validator(_TypeValidator):
    """Accepts an `Int64`."""

    wire_types = frozenset({Int64})
    only_type = Int64
    _json = "bigint"
    _text = "v.int64()"


@dataclass(frozen=True, slots=True)
class BooleanValidator(_TypeValidator):
    """Accepts True and False."""

    wire_types = frozenset({bool})
    only_type = bool
    _json = "boolean"
    _text = "v.boolean()"


@dataclass(frozen=True, slots=True)
class StringValidator(_TypeValidator):
    """Accepts a string."""

    wire_types = frozenset({str})
    only_type = str
    _json = "string"
    _text = "v.string()"


@dataclass(frozen=True, slots=True)
class BytesValidator(_TypeValidator):
    """Accepts bytes."""

    wire_types = frozenset({bytes})
    only_type = bytes
    _json = "bytes"
    _text = "v.bytes()"


@dataclass(frozen=True, slots=True)
class AnyValidator(Validator):
    """Accepts every value."""

    wire_types = ALL_TYPES

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        return True

    def to_json(self) -> ValidatorJson:
        return {"type": "any"}

    def __str__(self) -> str:
        return "v.any()"


@dataclass(frozen=True, slots=True)
class IdValidator(Validator):
    """Accepts the id of a table that exists; of one table, or of any if `table_name` is None.

    It does not look whether the document exists.
    """

    table_name: str | None = None

    wire_types = frozenset({str})

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        if type(value) is not str:
            return False
        if tables is None:
            return True
        found = _table_of(value, tables)
        return found is not None and (self.table_name is None or found == self.table_name)

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if self.accepts(value, tables):
            return None
        found = _table_of(value, tables) if type(value) is str and tables is not None else None
        if found is None:
            return no_match(value, self, path)
        origin = "a system table" if found.startswith("_") else f"table `{found}`"
        return (
            f'Found ID "{value}" from {origin}, which does not match the table name in '
            f"validator `{self}`.{context(path)}"
        )

    def to_json(self) -> ValidatorJson:
        # The contract has no id of any table; for clients such an id is a string.
        if self.table_name is None:
            return {"type": "string"}
        return {"type": "id", "tableName": self.table_name}

    def __str__(self) -> str:
        return "v.id()" if self.table_name is None else f'v.id("{self.table_name}")'


def _table_of(text: str, tables: TableNames) -> str | None:
    try:
        return tables.table_name(decode_id(text).table_number)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class LiteralValidator(Validator):
    """Accepts one value: a string, number, `Int64` or boolean."""

    value: str | float | bool | Int64
    wire_types: frozenset[type] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire_types", frozenset({type(self.value)}))

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        return type(value) is type(self.value) and value == self.value

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if self.accepts(value, tables):
            return None
        return f"`{display_value(value)}` does not match literal validator `{self}`.{context(path)}"

    def to_json(self) -> ValidatorJson:
        return {"type": "literal", "value": encode_value(self.value)}

    def __str__(self) -> str:
        return f"v.literal({self._text()})"

    def _text(self) -> str:
        match self.value:
            case Int64():
                return "<bigint>"
            case float() if not math.isfinite(self.value):
                return "<number>"
            case _:
                return json.dumps(self.value, ensure_ascii=False)
