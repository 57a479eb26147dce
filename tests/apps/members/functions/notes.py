"""Notes of members; some queries look at who calls, some do not, one only sometimes."""

from __future__ import annotations

from realtime import Id, MutationCtx, QueryCtx, UserIdentity, mutation, query
from schema import Note, Room

NOBODY = "nobody"


def author_of(identity: UserIdentity | None) -> str:
    return NOBODY if identity is None else identity.token_identifier


@mutation
async def add(ctx: MutationCtx, text: str) -> str:
    """Add a note of the caller; return its author."""
    author = author_of(await ctx.auth.get_user_identity())
    await ctx.db.insert(Note, author=author, text=text)
    return author


@mutation
async def add_nested(ctx: MutationCtx, text: str) -> str:
    return await ctx.run_mutation(add, text=text)


@query
async def everything(ctx: QueryCtx) -> list[str]:
    """The texts of all notes, the same for everybody."""
    return [note.text async for note in ctx.db.query(Note).full_table_scan()]


@query
async def mine(ctx: QueryCtx) -> list[str]:
    """The texts of the caller's notes."""
    author = author_of(await ctx.auth.get_user_identity())
    notes = await ctx.db.query(Note).with_index(Note.by_author, author=author).collect()
    return [note.text for note in notes]


@query
async def mine_slowly(ctx: QueryCtx) -> list[str]:
    """Who calls, before and after a scan of all notes, and their texts."""
    before = author_of(await ctx.auth.get_user_identity())
    texts = [note.text async for note in ctx.db.query(Note).full_table_scan()]
    after = author_of(await ctx.auth.get_user_identity())
    return [before, *texts, after]


@query
async def mine_late(ctx: QueryCtx) -> list[str]:
    """The texts of all notes, then who calls."""
    texts = [note.text async for note in ctx.db.query(Note).full_table_scan()]
    return [*texts, author_of(await ctx.auth.get_user_identity())]


@mutation
async def open_room(ctx: MutationCtx, title: str, is_private: bool) -> Id[Room]:
    return await ctx.db.insert(Room, title=title, is_private=is_private)


@mutation
async def set_private(ctx: MutationCtx, room_id: Id[Room], is_private: bool) -> None:
    await ctx.db.patch(room_id, is_private=is_private)


@query
async def door(ctx: QueryCtx, room_id: Id[Room]) -> str:
    """What is written on a room's door; only a private room's depends on who reads it."""
    room = await ctx.db.get(room_id)
    if room is None or not room.is_private:
        return "Welcome"
    return f"Welcome, {author_of(await ctx.auth.get_user_identity())}"
