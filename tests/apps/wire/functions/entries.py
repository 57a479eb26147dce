"""Lists that grow, and results of any size."""

from __future__ import annotations

from realtime import ApplicationError, MutationCtx, QueryCtx, internal_query, mutation, query
from schema import Entry


@query(name="list")
async def list_entries(ctx: QueryCtx, list_name: str) -> list[str]:
    """The lines of a list, oldest first."""
    entries = ctx.db.query(Entry).with_index(Entry.by_list, list_name=list_name)
    return [entry.text for entry in await entries.collect()]


@query
async def large(ctx: QueryCtx, list_name: str, count: float, size: float) -> list[str]:
    """`count` long lines that begin with the number of lines in a list."""
    entries = await ctx.run_query(list_entries, list_name=list_name)
    line = f'{len(entries)}: "é€😀\\"'
    return [line.ljust(int(size), "x")] * int(count)


@internal_query
async def count(ctx: QueryCtx) -> float:
    """How many lines there are in all lists."""
    return float(len(await ctx.db.query(Entry).full_table_scan().collect()))


@mutation
async def add(ctx: MutationCtx, list_name: str, text: str) -> float:
    """Add a line; return how many there are now."""
    if not text:
        raise ApplicationError({"code": "Empty"})
    await ctx.db.insert(Entry, list_name=list_name, text=text)
    entries = ctx.db.query(Entry).with_index(Entry.by_list, list_name=list_name)
    return float(len(await entries.collect()))


@query
async def length(ctx: QueryCtx, list_name: str) -> float:
    """How many lines a list has."""
    return float(len(await ctx.run_query(list_entries, list_name=list_name)))
