"""What clients may do with notes."""

from __future__ import annotations

from realtime import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Note


@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[Note]:
    """The newest hundred notes, newest first."""
    return await ctx.db.query(Note).order("desc").take(100)


@mutation
async def add(ctx: MutationCtx, text: str) -> Id[Note]:
    """Put a note on the board."""
    if not text.strip():
        raise ApplicationError("A note needs a text")
    return await ctx.db.insert(Note, text=text.strip(), done=False)


@mutation
async def set_done(ctx: MutationCtx, note_id: Id[Note], done: bool) -> None:
    """Mark a note as done, or as not done."""
    await ctx.db.patch(note_id, done=done)
