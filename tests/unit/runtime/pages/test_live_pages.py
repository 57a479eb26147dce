"""Pages that clients watch: they stay where they are, and what wakes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from realtime.runtime.backend import Backend
from realtime.runtime.registry import LoadedApp
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from tests.harness.live_client import JournalKeeper
from tests.unit.runtime.pages.shelves import (
    INVALID_CURSOR,
    Page,
    args_of,
    failure,
    page,
    places,
    run,
    shelves,
)


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
