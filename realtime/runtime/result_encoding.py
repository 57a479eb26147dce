"""Encoding what a handler returned, once, checked against its declared type.

A document that is returned as it was read does not need to be checked or encoded again: it came out
of the database, which holds its canonical bytes. So a list of documents is mostly joined bytes,
and a page of them a small object around such a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime.casing import wire_name
from realtime.errors import LimitError
from realtime.runtime.function_path import module_form
from realtime.runtime.pagination import PaginationResult
from realtime.runtime.registry import AppFunction
from realtime.schema.document import Document
from realtime.schema.document_codec import DocumentCodec
from realtime.values.json_encoding import encode_json
from realtime.values.size import MAX_ARRAY_LENGTH, check_value_limits, display_size
from realtime.values.validators import (
    ArrayValidator,
    ObjectValidator,
    TableNames,
    UnionValidator,
    Validator,
)

MAX_RESULT_BYTES = 16 * 1024 * 1024

_PAGE = wire_name("page")
_PAGE_NAME = b'"%s":' % _PAGE.encode()
_EMPTY_PAGE = _PAGE_NAME + b"[]"
"""Nothing else in the JSON text of a page can read like it: inside a string, the quotation marks
would have a backslash before them."""


KnownDocument = tuple[Document, bytes, DocumentCodec]
"""An object that the database handed out, the bytes it was made from, and its codec.

It holds the object, so that its identity is not given to another one.
"""


def encode_result(
    function: AppFunction,
    result: Any,
    known: Mapping[int, KnownDocument],
    tables: TableNames,
) -> bytes:
    """Return `result` as canonical JSON; ValidationError if it is not what was declared."""
    validator = function.signature.returns_validator
    if type(result) is PaginationResult:
        page: PaginationResult[Any] = result  # pyright: ignore[reportUnknownVariableType] user data
        encoded = _page_from_known(function, page, known, tables)
    else:
        encoded = _from_known(result, known, validator)
    if encoded is None:
        value = function.signature.returns.encode(result)
        if validator is not None:
            validator.check(value, tables)
        encoded = encode_json(value)
        check_value_limits(value, len(encoded))
    if len(encoded) > MAX_RESULT_BYTES:
        raise LimitError(
            f"Function {module_form(function.path)} return value is too large "
            f"(actual: {display_size(len(encoded))}, limit: 16 MiB)"
        )
    return encoded


def _page_from_known(
    function: AppFunction,
    page: PaginationResult[Any],
    known: Mapping[int, KnownDocument],
    tables: TableNames,
) -> bytes | None:
    """Return a page of known documents: the rest of it, encoded, around the joined bytes."""
    validator = function.signature.returns_validator
    rows_validator: Validator | None = None
    if validator is not None:
        field = validator.fields.get(_PAGE) if isinstance(validator, ObjectValidator) else None
        if field is None:
            return None
        rows_validator = field.validator
    rows = _from_known(page.page, known, rows_validator)
    if rows is None:
        return None
    rest = function.signature.returns.encode(page.with_page(()))
    if validator is not None:
        validator.check(rest, tables)
    head, empty, tail = encode_json(rest).partition(_EMPTY_PAGE)
    assert empty, "a page has its rows under this name"
    return head + _PAGE_NAME + rows + tail


def _from_known(
    result: Any, known: Mapping[int, KnownDocument], validator: Validator | None
) -> bytes | None:
    """Return the joined bytes of known documents; None if `result` is anything else."""
    if type(result) is not list:
        return _known_bytes(result, known, validator)
    if len(result) > MAX_ARRAY_LENGTH:  # pyright: ignore[reportUnknownArgumentType] user data
        return None  # the other way says what is wrong
    element: Validator | None = None
    if validator is not None:
        if not isinstance(validator, ArrayValidator):
            return None
        element = validator.element
    pieces: list[bytes] = []
    admitted: DocumentCodec | None = None
    for item in result:  # pyright: ignore[reportUnknownVariableType] user data
        found = known.get(id(item))  # pyright: ignore[reportUnknownArgumentType]
        if found is None:
            return None
        document, encoded, codec = found
        if codec is not admitted and not _admits(element, codec.validator):
            return None
        if not codec.is_frozen(document):
            return None
        admitted = codec
        pieces.append(encoded)
    return b"[%b]" % b",".join(pieces)


def _known_bytes(
    item: Any, known: Mapping[int, KnownDocument], validator: Validator | None
) -> bytes | None:
    found = known.get(id(item))
    if found is None:
        return None
    document, encoded, codec = found
    if not codec.is_frozen(document) or not _admits(validator, codec.validator):
        return None
    return encoded


def _admits(validator: Validator | None, document: Validator) -> bool:
    if validator is None or validator is document:
        return True
    return isinstance(validator, UnionValidator) and any(
        member is document for member in validator.members
    )
