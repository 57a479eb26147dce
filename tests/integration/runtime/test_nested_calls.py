"""Calls of functions in functions: how deep they go, and what a failure undoes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.written_app import written_app

DEEP = """
@mutation
async def deep(ctx, calls: int):
    await ctx.db.insert("t", {"calls": calls})
    return 0 if calls == 0 else 1 + await ctx.run_mutation(deep, calls=calls - 1)

@query
async def how_many(ctx):
    return len(await ctx.db.query("t").collect())

@mutation
async def half(ctx):
    await ctx.db.insert("t", {})
    try:
        await ctx.run_mutation(fail)
    except ApplicationError as error:
        return error.data

@mutation
async def fail(ctx):
    await ctx.db.insert("t", {})
    await ctx.db.insert("created", {})
    raise ApplicationError("caught")
"""


@pytest.mark.asyncio
async def test_calls_nest_eight_deep(tmp_path: Path) -> None:
    async with written_app(tmp_path, DEEP) as app:
        assert await app.value("deep", calls=8) == 8
        assert (await app.failure("deep", calls=9)).startswith(
            "Uncaught Error: Cross component call depth limit exceeded. Do you have an infinite "
            "loop in your app?\n"
        )
        assert await app.value("howMany") == 9


@pytest.mark.asyncio
async def test_failed_nested_mutation_undoes_its_own_writes_alone(tmp_path: Path) -> None:
    async with written_app(tmp_path, DEEP) as app:
        assert await app.value("half") == "caught"
        assert await app.value("howMany") == 1
