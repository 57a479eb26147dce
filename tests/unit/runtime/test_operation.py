"""Operations run where they are awaited, once, in their own function, and in order."""

from __future__ import annotations

import asyncio
import linecache
from typing import Any

import pytest

from realtime import Id, MutationCtx, QueryCtx, gather, mutation, query
from realtime.runtime.operation import Operation
from realtime.testing import running_backend
from tests.unit.runtime.small_app import Note, app_of, failure_of, value_of


@query
async def texts(ctx: QueryCtx) -> list[str]:
    return [note.text for note in await ctx.db.query(Note).collect()]


@pytest.mark.asyncio
async def test_operation_runs_when_it_is_awaited_and_not_when_it_is_made() -> None:
    @mutation
    async def adds(ctx: MutationCtx) -> None:
        later = ctx.db.insert(Note, label="a", text="second")
        await ctx.db.insert(Note, label="a", text="first")
        await later

    async with running_backend(app_of(adds, texts)) as backend:
        await value_of(backend, "adds")

        assert await value_of(backend, "texts") == ["first", "second"]


@pytest.mark.asyncio
async def test_operation_can_be_awaited_once() -> None:
    @mutation
    async def adds(ctx: MutationCtx) -> None:
        operation = ctx.db.insert(Note, label="a", text="x")
        await operation
        await operation

    async with running_backend(app_of(adds, texts)) as backend:
        text = await failure_of(backend, "adds")

        assert "An operation was awaited twice; make a new one each time" in text
        assert await value_of(backend, "texts") == []


@pytest.mark.asyncio
async def test_operation_knows_where_it_was_made() -> None:
    places: list[tuple[str, int, str]] = []

    @mutation
    async def adds(ctx: MutationCtx) -> None:
        operation = ctx.db.insert(Note, label="a", text="x")
        places.append(operation.place)
        await operation

    async with running_backend(app_of(adds)) as backend:
        await value_of(backend, "adds")

    ((file, line, name),) = places
    assert (file, name) == (__file__, "adds")
    assert "operation = ctx.db.insert" in linecache.getline(__file__, line)


@pytest.mark.asyncio
async def test_ctx_is_of_no_use_after_its_function() -> None:
    kept: list[QueryCtx] = []

    @query
    async def keeps(ctx: QueryCtx) -> None:
        kept.append(ctx)

    @query
    async def uses(ctx: QueryCtx) -> None:
        await kept[0].db.query(Note).collect()

    async with running_backend(app_of(keeps, uses)) as backend:
        await value_of(backend, "keeps")
        text = await failure_of(backend, "uses")

    assert "awaited outside of its function" in text
    assert "realtime.gather" in text


@pytest.mark.asyncio
async def test_operation_in_a_task_of_its_own_is_refused() -> None:
    errors: list[Exception] = []
    tasks: list[asyncio.Task[Any]] = []

    async def elsewhere(operation: Operation[Id[Note]]) -> None:
        try:
            await operation
        except Exception as error:
            errors.append(error)

    @mutation
    async def hands_out(ctx: MutationCtx) -> None:
        operation = ctx.db.insert(Note, label="a", text="x")
        tasks.append(asyncio.get_running_loop().create_task(elsewhere(operation)))
        operation.abandon()

    async with running_backend(app_of(hands_out, texts)) as backend:
        await value_of(backend, "handsOut")
        await asyncio.gather(*tasks)

        assert ["awaited outside of its function" in str(error) for error in errors] == [True]
        assert await value_of(backend, "texts") == []


@pytest.mark.asyncio
async def test_first_failure_of_several_ends_them_and_the_rest_is_not_run() -> None:
    @mutation
    async def adds(ctx: MutationCtx) -> list[str]:
        try:
            await gather(
                ctx.db.insert(Note, label="a", text="first"),
                ctx.db.insert("notes", {"label": "a"}),
                ctx.db.insert(Note, label="a", text="third"),
            )
        except Exception as error:
            return [type(error).__name__]
        return []

    async with running_backend(app_of(adds, texts)) as backend:
        assert await value_of(backend, "adds") == ["ValidationError"]
        assert await value_of(backend, "texts") == ["first"]


@pytest.mark.asyncio
async def test_nothing_gathered_is_nothing() -> None:
    @query
    async def gathers(ctx: QueryCtx) -> int:
        return len(await gather())

    async with running_backend(app_of(gathers)) as backend:
        assert await value_of(backend, "gathers") == 0
