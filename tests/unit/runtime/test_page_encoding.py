"""Documents that are returned as they were read are not encoded again on pages either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from realtime.database.catalog import Catalog
from realtime.errors import ValidationError
from realtime.runtime.pagination import PaginationResult
from realtime.runtime.registry import AppFunction, LoadedApp, load_app
from realtime.runtime.result_encoding import KnownDocument, encode_result
from realtime.schema.document_codec import DocumentCodec

SHELVES = Path(__file__).parents[2] / "apps" / "shelves"
NO_TABLES = Catalog({}, 1)
CURSOR = 'x"page":[]'


@pytest.fixture(scope="module")
def app() -> LoadedApp:
    return load_app(SHELVES)


@pytest.fixture
def codec(app: LoadedApp) -> DocumentCodec:
    definition = app.schema.tables["books"]
    assert definition.codec is not None
    return definition.codec


def function(app: LoadedApp, path: str) -> AppFunction:
    found = app.registry.find(path)
    assert found is not None
    return found


def read(codec: DocumentCodec, title: str, known: dict[int, KnownDocument]) -> Any:
    """A book as `ctx.db` hands it out."""
    fields = {"_creationTime": 1.0, "_id": "j57", "isSecret": False, "place": 1.0, "shelf": "a"}
    document = codec.decode({**fields, "title": title})
    bytes_read = json.dumps({"read": title}).encode()
    known[id(document)] = (document, bytes_read, codec)
    return document


@pytest.mark.parametrize("path", ["books:onShelf", "books:unannotated"])
def test_documents_of_a_page_are_not_encoded_again(
    app: LoadedApp, codec: DocumentCodec, path: str
) -> None:
    known: dict[int, KnownDocument] = {}
    books = [read(codec, title, known) for title in "ab"]
    page = PaginationResult(books, False, CURSOR, None, "SplitRequired")

    encoded = encode_result(function(app, path), page, known, NO_TABLES)

    assert json.loads(encoded) == {
        "continueCursor": CURSOR,
        "isDone": False,
        "page": [{"read": "a"}, {"read": "b"}],
        "pageStatus": "SplitRequired",
        "splitCursor": None,
    }


def test_page_with_anything_else_in_it_is_encoded(app: LoadedApp, codec: DocumentCodec) -> None:
    known: dict[int, KnownDocument] = {}
    page: PaginationResult[Any] = PaginationResult([read(codec, "a", known), 5.0], True, CURSOR)

    encoded = encode_result(function(app, "books:unannotated"), page, known, NO_TABLES)

    assert [type(row) for row in json.loads(encoded)["page"]] == [dict, int]
    assert json.loads(encoded)["page"][0]["title"] == "a"


def test_page_without_rows_is_encoded(app: LoadedApp) -> None:
    page: PaginationResult[Any] = PaginationResult([], True, CURSOR)

    encoded = encode_result(function(app, "books:onShelf"), page, {}, NO_TABLES)

    assert json.loads(encoded)["page"] == []


def test_rest_of_a_page_of_known_documents_is_checked(app: LoadedApp, codec: DocumentCodec) -> None:
    known: dict[int, KnownDocument] = {}
    not_a_cursor: Any = 5
    page = PaginationResult([read(codec, "a", known)], True, not_a_cursor)

    with pytest.raises(ValidationError, match="continueCursor"):
        encode_result(function(app, "books:onShelf"), page, known, NO_TABLES)


def test_known_documents_are_checked_where_others_are_declared(
    app: LoadedApp, codec: DocumentCodec
) -> None:
    known: dict[int, KnownDocument] = {}
    page = PaginationResult([read(codec, "a", known)], True, CURSOR)

    with pytest.raises(ValidationError, match="string"):
        encode_result(function(app, "books:titles"), page, known, NO_TABLES)
