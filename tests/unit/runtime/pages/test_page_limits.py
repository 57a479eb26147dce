"""Pages end early: when they have read as much as they, or their function, may."""

from __future__ import annotations

import pytest

from realtime.runtime.backend import Backend, Limits
from realtime.runtime.registry import LoadedApp
from tests.harness.live_client import JournalKeeper
from tests.unit.runtime.pages.shelves import (
    args_of,
    failure,
    page,
    places,
    run,
    shelves,
    with_limits,
)


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
