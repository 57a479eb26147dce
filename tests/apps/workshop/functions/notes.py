"""Handlers that do right and wrong."""

from __future__ import annotations

import asyncio

from realtime import (
    ApplicationError,
    ConflictError,
    Id,
    MutationCtx,
    QueryCtx,
    gather,
    internal_mutation,
    mutation,
    query,
)
from schema import Note

runs = {"conflicting": 0, "counted": 0}


@mutation
async def add(ctx: MutationCtx, label: str, text: str) -> Id[Note]:
    """Add a note."""
    return await ctx.db.insert(Note, label=label, text=text)


@query
async def labelled(ctx: QueryCtx, label: str) -> list[str]:
    """The texts under a label."""
    runs["counted"] += 1
    notes = await ctx.db.query(Note).with_index(Note.by_label, label=label).collect()
    return [note.text for note in notes]


@mutation
async def refuse(ctx: MutationCtx, label: str) -> None:
    """Write and then fail."""
    await ctx.db.insert(Note, label=label, text="never")
    raise ApplicationError("Refused", data={"code": "Refused"})


@mutation
async def count(ctx: MutationCtx, label: str) -> float:
    """Only read, inside a mutation."""
    return float(len(await ctx.db.query(Note).with_index(Note.by_label, label=label).collect()))


@mutation
async def forget_await(ctx: MutationCtx, label: str) -> None:
    """Create an operation and never await it."""
    ctx.db.insert(Note, label=label, text="lost")


@query
async def await_a_timer(ctx: QueryCtx) -> None:
    """Await what is not of the ctx."""
    await asyncio.sleep(0)


@mutation
async def gather_by_asyncio(ctx: MutationCtx, label: str) -> None:
    """Hand operations to tasks of their own."""
    await asyncio.gather(
        ctx.db.insert(Note, label=label, text="1"), ctx.db.insert(Note, label=label, text="2")
    )


@mutation
async def gather_by_realtime(ctx: MutationCtx, label: str) -> list[Id[Note]]:
    """Run operations one after another."""
    return list(
        await gather(
            ctx.db.insert(Note, label=label, text="1"), ctx.db.insert(Note, label=label, text="2")
        )
    )


@mutation
async def conflict(ctx: MutationCtx, label: str, failures: int) -> float:
    """Report a conflict for the first runs, then succeed; return the number of runs."""
    runs["conflicting"] += 1
    await ctx.db.insert(Note, label=label, text=str(runs["conflicting"]))
    if runs["conflicting"] <= failures:
        raise ConflictError("Somebody was faster")
    return float(runs["conflicting"])


@query
async def frozen(ctx: QueryCtx) -> list[float]:
    """The time and a random number, twice."""
    return [ctx.now(), ctx.now(), ctx.random.random(), ctx.random.random()]


@query
async def logs(ctx: QueryCtx) -> None:
    """Log and fail."""
    ctx.log("hello", 1, {"a": [True]})
    ctx.log.warn("careful")
    raise ValueError("after the logs")


@mutation
async def deep(ctx: MutationCtx, depth: int) -> None:
    """Call itself."""
    await ctx.run_mutation("notes:deep", depth=depth + 1)


@internal_mutation
async def hidden(ctx: MutationCtx) -> str:
    """For admins and other functions."""
    return "found"


@mutation
async def delete_while_iterating(ctx: MutationCtx, label: str) -> float:
    """Delete each note as it is met, and add none."""
    deleted = 0.0
    async for note in ctx.db.query(Note).with_index(Note.by_label, label=label):
        await ctx.db.delete(note.id)
        deleted += 1
    return deleted


@query
async def misspelt_index(ctx: QueryCtx) -> None:
    """Name an index that does not exist."""
    await ctx.db.query(Note).with_index("by_lable", label="a").collect()


@mutation
async def misspelt_field(ctx: MutationCtx, note_id: Id[Note]) -> None:
    """Name a field that does not exist."""
    await ctx.db.patch(note_id, txet="x")
