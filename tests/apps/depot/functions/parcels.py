"""The parcels of the depot."""

from __future__ import annotations

from typing import Any, TypedDict

from realtime import (
    ActionCtx,
    Id,
    Int64,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    action,
    internal_mutation,
    mutation,
    query,
    v,
)
from schema import Parcel


class Count(TypedDict):
    """How many there are."""

    waiting: int
    sent: int


@query(name="list")
async def list_parcels(
    ctx: QueryCtx, pagination_opts: PaginationOptions
) -> PaginationResult[Parcel]:
    """The parcels in pages.

    Newest first. A comment may not end here: */ nor `${here}`.
    """
    return await ctx.db.query(Parcel).order("desc").paginate(pagination_opts)


@query
async def page_of(
    ctx: QueryCtx, label: str, pagination_opts: PaginationOptions
) -> PaginationResult[str]:
    """The labels of parcels, in pages."""
    page = await ctx.db.query(Parcel).paginate(pagination_opts)
    return page.with_page(label + parcel.label for parcel in page.page)


@query
async def count(ctx: QueryCtx) -> Count:
    """How many parcels there are."""
    parcels = await ctx.db.query(Parcel).collect()
    sent = sum(parcel.state == "sent" for parcel in parcels)
    return {"waiting": len(parcels) - sent, "sent": sent}


@query
async def get(ctx: QueryCtx, parcel_id: Id[Parcel]) -> Parcel | None:
    """A parcel, or null."""
    return await ctx.db.get(parcel_id)


@query
async def search(ctx: QueryCtx, text: str = "", limit: int | Unset | None = None) -> list[Parcel]:
    """All arguments may be left out.

    Args:
        text: What the label has to
            hold, */ included.
        limit: How many at most.
    """
    return [p for p in await ctx.db.query(Parcel).collect() if text in p.label]


@mutation
async def rename(ctx: MutationCtx, parcel_id: Id[Parcel], label: str) -> None:
    """Give a parcel another label."""
    await ctx.db.patch(parcel_id, label=label)


@mutation
async def add(ctx: MutationCtx, label: str, serial: Int64, seal: bytes) -> Id[Parcel]:
    """Take a parcel."""
    return await ctx.db.insert(
        Parcel,
        label=label,
        state="waiting",
        size=None,
        serial=serial,
        seal=seal,
        tags={},
        extra=None,
        odd_name="",
    )


@internal_mutation
async def clear(ctx: MutationCtx) -> int:
    """Delete all parcels."""
    parcels = await ctx.db.query(Parcel).collect()
    for parcel in parcels:
        await ctx.db.delete(parcel.id)
    return len(parcels)


@action
async def track(ctx: ActionCtx, parcel_id: Id[Parcel]) -> str:
    """Where a parcel is."""
    return f"with the depot: {parcel_id}"


_ITEM = {"_id": v.id("items"), "_creationTime": v.number()}


@query(
    args=v.any(),
    returns=v.array(
        v.union(
            v.object({**_ITEM, "kind": v.literal("letter"), "pages": v.integer()}),
            v.object({**_ITEM, "kind": v.literal("crate"), "weight": v.number()}),
        )
    ),
)
async def items(ctx: QueryCtx, args: dict[str, Any]) -> Any:
    """The items, as the table has them."""
    return await ctx.db.query("items").collect()


@query(args={"id": v.id("undeclared")})
async def undeclared(ctx: QueryCtx, args: dict[str, Any]) -> Any:
    """A document of a table that the schema does not have."""
    return await ctx.db.get(args["id"])
