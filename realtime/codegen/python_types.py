"""Validators as Python types, as a client for Python gives and takes their values.

Objects become `TypedDict` classes at module level, named for where they first appear; a document of
a table has one class wherever it appears. Numbers are `float`, which also takes an `int`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Final

from realtime.codegen.document_types import DocumentTypes
from realtime.codegen.unique_names import UniqueNames
from realtime.values.validators import (
    AnyValidator,
    ArrayValidator,
    BooleanValidator,
    BytesValidator,
    IdValidator,
    Int64Validator,
    IntegerValidator,
    LiteralValidator,
    NullValidator,
    NumberValidator,
    ObjectValidator,
    RecordValidator,
    StringValidator,
    UnionValidator,
    Validator,
)
from realtime.values.value import Int64

_PLAIN_TYPES: Final[Mapping[type[Validator], str]] = {
    AnyValidator: "Any",
    BooleanValidator: "bool",
    BytesValidator: "bytes",
    IntegerValidator: "float",
    NullValidator: "None",
    NumberValidator: "float",
    StringValidator: "str",
}
TYPE_NAMES: Final = (
    "Any",
    "ConvexInt64",
    "Int64",
    "Literal",
    "Never",
    "NewType",
    "NotRequired",
    "Protocol",
    "Subscription",
    "TypeAlias",
    "TypedDict",
    "TypeVar",
    "Watch",
)
"""Names that types are written with, besides builtins and those of the app."""
HIDING: Final = frozenset({*TYPE_NAMES, "bool", "bytes", "dict", "float", "list", "str"})
"""Names that no member of a class may have: types within the class would mean the member."""


class PythonTypes:
    """Writes types, and collects what stands at module level for them.

    `definitions` and `used_names` grow as types are written.
    """

    def __init__(self, documents: DocumentTypes, names: UniqueNames, int64_name: str) -> None:
        """`int64_name` is what the client calls its integers of 64 bits."""
        self._int64_name = int64_name
        self.definitions: list[str] = []
        self.used_names: set[str] = set()
        self._documents = documents
        self._names = names
        self._ids: dict[str, str] = {}
        self._objects: dict[str, str] = {}
        """The names of objects by their validators, as calls of `v`."""
        for table, document in documents.by_table.items():
            self._document(table, document)

    def type_of(self, validator: Validator, name: str) -> str:
        """Return the type of what `validator` accepts; an object in it is called after `name`."""
        match validator:
            case IdValidator(table_name=None):
                return "str"
            case IdValidator(table_name=str(table)):
                return self._id_type(table)
            case LiteralValidator():
                return self._literals([validator])
            case ArrayValidator():
                return f"list[{self.type_of(validator.element, name)}]"
            case RecordValidator():
                keys = self.type_of(validator.keys, name)
                return f"dict[{keys}, {self.type_of(validator.values, name)}]"
            case UnionValidator():
                is_document = self._documents.table_of(validator) is not None
                return (
                    self._objects[str(validator)] if is_document else self._union(validator, name)
                )
            case ObjectValidator():
                return self._object(validator, name)
            case Int64Validator():
                return self.use(self._int64_name)
            case _:
                return self.use(_PLAIN_TYPES[type(validator)])

    def use(self, name: str) -> str:
        """Return `name`, which the module now has to import if it is no builtin."""
        self.used_names.add(name)
        return name

    def _document(self, table: str, document: Validator) -> None:
        name = f"{class_name(table)}Document"
        if isinstance(document, UnionValidator):
            alias = self._names.take(name)
            members = self._union(document, name)
            self.definitions.append(f"{alias}: {self.use('TypeAlias')} = {members!r}\n")
            self._objects[str(document)] = alias
        elif isinstance(document, ObjectValidator):
            self._object(document, name)

    def _id_type(self, table: str) -> str:
        if table not in self._ids:
            name = self._names.take(f"{class_name(table)}Id")
            self._ids[table] = name
            self.definitions.append(f'{name} = {self.use("NewType")}("{name}", str)\n')
        return self._ids[table]

    def _union(self, validator: UnionValidator, name: str) -> str:
        literals = [m for m in validator.members if isinstance(m, LiteralValidator)]
        others = [m for m in validator.members if not isinstance(m, LiteralValidator)]
        types = [self._literals(literals)] if literals else []
        types += [self.type_of(member, name) for member in others]
        return " | ".join(dict.fromkeys(types)) or self.use("Never")

    def _literals(self, literals: Iterable[LiteralValidator]) -> str:
        values = [literal.value for literal in literals]
        types: list[str] = []
        plain = [repr(value) for value in values if isinstance(value, (str, bool))]
        if plain:
            types.append(f"{self.use('Literal')}[{', '.join(dict.fromkeys(plain))}]")
        if any(isinstance(value, float) for value in values):
            types.append("float")  # numbers have no literal type
        if any(isinstance(value, Int64) for value in values):
            types.append(self.use(self._int64_name))
        return " | ".join(types)

    def _object(self, validator: ObjectValidator, name: str) -> str:
        call = str(validator)
        if call not in self._objects:
            own_name = self._names.take(name)
            self._objects[call] = own_name
            fields = {
                field: self._field(self.type_of(entry.validator, name + class_name(field)), entry)
                for field, entry in validator.fields.items()
            }
            self.definitions.append(_typed_dict(own_name, fields))
            self.use("TypedDict")
        return self._objects[call]

    def _field(self, written: str, entry: tuple[Validator, bool]) -> str:
        return f"{self.use('NotRequired')}[{written}]" if entry[1] else written


def class_name(name: str) -> str:
    """Return a wire name as a part of the name of a class."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def is_plain_name(name: str) -> bool:
    """Say whether a name may stand in a class body or a list of parameters as it is."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def identifier(name: str, start: str) -> str:
    """Return a name with `_` for what no Python name has; `start` goes before a digit."""
    plain = re.sub(r"\W", "_", name)
    return start + plain if plain[0].isdigit() else plain


def _typed_dict(name: str, fields: Mapping[str, str]) -> str:
    if all(is_plain_name(field) and field not in HIDING for field in fields):
        body = "".join(f"    {field}: {written}\n" for field, written in fields.items())
        return f"class {name}(TypedDict):\n{body or '    pass' + chr(10)}"
    body = "".join(f"        {field!r}: {written!r},\n" for field, written in fields.items())
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{body}    }},\n)\n'
