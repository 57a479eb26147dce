"""A long table and a query that reads all of it."""

from __future__ import annotations

from realtime import MutationCtx, QueryCtx, internal_mutation, query
from schema import Entry

_PADDING = "A line long enough to be worth reading. " * 4


@internal_mutation
async def fill(ctx: MutationCtx, first: int, count: int) -> None:
    """Insert `count` entries numbered from `first`."""
    for number in range(first, first + count):
        await ctx.db.insert(Entry, number=number, text=f"[{number}] {_PADDING}")


@query
async def count(ctx: QueryCtx, text: str) -> int:
    """Read every entry and count those that contain `text`."""
    matches = 0
    async for entry in ctx.db.query(Entry).full_table_scan():
        if text in entry.text:
            matches += 1
    return matches
