"""A module whose name is no identifier."""

from __future__ import annotations

from realtime import QueryCtx, query


@query
async def total(ctx: QueryCtx) -> float:
    """The total of that year."""
    return 0.0
