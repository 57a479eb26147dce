"""Codecs of lists, records and unions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Union

from realtime.errors import ValidationError
from realtime.values.codec import Codec, MisfitError, as_field_name, encode_any, is_dict, is_list
from realtime.values.object_codec import ObjectCodec
from realtime.values.validator import ALL_TYPES
from realtime.values.validators import (
    ArrayValidator,
    LiteralValidator,
    NullValidator,
    ObjectValidator,
    RecordValidator,
    UnionValidator,
    Validator,
)
from realtime.values.value import Value


class ListCodec(Codec):
    """A list, or a tuple of any length, of elements of one type."""

    def __init__(self, element: Codec, *, as_tuple: bool) -> None:
        super().__init__(ArrayValidator(element.validator))
        self.element = element
        self._as_tuple = as_tuple
        self.identity = element.identity and not as_tuple
        if element.native_type is not None:
            native: Any = element.native_type
            self.native_type = tuple[native, ...] if as_tuple else list[native]

    def decode(self, value: Value) -> Any:
        if self.identity:
            return value
        decode = self.element.decode
        items = [decode(item) for item in value]
        return tuple(items) if self._as_tuple else items

    def encode_part(self, value: Any) -> Value:
        if not is_list(value):
            return encode_any(value)
        encode = self.element.encode_part
        encoded: list[Value] = []
        try:
            for item in value:
                encoded.append(encode(item))
        except MisfitError as misfit:
            misfit.steps.append(f"[{len(encoded)}]")
            raise
        return encoded


class RecordCodec(Codec):
    """A dictionary whose names are data: they pass unchanged."""

    def __init__(self, validator: RecordValidator, values: Codec) -> None:
        super().__init__(validator)
        self.values = values
        self.identity = values.identity
        if values.native_type is not None:
            native: Any = values.native_type
            self.native_type = dict[str, native]

    def decode(self, value: Value) -> Any:
        if self.identity:
            return value
        decode = self.values.decode
        return {name: decode(item) for name, item in value.items()}

    def encode_part(self, value: Any) -> Value:
        if not is_dict(value):
            return encode_any(value)
        encode = self.values.encode_part
        encoded: dict[str, Value] = {}
        name = ""
        try:
            for key, item in value.items():
                name = as_field_name(key)
                encoded[name] = encode(item)
        except MisfitError as misfit:
            misfit.steps.append(f".{name}")
            raise
        return encoded


class UnionCodec(Codec):
    """One of several types.

    A wire value is decoded by the first member that accepts it. Most often its type alone tells;
    objects are told apart by a common field with literals, if they have one.
    """

    def __init__(self, members: tuple[Codec, ...]) -> None:
        super().__init__(UnionValidator(_flat(member.validator for member in members)))
        self.members = members
        self.identity = all(member.identity for member in members)
        self._by_type = {
            kind: tuple(m for m in members if kind in m.validator.wire_types) for kind in ALL_TYPES
        }
        self._tag = _tag_of(self._by_type[dict])
        self._by_class = {m.python_class: m for m in members if isinstance(m, ObjectCodec)}
        self._others = tuple(m for m in members if not isinstance(m.validator, NullValidator))
        self.native_type = self._native_type()

    def _native_type(self) -> Any:
        types = [member.native_type for member in self.members]
        kinds = [kind for member in self.members for kind in member.validator.wire_types]
        # One type of JSON token a member, or msgspec could choose another member than we would.
        if None in types or len(set(kinds)) < len(kinds):
            return None
        return Union[tuple(types)]  # noqa: UP007 (the members are only known here)

    def decode(self, value: Value) -> Any:
        if self.identity:
            return value
        candidates = self._by_type[type(value)]
        if len(candidates) > 1:
            candidates = self._chosen(candidates, value)
        if not candidates:
            text = self.validator.mismatch(value, None, "")
            raise ValidationError(text or "Value does not match validator.")
        return candidates[0].decode(value)

    def _chosen(self, candidates: tuple[Codec, ...], value: Value) -> tuple[Codec, ...]:
        if self._tag is not None and value.__class__ is dict:
            name, members = self._tag
            tagged = members.get(value.get(name))
            return () if tagged is None else (tagged,)
        for member in candidates:
            if member.validator.accepts(value, None):
                return (member,)
        return ()

    def encode_part(self, value: Any) -> Value:
        member = self._by_class.get(value.__class__)
        if member is not None:
            return member.encode_part(value)
        if value is None:
            return None
        if len(self._others) == 1:
            return self._others[0].encode_part(value)
        for other in self._others:
            try:
                encoded = other.encode_part(value)
            except MisfitError:
                continue
            if other.validator.accepts(encoded, None):
                return encoded
        return encode_any(value)


def _flat(validators: Iterable[Validator]) -> tuple[Validator, ...]:
    flat: list[Validator] = []
    for validator in validators:
        flat.extend(validator.members if isinstance(validator, UnionValidator) else (validator,))
    return tuple(flat)


def _tag_of(members: Sequence[Codec]) -> tuple[str, dict[Any, Codec]] | None:
    """Return the field whose literals tell `members` apart, with the member of each literal."""
    first = members[0].validator if len(members) > 1 else None
    if not isinstance(first, ObjectValidator):
        return None
    for name in first.fields:
        by_literal: dict[Any, Codec] = {}
        for member in members:
            literals = _literals_of(member.validator, name)
            if not literals or any(literal in by_literal for literal in literals):
                break
            by_literal.update(dict.fromkeys(literals, member))
        else:
            return name, by_literal
    return None


def _literals_of(validator: Validator, name: str) -> list[Any]:
    """Return the literals that the required field `name` may be, empty if it is not of literals."""
    field = validator.fields.get(name) if isinstance(validator, ObjectValidator) else None
    if field is None or field.optional:
        return []
    members = _flat([field.validator])
    literals = [member.value for member in members if isinstance(member, LiteralValidator)]
    return literals if len(literals) == len(members) else []
