"""Mutations that write, that only look, and that fail after they have looked."""

from __future__ import annotations

from realtime import ApplicationError, MutationCtx, QueryCtx, mutation, query
from schema import Entry


@query(name="list")
async def list_entries(ctx: QueryCtx, list_name: str) -> list[str]:
    """The texts of a list, oldest first."""
    return await _texts(ctx, list_name)


@mutation
async def add(ctx: MutationCtx, list_name: str, text: str) -> list[str]:
    """Append an entry; return the list with it."""
    await ctx.db.insert(Entry, list_name=list_name, text=text)
    return await _texts(ctx, list_name)


@mutation
async def look(ctx: MutationCtx, list_name: str) -> list[str]:
    """Write nothing; return the list."""
    return await _texts(ctx, list_name)


@mutation
async def refuse(ctx: MutationCtx, list_name: str) -> None:
    """Fail, and tell the list in the error."""
    raise ApplicationError({"seen": await _texts(ctx, list_name)})


async def _texts(ctx: QueryCtx, list_name: str) -> list[str]:
    entries = await ctx.db.query(Entry).with_index(Entry.by_list, list_name=list_name).collect()
    return [entry.text for entry in entries]
