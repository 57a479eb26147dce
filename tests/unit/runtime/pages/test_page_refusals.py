"""What is refused where a page is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.registry import LoadedApp
from tests.unit.runtime.pages.shelves import INVALID_CURSOR, args_of, failure, page, run, shelves


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"numItems": 0}, "Must request at least 1 document while paginating"),
        ({"numItems": -1}, "`options.numItems` must be a positive number. Received `-1`"),
        ({"numItems": 2.5}, "`options.numItems` must be a whole number. Received `2.5`"),
        (
            {"numItems": {"$float": "AAAAAAAA+H8="}},
            "`options.numItems` must be a positive number. Received `NaN`",
        ),
        ({"numItems": 32_001}, "Requested too many items: 32001. A page has at most 32000"),
        ({"numItems": {"$float": "AAAAAAAA8H8="}}, "Requested too many items: Infinity."),
        ({"maximumRowsRead": 0}, "maximumRowsRead and maximumBytesRead must be greater than 0"),
        ({"maximumBytesRead": -5}, "maximumRowsRead and maximumBytesRead must be greater than 0"),
        (
            {"maximumRowsRead": 2.5},
            "`options.maximumRowsRead` must be a whole number. Received `2.5`",
        ),
    ],
)
async def test_options_that_ask_for_no_page_are_refused(
    backend: Backend, options: dict[str, Any], text: str
) -> None:
    found, data = await failure(
        backend, "withOptions", options={"numItems": 1, "cursor": None, **options}
    )

    assert found.removeprefix("Uncaught Error: ").startswith(text)
    assert data is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"numItems": 1}, "missing the required field `cursor`"),
        ({"numItems": "1", "cursor": None}, "Path: .numItems"),
        ({"numItems": 1, "cursor": 5}, "Path: .cursor"),
        ({"numItems": 1, "cursor": None, "limit": 5}, "`limit`"),
        ("none", "Value does not match validator"),
        (None, "Value does not match validator"),
    ],
)
async def test_what_are_no_options_is_refused(backend: Backend, options: object, text: str) -> None:
    found, _ = await failure(backend, "withOptions", options=options)

    assert text in found


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("onShelf", {"shelf": "b"}),
        ("onShelf", {"shelf": "a", "order": "desc"}),
        ("everywhere", {}),
        ("byId", {}),
        ("inRange", {"shelf": "a", "low": 0, "high": 9}),
        ("public", {"shelf": "a"}),
        ("inLooseTable", {}),
    ],
)
async def test_cursor_of_another_query_is_refused(
    backend: Backend, function: str, args: dict[str, Any]
) -> None:
    for items in (2, 11):
        cursor = (await page(backend, items=items))["continueCursor"]
        for place in ({"cursor": cursor}, {"cursor": None, "endCursor": cursor}):
            text, data = await failure(backend, function, **args_of(**args, **place))

            assert text.startswith(
                "Uncaught ConvexError: InvalidCursor: Tried to run a query starting from a cursor, "
                "but it looks like this cursor is from a different query."
            )
            assert data == INVALID_CURSOR


@pytest.mark.asyncio
@pytest.mark.parametrize("cursor", ["", "end", "?" * 50, "A" * 44, "ä", "\0", "A" * 100_000])
async def test_cursor_that_nobody_made_is_refused(backend: Backend, cursor: str) -> None:
    for place in ({"cursor": cursor}, {"cursor": None, "endCursor": cursor}):
        text, data = await failure(backend, "onShelf", **args_of(shelf="a", **place))

        assert text.startswith("Uncaught ConvexError: Failed to parse cursor")
        assert data == INVALID_CURSOR


@pytest.mark.asyncio
async def test_function_can_catch_an_invalid_cursor(backend: Backend) -> None:
    args = args_of(shelf="a", cursor="nobody's")

    assert await run(backend, "titlesOrFirst", **args) == "InvalidCursor"


@pytest.mark.asyncio
async def test_data_of_an_invalid_cursor_is_sent_where_texts_are_redacted(app: LoadedApp) -> None:
    async with shelves(app, redact_errors=True) as backend:
        args = json.dumps(args_of(shelf="a", cursor="nobody's")).encode()
        result = await backend.run_query(FunctionCall("books:onShelf", args))

        assert result.error is not None and result.error.data is not None
        assert json.loads(result.error.data) == INVALID_CURSOR
        assert "cursor" not in result.error.message


@pytest.mark.asyncio
async def test_second_page_in_one_function_is_refused(backend: Backend) -> None:
    text, _ = await failure(backend, "twice", **args_of(shelf="a"))

    assert text.removeprefix("Uncaught Error: ") == (
        "This query or mutation function ran multiple paginated queries. Convex only supports a "
        "single paginated query in each function."
    )


@pytest.mark.asyncio
async def test_each_nested_function_may_read_a_page(backend: Backend) -> None:
    assert await run(backend, "twoNested", shelf="a", numItems=2) == ["0", "1", "2", "3"]
