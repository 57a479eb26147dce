"""Validators as TypeScript types, as the official clients decode their values.

Types are literal and closed: no type is computed from another one, so an editor stays fast however
many functions there are.

Source: contract 10 (type mapping), 5.8 (pages).
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from realtime.codegen.document_types import DocumentTypes
from realtime.runtime.pagination import PaginationResult
from realtime.values.annotations import codec_of_class
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
    ObjectField,
    ObjectValidator,
    RecordValidator,
    StringValidator,
    UnionValidator,
    Validator,
    v,
)
from realtime.values.value import Int64

SYSTEM_TABLES: Final = frozenset({"_storage", "_scheduled_functions"})
"""Tables of the system that TypeScript knows without a declaration."""

EMPTY_OBJECT: Final = "Record<string, never>"

_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PLAIN_TYPES: Final[Mapping[type[Validator], str]] = {
    AnyValidator: "any",
    BooleanValidator: "boolean",
    BytesValidator: "ArrayBuffer",
    Int64Validator: "bigint",
    IntegerValidator: "number",
    NullValidator: "null",
    NumberValidator: "number",
    StringValidator: "string",
}
_PAGE: Final = "page"
_LONGEST_PLAIN_INTEGER: Final = 1e15


def _page_frame() -> ObjectValidator:
    """Return the validator of a page without its rows."""
    codec = codec_of_class(PaginationResult)
    assert codec is not None and isinstance(codec.validator, ObjectValidator)
    return codec.validator.omit(_PAGE)


_PAGE_FRAME: Final = _page_frame()


class TypeWriter:
    """Writes types for one file.

    `used_names` grows as types are written: the names that the file has to import.
    """

    def __init__(self, documents: DocumentTypes) -> None:
        self.used_names: set[str] = set()
        self._documents = documents

    def type_of(self, validator: Validator) -> str:
        """Return the type of the values that `validator` accepts."""
        table = self._documents.table_of(validator)
        if table is not None:
            return f"{self.use('Doc')}<{quoted(table)}>"
        return self.expanded(validator)

    def expanded(self, validator: Validator) -> str:
        """Return the same type, written out also where it is that of a table's documents."""
        match validator:
            case IdValidator(table_name=None):
                return "string"
            case IdValidator(table_name=str(table)):
                return self._id_type(table)
            case LiteralValidator():
                return _literal(validator)
            case ArrayValidator():
                return f"Array<{self.type_of(validator.element)}>"
            case RecordValidator():
                return f"Record<{self.type_of(validator.keys)}, {self.type_of(validator.values)}>"
            case UnionValidator():
                return self._union(validator.members)
            case ObjectValidator():
                return self._object(validator)
            case _:
                return _PLAIN_TYPES[type(validator)]

    def field(self, name: str, declared: ObjectField) -> str:
        """Return the member of an object type that stands for a field."""
        mark = "?" if declared.optional else ""
        return f"{property_name(name)}{mark}: {self.type_of(declared.validator)}"

    def described(self, validator: Validator, docs: Mapping[str, str]) -> str:
        """Return the type of an object, with a comment before each field that `docs` tells of.

        Each text is one line.
        """
        written = self.type_of(validator)
        if not isinstance(validator, ObjectValidator) or not written.startswith("{"):
            return written
        members = [
            doc_comment(docs.get(name), "").replace("\n", " ") + self.field(name, declared)
            for name, declared in validator.fields.items()
        ]
        return f"{{ {'; '.join(members)} }}"

    def use(self, name: str) -> str:
        """Return `name`, which the file now has to import."""
        self.used_names.add(name)
        return name

    def _id_type(self, table: str) -> str:
        is_known = table in self._documents.by_table or table in SYSTEM_TABLES
        # The type of ids takes declared tables alone; documents may be in others.
        return f"{self.use('Id' if is_known else 'GenericId')}<{quoted(table)}>"

    def _union(self, members: Iterable[Validator]) -> str:
        types = dict.fromkeys(self.type_of(member) for member in members)
        return " | ".join(types) or "never"

    def _object(self, validator: ObjectValidator) -> str:
        if validator == v.pagination_options():
            return self.use("PaginationOptions")
        if not validator.fields:
            return EMPTY_OBJECT
        rows = validator.fields.get(_PAGE)
        if rows is not None and isinstance(rows.validator, ArrayValidator) and not rows.optional:
            if validator.omit(_PAGE) == _PAGE_FRAME:
                row_type = self.type_of(rows.validator.element)
                return f"{self.use('PaginationResult')}<{row_type}>"
        members = [self.field(name, declared) for name, declared in validator.fields.items()]
        return f"{{ {'; '.join(members)} }}"


def field_paths(validator: Validator) -> list[str]:
    """Return the dotted paths of all fields in documents, as TypeScript types, in order."""
    return list(dict.fromkeys(_paths(validator, "")))


def _paths(validator: Validator, prefix: str) -> Iterable[str]:
    match validator:
        case ObjectValidator():
            for name, declared in validator.fields.items():
                yield quoted(prefix + name)
                yield from _paths(declared.validator, f"{prefix}{name}.")
        case UnionValidator():
            for member in validator.members:
                yield from _paths(member, prefix)
        case RecordValidator() if prefix:
            yield f"`{prefix}${{string}}`"
        case AnyValidator() if not prefix:
            yield "string"
        case _:
            return


def property_name(name: str) -> str:
    """Return a member's name as an object type has it."""
    return name if _NAME.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """Return a text as a string literal."""
    literal = json.dumps(text, ensure_ascii=False)
    return literal.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def doc_comment(text: str | None, indent: str) -> str:
    """Return a docstring as a comment that editors show, with the line end; empty for none."""
    lines = _clean_lines(text)
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _clean_lines(text: str | None) -> list[str]:
    cleaned = inspect.cleandoc(text or "").replace("*/", "*\\/")
    return [line.rstrip() for line in cleaned.splitlines()]


def _literal(validator: LiteralValidator) -> str:
    value = validator.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Int64):
        return f"{int(value)}n"
    return quoted(value) if isinstance(value, str) else _number_literal(value)


def _number_literal(number: float) -> str:
    if not math.isfinite(number):
        return "number"  # these have no literal type
    if number.is_integer() and abs(number) < _LONGEST_PLAIN_INTEGER:
        return str(int(number))
    return repr(number)
