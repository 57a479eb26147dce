"""Demo data for a first look at the app."""

from __future__ import annotations

from typing import TypedDict

from realtime import Id, MutationCtx, internal_mutation
from schema import Changes, Message, Repo, Session, Team, TeamMember, UserProfile

DEMO_USER = "demo-user"
DEMO_TEAM = "Demo team"


class DemoIds(TypedDict):
    """Where the demo data is."""

    team_id: Id[Team]
    repo_id: Id[Repo]
    session_id: Id[Session]


@internal_mutation
async def demo(ctx: MutationCtx) -> DemoIds:
    """Make a team, its owner, a repository and a short conversation, once; return their ids."""
    found = await _existing(ctx)
    if found is not None:
        return found
    now = ctx.now()
    team_id = await ctx.db.insert(Team, name=DEMO_TEAM, owner_id=DEMO_USER)
    await ctx.db.insert(UserProfile, user_id=DEMO_USER, display_name="Demo user")
    await ctx.db.insert(
        TeamMember, team_id=team_id, user_id=DEMO_USER, role="owner", invited_at=now, joined_at=now
    )
    repo_id = await ctx.db.insert(
        Repo,
        team_id=team_id,
        github_owner="acme",
        github_repo="storefront",
        github_url="https://github.com/acme/storefront",
        default_branch="main",
        push_strategy="pr",
        connected_by=DEMO_USER,
        connected_at=now,
    )
    session_id = await ctx.db.insert(
        Session, repo_id=repo_id, user_id=DEMO_USER, created_at=now, last_active_at=now
    )
    await ctx.db.insert(
        Message,
        session_id=session_id,
        role="user",
        content="The cart shows the wrong total when a coupon is applied twice. Can you fix it?",
        timestamp=now,
    )
    await ctx.db.insert(
        Message,
        session_id=session_id,
        role="assistant",
        content=(
            "The coupon was applied on every render. It is now applied once, when it is added, "
            "and a test covers the second attempt."
        ),
        timestamp=now,
        changes=Changes(files=["src/cart/total.ts", "src/cart/total.test.ts"], committed=False),
    )
    return {"team_id": team_id, "repo_id": repo_id, "session_id": session_id}


async def _existing(ctx: MutationCtx) -> DemoIds | None:
    team = (
        await ctx.db.query(Team)
        .with_index(Team.by_ownerId, owner_id=DEMO_USER)
        .filter(lambda team: team.name == DEMO_TEAM)
        .first()
    )
    if team is None:
        return None
    repo = await ctx.db.query(Repo).with_index(Repo.by_teamId, team_id=team.id).first()
    if repo is None:
        return None
    sessions = ctx.db.query(Session).with_index(Session.by_repoId, repo_id=repo.id)
    session = await sessions.first()
    if session is None:
        return None
    return {"team_id": team.id, "repo_id": repo.id, "session_id": session.id}
