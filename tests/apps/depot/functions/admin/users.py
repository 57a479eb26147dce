"""Functions of a module in a folder."""

from __future__ import annotations

from typing import Any

from realtime import QueryCtx, internal_query, query


@query(name="default")
async def users(ctx: QueryCtx) -> list[str]:
    """The names of the users."""
    return []


@internal_query
async def secrets(ctx: QueryCtx) -> Any:
    return None
