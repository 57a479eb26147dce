"""The repo and the session that a load begins with."""

from __future__ import annotations

from typing import TypedDict

from realtime import Id, MutationCtx, internal_mutation
from schema import Repo, Session


class Demo(TypedDict):
    """What the load generator needs to know."""

    repo_id: Id[Repo]
    session_id: Id[Session]


@internal_mutation
async def demo(ctx: MutationCtx) -> Demo:
    """Make the repo and the session if they are not there; return their ids."""
    session = await ctx.db.query(Session).first()
    if session is not None:
        return Demo(repo_id=session.repo_id, session_id=session.id)
    now = ctx.now()
    repo_id = await ctx.db.insert(Repo, name="bench")
    session_id = await ctx.db.insert(
        Session, repo_id=repo_id, user_id="bench", created_at=now, last_active_at=now
    )
    return Demo(repo_id=repo_id, session_id=session_id)
