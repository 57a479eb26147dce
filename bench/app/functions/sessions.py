"""Sessions: made, and that is all."""

from __future__ import annotations

from realtime import Id, MutationCtx, mutation
from schema import Repo, Session


@mutation
async def create(ctx: MutationCtx, repo_id: Id[Repo], user_id: str) -> Id[Session]:
    """Begin a session."""
    now = ctx.now()
    return await ctx.db.insert(
        Session, repo_id=repo_id, user_id=user_id, created_at=now, last_active_at=now
    )
