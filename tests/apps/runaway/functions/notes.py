"""Functions that behave."""

from __future__ import annotations

from realtime import MutationCtx, QueryCtx, mutation, query
from schema import Note


@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[str]:
    """The texts of all notes, oldest first."""
    return [note.text for note in await ctx.db.query(Note).full_table_scan().collect()]


@mutation
async def add(ctx: MutationCtx, text: str) -> None:
    """Add a note."""
    await ctx.db.insert(Note, text=text)
