"""Codecs of objects with declared fields: classes, `TypedDict`s and the arguments of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from realtime.errors import DefinitionError, ValidationError
from realtime.values.codec import Codec, MisfitError, as_field_name, encode_any, is_dict
from realtime.values.size import check_identifier
from realtime.values.validators import ObjectField, ObjectValidator
from realtime.values.value import UNSET, Value


@dataclass(frozen=True, slots=True)
class FieldCodec:
    """A declared field: its names, its type, and whether it may be missing on the wire.

    `unset_if_missing` says that the Python side has no default of its own: it is given `UNSET`.
    """

    python_name: str
    wire_name: str
    codec: Codec
    optional: bool = False
    unset_if_missing: bool = False


class FieldsCodec(Codec):
    """An object of declared fields, as a dictionary in Python names.

    The codec of `TypedDict`s and of the arguments of a function. A key that is not declared passes
    unchanged, so that the validator can name it.
    """

    identity = False

    def __init__(self, fields: Sequence[FieldCodec]) -> None:
        _check_wire_names(fields)
        members = {f.wire_name: ObjectField(f.codec.validator, f.optional) for f in fields}
        super().__init__(ObjectValidator(members))
        self.fields = {field.python_name: field for field in fields}
        self._decoders = tuple(
            (f.wire_name, f.python_name, None if f.codec.identity else f.codec.decode)
            for f in fields
        )
        self._missing = {f.python_name: UNSET for f in fields if f.unset_if_missing}

    def decode(self, value: Value) -> Any:
        return self.decode_members(value)

    def decode_members(self, value: Mapping[str, Value]) -> dict[str, Any]:
        """Return the members that are there, by Python name; undeclared ones are left out."""
        members: dict[str, Any] = dict(self._missing)
        for wire_name, python_name, decode in self._decoders:
            item = value.get(wire_name, UNSET)
            if item is not UNSET:
                members[python_name] = item if decode is None else decode(item)
        return members

    def encode_part(self, value: Any) -> Value:
        if not is_dict(value):
            return encode_any(value)
        encoded: dict[str, Value] = {}
        name = ""
        try:
            for key, item in value.items():
                name = as_field_name(key)
                field = self.fields.get(name)
                if field is None:
                    encoded[name] = encode_any(item)
                    continue
                name = field.wire_name
                if item is not UNSET or not field.optional:
                    encoded[name] = field.codec.encode_part(item)
        except MisfitError as misfit:
            misfit.steps.append(f".{name}")
            raise
        return encoded


class ObjectCodec(FieldsCodec):
    """An object of declared fields, as an instance of `python_class`.

    The class is called with the fields that are there, by Python name.
    """

    def __init__(
        self, python_class: Callable[..., Any], fields: Sequence[FieldCodec], native_type: Any
    ) -> None:
        super().__init__(fields)
        self.python_class = python_class
        self.native_type = native_type
        self._encoders = tuple(
            (f.wire_name, f.python_name, f.codec.encode_part, f.optional) for f in fields
        )

    def decode(self, value: Value) -> Any:
        members = self.decode_members(value)
        try:
            return self.python_class(**members)
        except (TypeError, ValueError) as error:
            # What a constructor refuses is a misfit, as for msgspec's decoder.
            name = getattr(self.python_class, "__name__", "The class")
            raise ValidationError(f"`{name}` does not accept this object: {error}") from error

    def encode_part(self, value: Any) -> Value:
        if type(value) is not self.python_class:
            return encode_any(value)
        encoded: dict[str, Value] = {}
        wire_name = ""
        try:
            for wire_name, python_name, encode, optional in self._encoders:
                item = getattr(value, python_name)
                if item is not UNSET or not optional:
                    encoded[wire_name] = encode(item)
        except MisfitError as misfit:
            misfit.steps.append(f".{wire_name}")
            raise
        return encoded


def _check_wire_names(fields: Sequence[FieldCodec]) -> None:
    owners: dict[str, str] = {}
    for field in fields:
        wire_name = field.wire_name
        if wire_name in owners:
            raise DefinitionError(
                f"`{owners[wire_name]}` and `{field.python_name}` have the same wire name "
                f"`{wire_name}`; rename one of them"
            )
        owners[wire_name] = field.python_name
        try:
            check_identifier(wire_name)
        except ValidationError as error:
            raise DefinitionError(
                f"`{field.python_name}` cannot be a field: {error.message}"
            ) from None
