"""Functions that behave."""

from __future__ import annotations

import time

from realtime import MutationCtx, QueryCtx, mutation, query
from schema import Note


@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[str]:
    """The texts of all notes, oldest first."""
    return [note.text for note in await ctx.db.query(Note).full_table_scan().collect()]


@query
async def list_slowly(ctx: QueryCtx) -> list[str]:
    """The same, after a quarter of a second of work."""
    end = time.monotonic() + 0.25
    while time.monotonic() < end:
        pass
    return [note.text for note in await ctx.db.query(Note).full_table_scan().collect()]


@mutation
async def add(ctx: MutationCtx, text: str) -> None:
    """Add a note."""
    await ctx.db.insert(Note, text=text)
