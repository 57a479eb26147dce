"""How large and how deep a value may be, and how fields and identifiers may be called.

Source: contract 3.3 (names) and 3.4 (sizes); the texts are those the clients' tests know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from realtime.errors import LimitError, ValidationError
from realtime.values.value import Int64, Value

_KIB: Final = 1024
_MIB: Final = 1024 * 1024

MAX_VALUE_SIZE_BYTES: Final = 32 * _MIB
MAX_VALUE_NESTING: Final = 64
MAX_DOCUMENT_SIZE_BYTES: Final = _MIB
MAX_DOCUMENT_NESTING: Final = 16
MAX_ARRAY_LENGTH: Final = 8192
MAX_OBJECT_FIELDS: Final = 1024
MAX_FIELD_NAME_LENGTH: Final = 1024
MAX_IDENTIFIER_LENGTH: Final = 64

_MOST_PER_ENCODED_BYTE: Final = 9

_SYSTEM_FIELDS: Final = frozenset({"_id", "_creationTime"})
_IDENTIFIER_HEAD: Final = re.compile(r"[a-zA-Z_]")
_NOT_IN_IDENTIFIER: Final = re.compile(r"[^a-zA-Z0-9_]")
_NOT_IN_FIELD_NAME: Final = re.compile(r"[^\x20-\x7e]")


def size_of(value: object) -> int:
    """Return the size of a wire value in bytes, as the limits count it.

    It is defined by kind and content alone and independent of any encoding. A Python int counts as
    a number, a tuple as a list.

    Raises:
        ValidationError: a part of it is no value.
    """
    return _SIZES.get(type(value), _refuse)(value)


def check_value_limits(value: object, encoded_bytes: int | None = None) -> None:
    """Check that a wire value is within the limits of every value.

    Args:
        value: the value.
        encoded_bytes: the length of its canonical JSON, if that is at hand. A value is not larger
            than nine times that (a digit is a number of nine bytes), so most need no counting.

    Raises:
        LimitError: it is larger than 32 MiB, nested over 64 levels deep, or holds an array or
            object with too many members.
    """
    _check_members((value,), 0, MAX_VALUE_NESTING)
    if encoded_bytes is None or encoded_bytes * _MOST_PER_ENCODED_BYTE > MAX_VALUE_SIZE_BYTES:
        _check_size(size_of(value), MAX_VALUE_SIZE_BYTES)


def check_document_limits(document: Mapping[str, Value], encoded_bytes: int | None = None) -> None:
    """Check that the fields of a document, in wire names, are within the limits of documents.

    `encoded_bytes` is as in `check_value_limits`.

    Raises:
        LimitError: it is larger than 1 MiB, nested over 16 levels deep, or holds an array or
            object with too many members.
        ValidationError: a field of the document itself has a name kept for system fields.
    """
    for name in document:
        if name[:1] == "_" and name not in _SYSTEM_FIELDS:
            raise ValidationError(
                f"Field '{name}' starts with an underscore, "
                "which is only allowed for system fields like '_id'"
            )
    _check_object(document, 1, MAX_DOCUMENT_NESTING)
    if encoded_bytes is None or encoded_bytes * _MOST_PER_ENCODED_BYTE > MAX_DOCUMENT_SIZE_BYTES:
        _check_size(_size_of_object(document), MAX_DOCUMENT_SIZE_BYTES)


def check_field_name(name: str) -> None:
    """Check that `name` may be a field of an object. It may be empty.

    Raises:
        ValidationError: it begins with `$`, is over 1024 characters long, or has a character that
            is not ASCII or is a control character.
    """
    if name.startswith("$"):
        raise ValidationError(f"Field name {name} starts with '$', which is reserved.")
    invalid = _NOT_IN_FIELD_NAME.search(name)
    if invalid is not None:
        raise ValidationError(
            f"Field name {_printable(name)} has invalid character '{_printable(invalid[0])}': "
            "Field names can only contain non-control ASCII characters"
        )
    if len(name) > MAX_FIELD_NAME_LENGTH:
        raise ValidationError(
            f"Field name is too long ({len(name)} > maximum {MAX_FIELD_NAME_LENGTH})"
        )


def check_identifier(name: str) -> None:
    """Check that `name` may be the name of a table, of an index or of a declared field.

    Raises:
        ValidationError: it is empty, too long, only underscores, or has a character that
            identifiers do not have.
    """
    if not name:
        raise ValidationError("Identifier cannot be empty")
    if len(name) > MAX_IDENTIFIER_LENGTH:
        raise ValidationError(
            f"Identifier is too long ({len(name)} > maximum {MAX_IDENTIFIER_LENGTH})"
        )
    if not _IDENTIFIER_HEAD.match(name):
        raise ValidationError(
            f"Invalid first character '{_printable(name[0])}' in {_printable(name)}: "
            "Identifiers must start with an alphabetic character or underscore"
        )
    invalid = _NOT_IN_IDENTIFIER.search(name)
    if invalid is not None:
        raise ValidationError(
            f"Identifier {_printable(name)} has invalid character '{_printable(invalid[0])}': "
            "Identifiers can only contain alphanumeric characters or underscores"
        )
    if not name.strip("_"):
        raise ValidationError(f"Identifier {name} cannot have exclusively underscores")


def _printable(text: str) -> str:
    """Return `text` with what cannot be printed or sent written as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes <= limit_bytes:
        return
    actual, limit = display_size(size_bytes), display_size(limit_bytes)
    if actual == limit:
        actual = f"{size_bytes} B"
    raise LimitError(f"Value is too large ({actual} > maximum size {limit})", code="ValueTooLarge")


def display_size(size_bytes: int) -> str:
    """Return a size for people, `1.5 MiB`: at most two decimals, none that are zero."""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    amount, unit = (size_bytes / _MIB, "MiB") if size_bytes >= _MIB else (size_bytes / _KIB, "KiB")
    return f"{amount:.2f}".rstrip("0").rstrip(".") + f" {unit}"


def _check_members(members: Iterable[object], nesting: int, max_nesting: int) -> None:
    """Check the arrays and objects among `members`, which stand `nesting` levels deep.

    Depth first, so that a value that contains itself ends as well.
    """
    for member in members:
        check = _SHAPE_CHECKS.get(type(member))
        if check is not None:
            check(member, nesting + 1, max_nesting)


def _check_array(values: Sequence[object], nesting: int, max_nesting: int) -> None:
    _check_nesting(nesting, max_nesting)
    if len(values) > MAX_ARRAY_LENGTH:
        raise LimitError(
            f"Array length is too long ({len(values)} > maximum length {MAX_ARRAY_LENGTH})",
            code="ArrayTooLong",
        )
    _check_members(values, nesting, max_nesting)


def _check_object(fields: Mapping[str, object], nesting: int, max_nesting: int) -> None:
    _check_nesting(nesting, max_nesting)
    if len(fields) > MAX_OBJECT_FIELDS:
        raise LimitError(
            f"Object has too many fields ({len(fields)} > maximum number {MAX_OBJECT_FIELDS})",
            code="ObjectHasTooManyFields",
        )
    _check_members(fields.values(), nesting, max_nesting)


def _check_nesting(nesting: int, max_nesting: int) -> None:
    if nesting > max_nesting:
        raise LimitError(
            f"Value is too nested (nested {nesting} levels deep > maximum nesting {max_nesting})",
            code="ValueTooNested",
        )


def _size_of_one(value: object) -> int:
    return 1


def _size_of_number(value: object) -> int:
    return 9


def _size_of_str(text: str) -> int:
    # A lone surrogate has a size too: what is wrong with it, the encoding says.
    return 2 + (len(text) if text.isascii() else len(text.encode(errors="surrogatepass")))


def _size_of_bytes(content: bytes) -> int:
    return 2 + len(content)


def _size_of_array(values: Sequence[object]) -> int:
    size = 2
    for item in values:
        size += _SIZES.get(type(item), _refuse)(item)
    return size


def _size_of_object(fields: Mapping[str, object]) -> int:
    # Names are ASCII: their length is their size, and each has one byte beside.
    size = 2 + len(fields) + len("".join(fields))
    for item in fields.values():
        if type(item) is float:
            size += 9
        else:
            size += _SIZES.get(type(item), _refuse)(item)
    return size


def _refuse(value: object) -> int:
    raise ValidationError(f"Expected a value, got `{type(value).__qualname__}`")


_SHAPE_CHECKS: Final[dict[type[Any], Callable[[Any, int, int], None]]] = {
    list: _check_array,
    tuple: _check_array,
    dict: _check_object,
}

_SIZES: Final[dict[type[Any], Callable[[Any], int]]] = {
    type(None): _size_of_one,
    bool: _size_of_one,
    float: _size_of_number,
    int: _size_of_number,
    Int64: _size_of_number,
    str: _size_of_str,
    bytes: _size_of_bytes,
    list: _size_of_array,
    tuple: _size_of_array,
    dict: _size_of_object,
}
