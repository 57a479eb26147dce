"""What stands on a page, and how pages follow one another."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.pagination import PaginationOptions
from realtime.values.annotations import codec_of_class
from realtime.values.validators import v
from tests.harness.live_client import JournalKeeper, turn
from tests.unit.runtime.pages.shelves import args_of, failure, page, places, run, walk


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
