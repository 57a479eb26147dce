"""Pages: where they end, what they contain, what wakes them, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from realtime.database.database import DatabaseLimits
from realtime.database.limits import TransactionLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.pagination import PaginationOptions
from realtime.runtime.registry import LoadedApp, load_app
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock, running_backend
from realtime.values.annotations import codec_of_class
from realtime.values.validators import v
from tests.harness.live_client import JournalKeeper, turn

SHELVES = Path(__file__).parents[2] / "apps" / "shelves"
INVALID_CURSOR = {"isConvexSystemError": True, "paginationError": "InvalidCursor"}
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))

Page = dict[str, Any]


@pytest.fixture(scope="module")
def app() -> LoadedApp:
    return load_app(SHELVES)


@asynccontextmanager
async def shelves(app: LoadedApp, **options: Any) -> AsyncIterator[Backend]:
    async with running_backend(app, **{"limits": LIMITS, **options}) as backend:
        yield backend


@pytest_asyncio.fixture
async def backend(app: LoadedApp) -> AsyncIterator[Backend]:
    """The books 0 to 9 on the shelf `a`; scans read two rows at a time."""
    async with shelves(app) as backend:
        await run(backend, "fill", shelf="a", count=10)
        yield backend


def with_limits(**limits: int) -> Limits:
    return Limits(database=DatabaseLimits(TransactionLimits(**limits), scan_chunk=2))


def args_of(items: float = 3, cursor: str | None = None, **args: Any) -> dict[str, Any]:
    """Arguments with pagination options; names of options are told by their spelling."""
    options = {"numItems": items, "cursor": cursor}
    for name in ("endCursor", "maximumRowsRead", "maximumBytesRead", "id"):
        if name in args:
            options[name] = args.pop(name)
    return {"paginationOpts": options, **args}


async def run(backend: Backend, function: str, **args: Any) -> Any:
    call = FunctionCall(f"books:{function}", json.dumps(args).encode())
    outcome = await backend.run_function(call)
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


async def failure(backend: Backend, function: str, **args: Any) -> tuple[str, Any]:
    """The text of a failure without its envelope and stack, and its data."""
    call = FunctionCall(f"books:{function}", json.dumps(args).encode())
    outcome = await backend.run_function(call)
    assert outcome.error is not None, outcome.value
    data = outcome.error.data
    text = outcome.error.message.split("Server Error\n")[1].split("\n    at ")[0].strip()
    return text, None if data is None else json.loads(data)


async def page(backend: Backend, function: str = "on_shelf", **args: Any) -> Page:
    """A page; those that need a shelf read the shelf `a`."""
    if function not in ("everywhere", "by_id", "in_loose_table"):
        args.setdefault("shelf", "a")
    found: Page = await run(backend, wire(function), **args_of(**args))
    assert list(found) == ["continueCursor", "isDone", "page", "pageStatus", "splitCursor"]
    return found


def wire(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def places(found: Page) -> list[float]:
    return [book["place"] for book in found["page"]]


async def walk(backend: Backend, function: str = "on_shelf", **args: Any) -> list[list[float]]:
    """The places on each page, from the first to the last."""
    found: list[list[float]] = []
    cursor: str | None = None
    for _ in range(100):
        result = await page(backend, function, cursor=cursor, **args)
        found.append(places(result))
        if result["isDone"]:
            return found
        cursor = result["continueCursor"]
    raise AssertionError("the pages do not end")


# What stands on a page


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["on_shelf", "everywhere", "unannotated", "nested"])
async def test_pages_follow_one_another_to_the_end(backend: Backend, function: str) -> None:
    assert await walk(backend, function, items=4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.asyncio
async def test_pages_can_be_read_by_id(backend: Backend) -> None:
    whole = await page(backend, "by_id", items=11)

    assert sorted(places(whole)) == list(range(10))
    ids = [book["_id"] for book in whole["page"]]
    assert ids == sorted(ids)
    pages = await walk(backend, "by_id", items=4)
    assert [place for found in pages for place in found] == places(whole)


@pytest.mark.asyncio
async def test_pages_can_go_backwards(backend: Backend) -> None:
    assert await walk(backend, items=4, order="desc") == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]


@pytest.mark.asyncio
async def test_pages_stay_within_the_range(backend: Backend) -> None:
    await run(backend, "add", shelf="b", place=4)

    assert await walk(backend, "in_range", items=2, low=3, high=8) == [[4, 5], [6, 7], [8]]
    assert await walk(backend, "in_range", items=2, low=9, high=3) == [[]]


@pytest.mark.asyncio
async def test_page_that_ends_with_its_last_item_does_not_look_further(backend: Backend) -> None:
    first = await page(backend, items=10)

    assert places(first) == list(range(10))
    assert first["isDone"] is False
    second = await page(backend, items=10, cursor=first["continueCursor"])
    assert (second["page"], second["isDone"]) == ([], True)
    assert second["splitCursor"] is None and second["pageStatus"] is None


@pytest.mark.asyncio
async def test_page_from_the_end_on_is_empty(backend: Backend) -> None:
    last = await page(backend, items=11)
    assert last["isDone"] is True

    behind = await page(backend, cursor=last["continueCursor"])

    assert (behind["page"], behind["isDone"]) == ([], True)
    assert behind["continueCursor"] == last["continueCursor"]


@pytest.mark.asyncio
async def test_documents_with_equal_keys_are_told_apart(backend: Backend) -> None:
    for title in "vwxyz":
        await run(backend, "add", shelf="b", place=1, title=title)

    titles: list[str] = []
    cursor = None
    for _ in range(3):
        found = await page(backend, items=2, shelf="b", cursor=cursor)
        titles += [book["title"] for book in found["page"]]
        cursor = found["continueCursor"]

    assert titles == list("vwxyz")


@pytest.mark.asyncio
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_end_cursor_takes_the_place_of_the_number_of_items(
    backend: Backend, order: str
) -> None:
    whole = await page(backend, items=6, order=order)
    end = whole["continueCursor"]

    for items in (1, 3, 100):
        again = await page(backend, items=items, endCursor=end, order=order)
        assert (again["page"], again["continueCursor"]) == (whole["page"], end)
        assert again["isDone"] is False


@pytest.mark.asyncio
async def test_end_cursor_at_the_end_reads_all(backend: Backend) -> None:
    end = (await page(backend, items=11))["continueCursor"]

    found = await page(backend, items=1, endCursor=end)

    assert places(found) == list(range(10))
    assert (found["isDone"], found["continueCursor"]) == (True, end)


@pytest.mark.asyncio
async def test_end_before_the_beginning_gives_an_empty_page(backend: Backend) -> None:
    early, late = await page(backend, items=2), await page(backend, items=5)

    found = await page(backend, cursor=late["continueCursor"], endCursor=early["continueCursor"])

    assert (found["page"], found["isDone"]) == ([], False)


@pytest.mark.asyncio
async def test_end_cursor_that_is_null_is_none(backend: Backend) -> None:
    assert places(await page(backend, items=2, endCursor=None, id=17)) == [0, 1]


@pytest.mark.asyncio
async def test_filter_drops_documents_and_the_page_fills_up(backend: Backend) -> None:
    for place in (10, 12, 13):
        await run(backend, "add", shelf="a", place=place, isSecret=True)
    await run(backend, "add", shelf="a", place=14)

    assert await walk(backend, "public", items=6) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 14]]
    assert await walk(backend, "public", items=6, order="desc") == [
        [14, 9, 8, 7, 6, 5],
        [4, 3, 2, 1, 0],
    ]


@pytest.mark.asyncio
async def test_table_that_does_not_exist_has_one_empty_page(backend: Backend) -> None:
    found = await page(backend, "in_loose_table")
    assert (found["page"], found["isDone"]) == ([], True)

    client = JournalKeeper(backend)
    client.subscribe(1, "books:inLooseTable", args_of())
    assert (await client.value(1))["page"] == []
    for number in range(5):
        await run(backend, "addLoose", fields={"number": number})

    value = await client.value(1)
    assert [each["number"] for each in value["page"]] == list(range(5)), "it is the last page"
    assert value["isDone"] is True


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("asc", [["after 0", "1", "after 1"], ["after 2", "3", "after 3"]]),
        ("desc", [["after 3", "3", "after 2"], ["after 1", "1", "after 0"]]),
    ],
)
async def test_page_of_a_mutation_has_its_own_writes(
    backend: Backend, order: str, expected: list[list[str]]
) -> None:
    await run(backend, "fill", shelf="b", count=4)
    path = "pageOverOwnWrites"
    options = args_of(items=3, shelf="b", order=order)
    call = FunctionCall(f"books:{path}", json.dumps(options).encode())

    first = await backend.run_mutation(call)

    assert first.value is not None, first.error
    found = json.loads(first.value)
    assert found["page"] == expected[0]
    rest = await page(backend, cursor=found["continueCursor"], shelf="b", order=order)
    assert [book["title"] for book in rest["page"]] == expected[1]


@pytest.mark.asyncio
async def test_all_that_functions_can_say_gives_the_same_bytes(backend: Backend) -> None:
    paths = ("onShelf", "unannotated", "inWireNames", "nested")

    results = [
        await backend.run_query(
            FunctionCall(f"books:{path}", json.dumps(args_of(shelf="a")).encode())
        )
        for path in paths
    ]

    assert results[0].value is not None
    assert [result.value for result in results] == [results[0].value] * len(paths)
    assert json.loads(results[0].value)["page"][0].keys() == {
        "_creationTime",
        "_id",
        "isSecret",
        "place",
        "shelf",
        "title",
    }


@pytest.mark.asyncio
async def test_page_with_other_rows_keeps_the_rest(backend: Backend) -> None:
    plain, mapped = await page(backend), await page(backend, "titles")

    assert mapped == {**plain, "page": ["0", "1", "2"]}


@pytest.mark.asyncio
async def test_rows_are_checked_against_the_declared_type(backend: Backend) -> None:
    text, _ = await failure(backend, "wronglyTyped", **args_of(shelf="a"))

    assert text.startswith("ReturnsValidationError: ")
    assert "Path: .page[0]" in text


def test_options_are_declared_as_clients_send_them() -> None:
    codec = codec_of_class(PaginationOptions)

    assert codec is not None
    assert codec.validator.to_json() == v.pagination_options().to_json()


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["on_shelf", "public"])
@pytest.mark.parametrize("cursor", [False, True])
async def test_long_page_lets_others_go_first_and_stays_at_its_time(
    backend: Backend, function: str, cursor: bool
) -> None:
    await run(backend, "fill", shelf="b", count=60)
    whole = await page(backend, function, shelf="b", items=61)
    options: dict[str, Any] = {"shelf": "b", "items": 61, "id": 1}
    if cursor:
        options["endCursor"] = whole["continueCursor"]
    reading = asyncio.create_task(page(backend, function, **options))
    await turn()
    await turn()
    removing = asyncio.create_task(run(backend, "removeAt", shelf="b", place=59))
    turns = 0
    while not reading.done():
        await turn()
        turns += 1

    assert turns >= 10, "thirty chunks, of which two or fewer are read in one turn of this test"
    assert places(await reading) == list(range(60)), "it was removed after the page was begun"
    await removing
    assert places(await page(backend, function, **options)) == list(range(59))


# Limits


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("items", "rows", "count", "status"),
    [
        (3, 3, 3, "SplitRecommended"),
        (3, 2, 2, "SplitRequired"),
        (1, 3, 1, None),
        (3, 4, 3, None),
        (10, 10, 10, "SplitRecommended"),
        (7, 10, 7, None),
        (8, 10, 8, "SplitRecommended"),
        (20, 10, 10, "SplitRequired"),
        (20, 1, 1, "SplitRequired"),
        (20, 11, 10, "SplitRecommended"),
    ],
)
async def test_page_ends_when_it_has_read_its_rows(
    backend: Backend, items: int, rows: int, count: int, status: str | None
) -> None:
    found = await page(backend, items=items, maximumRowsRead=rows)

    assert places(found) == list(range(count))
    assert found["pageStatus"] == status
    following = await page(backend, items=1, cursor=found["continueCursor"])
    assert places(following) == [count][: 10 - count], "it ends at its last row"


@pytest.mark.asyncio
async def test_rows_that_filters_drop_count_as_read(backend: Backend) -> None:
    for place in range(3):
        await run(backend, "add", shelf="b", place=place, isSecret=place != 2)
    options = {"shelf": "b", "items": 5}

    found = await page(backend, "public", maximumRowsRead=2, **options)
    assert (found["page"], found["pageStatus"], found["isDone"]) == ([], "SplitRequired", False)
    rest = await page(backend, "public", cursor=found["continueCursor"], **options)
    assert places(rest) == [2]
    whole = await page(backend, "public", maximumRowsRead=100, **options)
    assert (places(whole), whole["pageStatus"]) == ([2], None)
    assert whole["splitCursor"] is not None, "three rows were scanned"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("size", "count", "status"),
    [
        (1, 1, "SplitRequired"),
        (2_500, 3, "SplitRequired"),
        (6_000, 5, "SplitRecommended"),
        (8_000, 5, None),
    ],
)
async def test_page_ends_when_it_has_read_its_bytes(
    backend: Backend, size: int, count: int, status: str | None
) -> None:
    await run(backend, "fill", shelf="b", count=9, size=1_000)

    for function in ("on_shelf", "public"):
        found = await page(backend, function, shelf="b", items=5, maximumBytesRead=size)
        assert places(found) == list(range(count))
        assert found["pageStatus"] == status


@pytest.mark.asyncio
async def test_long_page_should_be_split(app: LoadedApp) -> None:
    async with shelves(app, limits=Limits()) as backend:
        await run(backend, "fill", shelf="a", count=6_146)

        assert (await page(backend, items=6_144))["pageStatus"] is None
        assert (await page(backend, items=6_145))["pageStatus"] == "SplitRecommended"


@pytest.mark.asyncio
@pytest.mark.parametrize(("items", "left"), [(1, None), (2, None), (3, 2), (4, 2), (5, 3), (10, 5)])
async def test_split_cursor_stands_in_the_middle(
    backend: Backend, items: int, left: int | None
) -> None:
    whole = await page(backend, items=items)
    split, end = whole["splitCursor"], whole["continueCursor"]
    if left is None:
        assert split is None
        return

    halves = [
        await page(backend, items=items, endCursor=split),
        await page(backend, items=items, cursor=split, endCursor=end),
    ]

    assert len(halves[0]["page"]) == left
    assert places(halves[0]) + places(halves[1]) == places(whole)
    assert halves[1]["continueCursor"] == end


@pytest.mark.asyncio
async def test_page_with_a_fixed_end_keeps_it_when_it_has_grown_too_large(
    backend: Backend,
) -> None:
    end = (await page(backend, items=4))["continueCursor"]
    for place in (0.1, 0.2, 0.3, 0.4):
        await run(backend, "add", shelf="a", place=place)

    large = await page(backend, endCursor=end, maximumRowsRead=5)

    assert (places(large), large["pageStatus"]) == ([0, 0.1, 0.2, 0.3, 0.4], "SplitRequired")
    assert large["continueCursor"] == end, "the halves must reach to where the next page begins"
    halves = [
        await page(backend, endCursor=large["splitCursor"], maximumRowsRead=5),
        await page(backend, cursor=large["splitCursor"], endCursor=end, maximumRowsRead=5),
    ]
    assert [places(half) for half in halves] == [[0, 0.1, 0.2], [0.3, 0.4, 1, 2, 3]]
    assert [half["pageStatus"] for half in halves] == [None, "SplitRecommended"]


@pytest.mark.asyncio
async def test_page_with_a_fixed_end_is_whole_if_nothing_is_left_behind_its_limit(
    backend: Backend,
) -> None:
    end = (await page(backend, items=3))["continueCursor"]
    await run(backend, "removeAt", shelf="a", place=2)
    await run(backend, "add", shelf="a", place=0.5)

    found = await page(backend, endCursor=end, maximumRowsRead=3)

    assert (places(found), found["pageStatus"]) == ([0, 0.5, 1], "SplitRecommended")


@pytest.mark.asyncio
async def test_page_that_lacks_documents_is_read_again_when_it_no_longer_does(
    backend: Backend,
) -> None:
    end = (await page(backend, items=3))["continueCursor"]
    client = JournalKeeper(backend)
    client.subscribe(1, "books:onShelf", args_of(shelf="a", endCursor=end, maximumRowsRead=2))
    assert (await client.value(1))["pageStatus"] == "SplitRequired"

    await run(backend, "removeAt", shelf="a", place=2)

    value = await client.value(1)
    assert (places(value), value["pageStatus"]) == ([0, 1], "SplitRecommended")


@pytest.mark.asyncio
async def test_page_of_a_function_that_has_read_much_ends_early(app: LoadedApp) -> None:
    async with shelves(app, limits=with_limits(documents_read=8)) as backend:
        await run(backend, "fill", shelf="a", count=8)

        found = await page(backend, "after_reading", count=6, items=5)
        assert (places(found), found["pageStatus"]) == ([0, 1], "SplitRequired")
        text, _ = await failure(backend, "afterReading", **args_of(shelf="a", count=8))
        assert "Too many documents read in a single function execution (limit: 8)" in text


@pytest.mark.asyncio
async def test_page_ends_before_the_bytes_of_the_transaction_are_used_up(app: LoadedApp) -> None:
    limit = 2**20 + 5_000
    async with shelves(app, limits=with_limits(bytes_read=limit)) as backend:
        await run(backend, "fill", shelf="a", count=9, size=1_000)

        found = await page(backend, items=9)

        assert (places(found), found["pageStatus"]) == ([0, 1, 2, 3, 4], "SplitRequired")


# What is refused


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


# Live pages


async def live_page(
    client: JournalKeeper, query_id: int, function: str = "onShelf", **args: Any
) -> Page:
    client.subscribe(query_id, f"books:{function}", args_of(**{"shelf": "a", **args}))
    value: Page = await client.value(query_id)
    return value


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["onShelf", "nested"])
async def test_live_page_keeps_its_end_while_documents_come_and_go(
    backend: Backend, function: str
) -> None:
    client = JournalKeeper(backend)
    first = await live_page(client, 1, function)
    second = await live_page(client, 2, function, cursor=first["continueCursor"])
    assert (places(first), places(second)) == ([0, 1, 2], [3, 4, 5])

    for place in (1.5, 2.5, 2.75, 5.5):
        await run(backend, "add", shelf="a", place=place)
    for place in (0, 2, 3):
        await run(backend, "removeAt", shelf="a", place=place)

    assert places(await client.value(1)) == [1, 1.5]
    assert places(await client.value(2)) == [2.5, 2.75, 4, 5]
    third = await live_page(client, 3, function, cursor=(await client.value(2))["continueCursor"])
    assert places(third) == [5.5, 6, 7]


@pytest.mark.asyncio
async def test_live_page_that_was_the_last_grows(backend: Backend) -> None:
    client = JournalKeeper(backend)
    assert (await live_page(client, 1, items=11))["isDone"] is True

    for place in range(10, 30):
        await run(backend, "add", shelf="a", place=place)

    value = await client.value(1)
    assert (places(value), value["isDone"]) == (list(range(30)), True)


@pytest.mark.asyncio
async def test_write_behind_a_page_does_not_wake_it(backend: Backend) -> None:
    client = JournalKeeper(backend)
    await live_page(client, 1)
    await live_page(client, 2, order="desc")

    await run(backend, "add", shelf="a", place=2.5)
    await run(backend, "add", shelf="a", place=6.5)
    await client.settled()
    assert client.invalidations == 0

    await run(backend, "add", shelf="a", place=1.5)
    assert places(await client.value(1)) == [0, 1, 1.5, 2]
    assert client.invalidations == 1
    await run(backend, "removeAt", shelf="a", place=2)
    assert places(await client.value(1)) == [0, 1, 1.5]
    await run(backend, "add", shelf="a", place=1.75)
    assert places(await client.value(1)) == [0, 1, 1.5, 1.75]
    await run(backend, "add", shelf="a", place=2.25)
    await client.settled()
    assert client.invalidations == 3, "its end is where it was, though no document is there"
    await run(backend, "add", shelf="a", place=7)
    assert places(await client.value(2)) == [9, 8, 7, 7]


@pytest.mark.asyncio
async def test_dropped_document_inside_of_a_page_wakes_it(backend: Backend) -> None:
    book_id = await run(backend, "add", shelf="a", place=0.5, isSecret=True)
    client = JournalKeeper(backend)
    assert places(await live_page(client, 1, "public")) == [0, 1, 2]

    await run(backend, "move", bookId=book_id, place=0.5, isSecret=False)

    assert places(await client.value(1)) == [0, 0.5, 1, 2]


@pytest.mark.asyncio
async def test_journal_is_null_where_no_page_was_read(backend: Backend) -> None:
    client = JournalKeeper(backend)
    client.subscribe(1, "books:twoNested", {"shelf": "a", "numItems": 2})
    client.subscribe(2, "books:withOptions", {"options": None})
    await client.settled()

    assert client.journals[1] is not None, "that of the first page"
    assert client.journals[2] is None


@pytest.mark.asyncio
async def test_nested_pages_follow_one_another_in_each_run(backend: Backend) -> None:
    client = JournalKeeper(backend)
    client.subscribe(1, "books:twoNested", {"shelf": "a", "numItems": 2})
    assert await client.value(1) == ["0", "1", "2", "3"]

    await run(backend, "add", shelf="a", place=0.5)
    await run(backend, "removeAt", shelf="a", place=1)

    assert await client.value(1) == ["0", "0.5", "2", "3"]


@pytest.mark.asyncio
async def test_failure_in_between_does_not_move_a_page(backend: Backend) -> None:
    client = JournalKeeper(backend)
    await live_page(client, 1, "behindADoor")
    journal = client.journals[1]
    assert journal is not None

    await run(backend, "add", shelf="door", place=0)
    await client.settled()
    assert client.results[1].error is not None
    assert client.journals[1] == journal
    await run(backend, "add", shelf="a", place=0.5)
    await run(backend, "removeAt", shelf="door", place=0)

    assert places(await client.value(1)) == [0, 0.5, 1, 2]


@pytest.mark.asyncio
async def test_function_that_is_missing_for_a_time_leaves_the_journal(backend: Backend) -> None:
    client = JournalKeeper(backend)
    client.subscribe(1, "books:gone", {}, journal="kept")
    await client.settled()

    assert client.results[1].error is not None
    assert client.journals[1] == "kept"


@pytest.mark.asyncio
async def test_journal_of_another_query_is_left_aside(backend: Backend) -> None:
    client = JournalKeeper(backend)
    await live_page(client, 1, order="desc")
    for number, journal in enumerate((client.journals[1], "nobody's", "A" * 100_000, ""), start=2):
        client.subscribe(number, "books:onShelf", args_of(shelf="a"), journal=journal)

        assert places(await client.value(number)) == [0, 1, 2]
        assert client.journals[number] != journal


@pytest.mark.asyncio
async def test_one_shot_query_begins_without_a_journal(backend: Backend) -> None:
    client = JournalKeeper(backend)
    await live_page(client, 1)
    await run(backend, "add", shelf="a", place=0.5)
    await client.settled()

    assert places(await page(backend)) == [0, 0.5, 1]


@pytest.mark.asyncio
async def test_unchanged_page_is_the_same_bytes(backend: Backend) -> None:
    client = JournalKeeper(backend)
    await live_page(client, 1)
    before = client.results[1]
    book_id = await run(backend, "add", shelf="a", place=0.5)
    await client.settled()
    assert client.results[1].modification != before.modification

    await run(backend, "remove", bookId=book_id)
    await client.settled()

    assert client.results[1].modification == before.modification


@pytest.mark.asyncio
async def test_pages_go_on_after_a_restart(app: LoadedApp, tmp_path: Path) -> None:
    file = tmp_path / "data.sqlite3"
    async with shelves(app, persistence=SqliteStore.open(file)) as backend:
        await run(backend, "fill", shelf="a", count=10)
        client = JournalKeeper(backend)
        first = await live_page(client, 1)
        journal = client.journals[1]
        await run(backend, "add", shelf="a", place=0.5)

    clock = VirtualClock(seed=7)
    async with shelves(app, persistence=SqliteStore.open(file), clock=clock) as backend:
        client = JournalKeeper(backend)
        client.subscribe(1, "books:onShelf", args_of(shelf="a"), journal=journal)

        assert places(await client.value(1)) == [0, 0.5, 1, 2]
        second = await live_page(client, 2, cursor=first["continueCursor"])
        assert places(second) == [3, 4, 5]


@pytest.mark.asyncio
async def test_cursors_of_another_database_are_refused(app: LoadedApp) -> None:
    async with shelves(app) as backend:
        await run(backend, "fill", shelf="a", count=10)
        cursor = (await page(backend))["continueCursor"]

    async with shelves(app, clock=VirtualClock(seed=7)) as backend:
        text, data = await failure(backend, "onShelf", **args_of(shelf="a", cursor=cursor))

        assert text.startswith("Uncaught ConvexError: Failed to parse cursor")
        assert data == INVALID_CURSOR
