"""The repositories of a team."""

from __future__ import annotations

from realtime import Id, QueryCtx, query
from schema import Repo, Team


@query
async def get(ctx: QueryCtx, repo_id: Id[Repo]) -> Repo | None:
    """A repository, or null."""
    return await ctx.db.get(repo_id)


@query
async def list_by_team(ctx: QueryCtx, team_id: Id[Team]) -> list[Repo]:
    """The repositories of a team, in the order in which they were connected."""
    return await ctx.db.query(Repo).with_index(Repo.by_teamId, team_id=team_id).collect()
