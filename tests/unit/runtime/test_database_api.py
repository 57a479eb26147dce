"""`ctx.db`: which spellings it takes, and what it says of the others."""

from __future__ import annotations

from typing import Any

import pytest

from realtime import QueryCtx, query
from realtime.testing import running_backend
from tests.unit.runtime.small_app import Note, app_of, failure_of, value_of

# Queries only read


@pytest.mark.asyncio
@pytest.mark.parametrize("verb", ["insert", "patch", "replace", "delete"])
async def test_write_in_a_query_is_refused_with_what_to_do(verb: str) -> None:
    @query
    async def writes(ctx: QueryCtx) -> None:
        db: Any = ctx.db
        await getattr(db, verb)(Note, label="a", text="x")

    async with running_backend(app_of(writes)) as backend:
        text = await failure_of(backend, "writes")

    assert f"Queries can only read: `ctx.db.{verb}` is there in mutations alone" in text
    assert "Declare the function with `@mutation`" in text


@pytest.mark.asyncio
async def test_reader_says_by_hasattr_that_it_cannot_write() -> None:
    @query
    async def asks(ctx: QueryCtx) -> bool:
        return hasattr(ctx.db, "insert")

    async with running_backend(app_of(asks)) as backend:
        assert await value_of(backend, "asks") is False


@pytest.mark.asyncio
async def test_misspelt_member_of_the_reader_is_named() -> None:
    @query
    async def misspells(ctx: QueryCtx) -> None:
        db: Any = ctx.db
        await db.gett("x")

    async with running_backend(app_of(misspells)) as backend:
        text = await failure_of(backend, "misspells")

    assert "Uncaught AttributeError: `ctx.db` has no attribute `gett`" in text
