"""What a table query reads, no more and no less; how it may be built is tested with whole apps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from realtime import Id, MutationCtx, QueryCtx, mutation, query
from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Limits
from realtime.testing import running_backend
from tests.harness.waiting import turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, failure_of, value_of

Reading = Callable[[QueryCtx], Awaitable[object]]


async def takes_two(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).take(2)


async def takes_none(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).take(0)


async def takes_the_first(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).first()


async def takes_the_last(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).order("desc").first()


async def stops_iterating(ctx: QueryCtx) -> object:
    seen: list[Note] = []
    async for note in ctx.db.query(Note):
        seen.append(note)
        if len(seen) == 2:
            break
    return len(seen)


async def filters_for_one(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).filter(lambda note: note.text == "2").take(1)


async def filters_in_vain(ctx: QueryCtx) -> object:
    return await ctx.db.query(Note).filter(lambda note: False).first()


async def expects_one(ctx: QueryCtx) -> object:
    try:
        return await ctx.db.query(Note).unique()
    except Exception:
        return None


READ: list[tuple[Any, set[int]]] = [
    (takes_none, set()),
    (takes_the_first, {0}),
    (takes_the_last, {5}),
    (takes_two, {0, 1}),
    (expects_one, {0, 1}),
    (stops_iterating, {0, 1}),
    (filters_for_one, {0, 1, 2}),
    (filters_in_vain, {0, 1, 2, 3, 4, 5}),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("scan_chunk", [2, 256])
@pytest.mark.parametrize(("reading", "read"), READ, ids=[each.__name__ for each, _ in READ])
async def test_query_is_woken_by_the_documents_that_it_was_handed_and_no_others(
    reading: Reading, read: set[int], scan_chunk: int
) -> None:
    runs = 0

    @query
    async def watched(ctx: QueryCtx) -> int:
        nonlocal runs
        runs += 1
        await reading(ctx)
        return runs

    @mutation
    async def add(ctx: MutationCtx, text: str) -> Id[Note]:
        return await ctx.db.insert(Note, label="a", text=text)

    @mutation
    async def touch(ctx: MutationCtx, note_id: Id[Note]) -> None:
        await ctx.db.patch(note_id, label="touched")

    limits = Limits(database=DatabaseLimits(scan_chunk=scan_chunk))
    async with running_backend(app_of(watched, add, touch), limits=limits) as backend:
        ids = [await value_of(backend, "add", {"text": str(number)}) for number in range(6)]
        Watcher(backend).subscribe(1, "watched")
        await turns(50)
        woken_by: set[int] = set()
        for number, note_id in enumerate(ids):
            runs_before = runs
            await value_of(backend, "touch", {"noteId": note_id})
            await turns(50)
            if runs > runs_before:
                woken_by.add(number)

    assert woken_by == read


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reading", "hears"),
    [(takes_two, False), (takes_the_last, True), (filters_in_vain, True), (takes_the_first, False)],
)
async def test_query_hears_of_a_new_document_only_if_it_saw_where_that_stands(
    reading: Reading, hears: bool
) -> None:
    runs = 0

    @query
    async def watched(ctx: QueryCtx) -> int:
        nonlocal runs
        runs += 1
        await reading(ctx)
        return runs

    @mutation
    async def add(ctx: MutationCtx, text: str) -> None:
        await ctx.db.insert(Note, label="a", text=text)

    async with running_backend(app_of(watched, add)) as backend:
        for number in range(3):
            await value_of(backend, "add", {"text": str(number)})
        Watcher(backend).subscribe(1, "watched")
        await turns(50)
        await value_of(backend, "add", {"text": "new"})
        await turns(50)

    assert runs == (2 if hears else 1)


@pytest.mark.asyncio
async def test_time_of_a_filter_is_the_handlers_own() -> None:
    @mutation
    async def add(ctx: MutationCtx) -> None:
        await ctx.db.insert(Note, label="a", text="x")

    def never_ends(_: Note) -> bool:
        while True:
            pass

    @query
    async def loops(ctx: QueryCtx) -> None:
        await ctx.db.query(Note).filter(never_ends).collect()

    limits = Limits(user_time_seconds=0.05)
    async with running_backend(app_of(add, loops), limits=limits) as backend:
        await value_of(backend, "add")
        text = await failure_of(backend, "loops")

    assert "Function execution timed out (maximum duration: 0.05s) in `t:loops`" in text
