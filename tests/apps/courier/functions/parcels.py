"""Deliveries: what a courier does takes time, and happens outside of transactions."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from realtime import (
    ActionCtx,
    ApplicationError,
    Id,
    MutationCtx,
    QueryCtx,
    action,
    mutation,
    query,
)
from schema import Parcel

POLL_SECONDS = 0.01


@query(name="list")
async def list_parcels(ctx: QueryCtx, to: str) -> list[str]:
    """What was delivered to somebody."""
    parcels = await ctx.db.query(Parcel).with_index(Parcel.by_to, to=to).collect()
    return [parcel.content for parcel in parcels]


@mutation
async def record(ctx: MutationCtx, to: str, content: str) -> Id[Parcel]:
    """Note a delivery."""
    if content == "":
        raise ApplicationError("A parcel needs a content", data={"code": "Empty", "to": to})
    return await ctx.db.insert(Parcel, to=to, content=content)


@action
async def deliver(ctx: ActionCtx, to: str, content: str) -> list[str]:
    """Deliver a parcel and return all that were delivered to the same person."""
    await asyncio.sleep(0)
    ctx.log("delivering", content)
    await ctx.run_mutation(record, to=to, content=content)
    return await ctx.run_query(list_parcels, to=to)


@action
async def lose(ctx: ActionCtx) -> None:
    """Fail with an ordinary exception."""
    raise ValueError("The parcel is lost")


@action
async def deliver_when(ctx: ActionCtx, to: str, content: str, began: str, until: str) -> str:
    """Make the file `began`, wait for the file `until`, then deliver."""
    _note(began)
    while not _is_there(until):  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(POLL_SECONDS)
    await ctx.run_mutation(record, to=to, content=content)
    return content


@action
async def drive_in_circles(ctx: ActionCtx, began: str) -> None:
    """Make the file `began`, and never await again."""
    _note(began)
    while True:
        pass


@action
async def sleep_in_a_thread(ctx: ActionCtx, began: str) -> None:
    """Block a thread, not the loop, for longer than any test takes."""
    _note(began)
    await ctx.run_blocking(time.sleep, 3_600)


def _note(file: str) -> None:
    Path(file).touch()


def _is_there(file: str) -> bool:
    return Path(file).exists()
