"""The messages of a conversation."""

from __future__ import annotations

from functions._errors import refused
from realtime import (
    UNSET,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    mutation,
    query,
)
from schema import Changes, Message, MessageRole, Session


@query(name="list")
async def list_messages(ctx: QueryCtx, session_id: Id[Session]) -> list[Message]:
    """The messages of a conversation, oldest first."""
    messages = ctx.db.query(Message).with_index(Message.by_sessionId, session_id=session_id)
    return await messages.order("asc").collect()


@query
async def history(
    ctx: QueryCtx, session_id: Id[Session], pagination_opts: PaginationOptions
) -> PaginationResult[Message]:
    """The messages of a conversation, newest first, a page at a time."""
    messages = ctx.db.query(Message).with_index(Message.by_sessionId, session_id=session_id)
    return await messages.order("desc").paginate(pagination_opts)


@mutation
async def send(
    ctx: MutationCtx, session_id: Id[Session], role: MessageRole, content: str
) -> Id[Message]:
    """Append a message, mark its conversation as active now, and return the message's id."""
    if await ctx.db.get(session_id) is None:
        raise refused("SessionNotFound", f"There is no session {session_id}; create one first")
    now = ctx.now()
    await ctx.db.patch(session_id, last_active_at=now)
    return await ctx.db.insert(
        Message, session_id=session_id, role=role, content=content, timestamp=now
    )


@mutation
async def mark_changes_committed(
    ctx: MutationCtx, message_id: Id[Message], commit_sha: str, pr_url: str | Unset = UNSET
) -> None:
    """Record that the changes of a message were committed, and the pull request if there is one."""
    message = await ctx.db.get(message_id)
    if message is None:
        raise refused("MessageNotFound", f"There is no message {message_id}")
    if message.changes is UNSET:
        raise refused("NoChanges", f"Message {message_id} has no changes to mark as committed")
    changes = Changes(
        files=message.changes.files,
        committed=True,
        commit_sha=commit_sha,
        pr_url=message.changes.pr_url if pr_url is UNSET else pr_url,
    )
    await ctx.db.patch(message_id, changes=changes)
