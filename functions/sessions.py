"""Conversations about a repository."""

from __future__ import annotations

from functions._errors import refused
from realtime import Id, MutationCtx, QueryCtx, mutation, query
from schema import Repo, Session


@mutation
async def create(ctx: MutationCtx, repo_id: Id[Repo], user_id: str) -> Id[Session]:
    """Start a conversation about a repository and return its id."""
    now = ctx.now()
    return await ctx.db.insert(
        Session, repo_id=repo_id, user_id=user_id, created_at=now, last_active_at=now
    )


@mutation
async def update_last_active(ctx: MutationCtx, session_id: Id[Session]) -> None:
    """Mark a conversation as active now."""
    if await ctx.db.get(session_id) is None:
        raise refused("SessionNotFound", f"There is no session {session_id}")
    await ctx.db.patch(session_id, last_active_at=ctx.now())


@query
async def list_by_repo(ctx: QueryCtx, repo_id: Id[Repo]) -> list[Session]:
    """The conversations about a repository, newest first."""
    sessions = ctx.db.query(Session).with_index(Session.by_repoId, repo_id=repo_id)
    return await sessions.order("desc").collect()


@query
async def get(ctx: QueryCtx, session_id: Id[Session]) -> Session | None:
    """A conversation, or null."""
    return await ctx.db.get(session_id)
