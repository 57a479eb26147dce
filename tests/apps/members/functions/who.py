"""Functions that look at who calls."""

from __future__ import annotations

from typing import Any

from realtime import MutationCtx, QueryCtx, UserIdentity, internal_query, mutation, query
from schema import Note


@query
async def me(ctx: QueryCtx) -> UserIdentity | None:
    return await ctx.auth.get_user_identity()


@query
async def me_as_anything(ctx: QueryCtx) -> Any:
    return await ctx.auth.get_user_identity()


@query
async def me_nested(ctx: QueryCtx) -> list[UserIdentity | None]:
    by_object = await ctx.run_query(me)
    by_path: UserIdentity | None = await ctx.run_query("who:me")
    return [by_object, by_path]


@query
async def role(ctx: QueryCtx) -> Any:
    identity = await ctx.auth.get_user_identity()
    return None if identity is None else identity.claims.get("role")


@mutation
async def me_in_mutation(ctx: MutationCtx) -> UserIdentity | None:
    return await ctx.auth.get_user_identity()


@internal_query
async def count_of_everybody(ctx: QueryCtx) -> float:
    return float(len(await ctx.db.query(Note).full_table_scan().collect()))
