"""Messages: sent and listed, as in the chat app."""

from __future__ import annotations

from realtime import Id, MutationCtx, QueryCtx, mutation, query
from schema import Message, Role, Session


@query(name="list")
async def list_messages(ctx: QueryCtx, session_id: Id[Session]) -> list[Message]:
    """The messages of a session, oldest first."""
    messages = ctx.db.query(Message).with_index(Message.by_sessionId, session_id=session_id)
    return await messages.order("asc").collect()


@mutation
async def send(ctx: MutationCtx, session_id: Id[Session], role: Role, content: str) -> Id[Message]:
    """Append a message and mark its session as active now."""
    now = ctx.now()
    await ctx.db.patch(session_id, last_active_at=now)
    return await ctx.db.insert(
        Message, session_id=session_id, role=role, content=content, timestamp=now
    )
