"""Validators of values made of others: lists, objects, records and unions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from realtime.errors import DefinitionError
from realtime.values.display import display_value
from realtime.values.nearest import suggestion
from realtime.values.validator import (
    LiteralValidator,
    TableNames,
    Validator,
    ValidatorJson,
    context,
    no_match,
)
from realtime.values.value import UNSET, Value


@dataclass(frozen=True, slots=True)
class ArrayValidator(Validator):
    """Accepts a list whose elements all fit `element`."""

    element: Validator

    wire_types = frozenset({list})

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        # `__class__` here and below: after `type(value) is …` the type checkers forget `Value`.
        if value.__class__ is not list:
            return False
        accepts = self.element.accepts
        # A generator would cost more than most elements do.
        for item in value:
            if not accepts(item, tables):
                return False
        return True

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if value.__class__ is not list:
            return no_match(value, self, path)
        items: list[Value] = value
        for position, item in enumerate(items):
            text = self.element.mismatch(item, tables, f"{path}[{position}]")
            if text is not None:
                return text
        return None

    def to_json(self) -> ValidatorJson:
        return {"type": "array", "value": self.element.to_json()}

    def __str__(self) -> str:
        return f"v.array({self.element})"


Accepts = Callable[[Value, TableNames | None], bool]


class ObjectField(NamedTuple):
    """One declared field: what it must be, and whether it may be missing."""

    validator: Validator
    optional: bool = False

    def __str__(self) -> str:
        return f"v.optional({self.validator})" if self.optional else str(self.validator)


@dataclass(frozen=True, slots=True)
class ObjectValidator(Validator):
    """Accepts an object with the declared fields and no others.

    `fields` is kept sorted by wire name.
    """

    fields: Mapping[str, ObjectField]
    _sorted: tuple[tuple[str, Validator, bool], ...] = field(init=False, repr=False, compare=False)
    _checks: tuple[tuple[str, Accepts, bool, type | None], ...] = field(
        init=False, repr=False, compare=False
    )
    """The same for `accepts`, with the type of each field for which the type is all."""

    wire_types = frozenset({dict})

    def __post_init__(self) -> None:
        fields = {name: self.fields[name] for name in sorted(self.fields)}
        object.__setattr__(self, "fields", fields)
        entries = tuple((name, entry.validator, entry.optional) for name, entry in fields.items())
        object.__setattr__(self, "_sorted", entries)
        checks = tuple(
            (name, validator.accepts, optional, validator.only_type)
            for name, validator, optional in entries
        )
        object.__setattr__(self, "_checks", checks)

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        if value.__class__ is not dict:
            return False
        found = 0
        members: dict[str, Value] = value
        for name, accepts, optional, only_type in self._checks:
            item = members.get(name, UNSET)
            if item is UNSET:
                if not optional:
                    return False
            elif item.__class__ is only_type or accepts(item, tables):
                found += 1
            else:
                return False
        return found == len(members)

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if value.__class__ is not dict:
            return no_match(value, self, path)
        members: dict[str, Value] = value
        for name, validator, optional in self._sorted:
            item = members.get(name, UNSET)
            if item is not UNSET:
                text = validator.mismatch(item, tables, f"{path}.{name}")
                if text is not None:
                    return text
            elif not optional:
                return self._object_text(
                    f"Object is missing the required field `{name}`. Consider wrapping the field "
                    "validator in `v.optional(...)` if this is expected.",
                    members,
                    path,
                )
        for name in sorted(members):
            if name not in self.fields:
                sentence = f"Object contains extra field `{name}` that is not in the validator."
                return self._object_text(sentence, members, path)
        return None

    def pick(self, *names: str) -> ObjectValidator:
        """Return a validator with the fields called `names` alone; DefinitionError for others."""
        self._check_known(names)
        return ObjectValidator({name: self.fields[name] for name in names})

    def omit(self, *names: str) -> ObjectValidator:
        """Return a validator without the fields called `names`; DefinitionError for others."""
        self._check_known(names)
        return ObjectValidator({n: entry for n, entry in self.fields.items() if n not in names})

    def extend(self, fields: Mapping[str, Any]) -> ObjectValidator:
        """Return a validator with more fields, as `v.object` takes them; new ones replace old."""
        # Here, as that module builds on this one.
        from realtime.values.validators import object_fields

        return ObjectValidator({**self.fields, **object_fields(fields)})

    def partial(self) -> ObjectValidator:
        """Return a validator with the same fields, each of which may be missing."""
        return ObjectValidator(
            {name: ObjectField(entry.validator, True) for name, entry in self.fields.items()}
        )

    def _check_known(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in self.fields:
                raise DefinitionError(
                    f"The object has no field `{name}`; {suggestion(name, list(self.fields))}"
                )

    def _object_text(self, sentence: str, value: Value, path: str) -> str:
        return f"{sentence}\n{context(path)}\nObject: {display_value(value)}\nValidator: {self}"

    def to_json(self) -> ValidatorJson:
        fields = {
            name: {"fieldType": validator.to_json(), "optional": optional}
            for name, validator, optional in self._sorted
        }
        return {"type": "object", "value": fields}

    def __str__(self) -> str:
        entries = ", ".join(f"{name}: {entry}" for name, entry in self.fields.items())
        return f"v.object({{{entries}}})"


@dataclass(frozen=True, slots=True)
class RecordValidator(Validator):
    """Accepts an object with any names that fit `keys` and values that fit `values`."""

    keys: Validator
    values: Validator

    wire_types = frozenset({dict})

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        if value.__class__ is not dict:
            return False
        keys, values = self.keys.accepts, self.values.accepts
        members: dict[str, Value] = value
        for name, item in members.items():
            if not (keys(name, tables) and values(item, tables)):
                return False
        return True

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if value.__class__ is not dict:
            return no_match(value, self, path)
        members: dict[str, Value] = value
        for name in sorted(members):
            text = self.keys.mismatch(name, tables, f"{path}.keys()")
            if text is None:
                text = self.values.mismatch(members[name], tables, f"{path}.values()")
            if text is not None:
                return text
        return None

    def to_json(self) -> ValidatorJson:
        values = {"fieldType": self.values.to_json(), "optional": False}
        return {"type": "record", "keys": self.keys.to_json(), "values": values}

    def __str__(self) -> str:
        return f"v.record({self.keys}, {self.values})"


@dataclass(frozen=True, slots=True)
class UnionValidator(Validator):
    """Accepts what one of `members` accepts; a mismatch is reported for the union as a whole."""

    members: tuple[Validator, ...]
    wire_types: frozenset[type] = field(init=False, repr=False, compare=False)
    _words: frozenset[str] = field(init=False, repr=False, compare=False)
    """The members that are strings, as a set: roles and states are unions of many."""

    _others: tuple[Validator, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        types = frozenset[type]().union(*(member.wire_types for member in self.members))
        words = [m.value for m in self.members if isinstance(m, LiteralValidator)]
        others = tuple(m for m in self.members if not _is_word(m))
        object.__setattr__(self, "wire_types", types)
        object.__setattr__(self, "_words", frozenset(w for w in words if isinstance(w, str)))
        object.__setattr__(self, "_others", others)

    def accepts(self, value: Value, tables: TableNames | None) -> bool:
        if value.__class__ is str and value in self._words:
            return True
        # A generator would cost more than most members do.
        for member in self._others:
            if member.accepts(value, tables):
                return True
        return False

    def mismatch(self, value: Value, tables: TableNames | None, path: str) -> str | None:
        if len(self.members) == 1:
            return self.members[0].mismatch(value, tables, path)
        if self.accepts(value, tables):
            return None
        return no_match(value, self, path)

    def to_json(self) -> ValidatorJson:
        return {"type": "union", "value": [member.to_json() for member in self.members]}

    def __str__(self) -> str:
        return f"v.union({', '.join(str(member) for member in self.members)})"


def _is_word(validator: Validator) -> bool:
    return isinstance(validator, LiteralValidator) and isinstance(validator.value, str)
