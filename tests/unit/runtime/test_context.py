"""What a `ctx` offers by kind, and what it says of the rest."""

from __future__ import annotations

import pytest

from realtime import Id, MutationCtx, QueryCtx, mutation, query
from realtime.testing import running_backend
from tests.unit.runtime.small_app import Note, app_of, failure_of, value_of


@mutation
async def add(ctx: MutationCtx, text: str) -> Id[Note]:
    return await ctx.db.insert(Note, label="a", text=text)


@pytest.mark.asyncio
async def test_nested_mutation_in_a_query_is_refused_with_what_to_do() -> None:
    @query
    async def calls_a_mutation(ctx: QueryCtx) -> None:
        await ctx.run_mutation(add, text="x")  # type: ignore[attr-defined]

    async with running_backend(app_of(add, calls_a_mutation)) as backend:
        text = await failure_of(backend, "callsAMutation")

    assert "Cannot call a mutation function from a query function: queries can only read" in text
    assert "Declare the calling function with `@mutation`" in text
    assert "at calls_a_mutation (../test_context.py:" in text


@pytest.mark.asyncio
async def test_nested_action_in_a_mutation_is_refused_with_what_to_do() -> None:
    @mutation
    async def calls_an_action(ctx: MutationCtx) -> None:
        await ctx.run_action("work:act")  # type: ignore[attr-defined]

    async with running_backend(app_of(calls_an_action)) as backend:
        text = await failure_of(backend, "callsAnAction")

    assert "Cannot call an action function from a query or mutation function" in text
    assert "Declare the calling function with `@action`" in text


@pytest.mark.asyncio
async def test_query_can_ask_what_its_ctx_has() -> None:
    @query
    async def asks(ctx: QueryCtx) -> list[bool]:
        return [hasattr(ctx, "run_query"), hasattr(ctx, "run_mutation")]

    @mutation
    async def asks_too(ctx: MutationCtx) -> list[bool]:
        return [hasattr(ctx, "run_query"), hasattr(ctx, "run_mutation")]

    async with running_backend(app_of(asks, asks_too)) as backend:
        assert await value_of(backend, "asks") == [True, False]
        assert await value_of(backend, "asksToo") == [True, True]


@pytest.mark.asyncio
async def test_misspelt_member_of_a_ctx_is_named() -> None:
    @query
    async def misspells(ctx: QueryCtx) -> None:
        ctx.run_qurey  # type: ignore[attr-defined]  # noqa: B018

    async with running_backend(app_of(misspells)) as backend:
        text = await failure_of(backend, "misspells")

    assert "Uncaught AttributeError: `QueryCtx` has no attribute `run_qurey`" in text
