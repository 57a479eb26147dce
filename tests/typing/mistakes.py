"""Mistakes that type checkers must find, and only those: one on each line marked so. Never run."""

from __future__ import annotations

from functions.messages import list_messages, send
from realtime import (
    ActionCtx,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Realtime,
    action,
    mutation,
    query,
)
from schema import Message, Session


@query
async def writes_in_a_query(ctx: QueryCtx, session_id: Id[Session]) -> None:
    await ctx.db.delete(session_id)  # error
    await ctx.run_mutation("messages:send")  # error


@query
async def wrong_return(ctx: QueryCtx, session_id: Id[Session]) -> Id[Message]:
    return session_id  # error


@query
async def reads(ctx: QueryCtx, session_id: Id[Session], message_id: Id[Message]) -> str:
    session = await ctx.db.get(session_id)
    print(session.user_id)  # error
    await ctx.db.get(Message, session_id)  # error
    await ctx.run_query(list_messages, session_id=message_id)  # error
    await ctx.run_query(list_messages, session_id="not an id")  # error
    message = await ctx.db.get(message_id)
    assert message is not None
    message.content = "changed"  # error
    print(message.changes.files)  # error
    return message.contents  # error


@query
async def pages(ctx: QueryCtx, options: PaginationOptions) -> PaginationResult[Message]:
    await ctx.db.query(Message).paginate(num_items=5)  # error
    PaginationOptions(num_items="5", cursor=None)  # error
    result = await ctx.db.query(Message).paginate(options)
    print(result.page.content)  # error
    return result.with_page(message.content for message in result.page)  # error


@mutation
async def writes(ctx: MutationCtx, session: Id[Session], message: Id[Message]) -> None:
    await ctx.db.insert(Session, user_id="a", created_at=1.0, last_active_at=1.0)  # error
    insert = ctx.db.insert
    await insert(Message, session_id=message, role="user", content="", timestamp=1)  # error
    await insert(Message, session_id=session, role="user", content=1, timestamp=1)  # error
    await insert(Message, session_id=session, role="usr", content="", timestamp=1)  # error
    await insert(Message, session_id=session, role="user", text="", timestamp=1)  # error


@action
async def acts(ctx: ActionCtx, session: Id[Session], message: Id[Message]) -> str:
    await ctx.db.get(session)  # error
    await ctx.run_query(list_messages, session_id=message)  # error
    await ctx.run_mutation(list_messages, session_id=session)  # error
    await ctx.run_mutation(send, session_id=session, role="usr", content="")  # error
    await ctx.run_action(acts, session=session)  # error
    await ctx.run_blocking(int, "ff", bass=16)  # error
    return await ctx.run_action(acts, session=session, message=session)  # error


@mutation
async def calls_an_action(ctx: MutationCtx, session: Id[Session], message: Id[Message]) -> None:
    await ctx.run_action(acts, session=session, message=message)  # error


async def embeds(realtime: Realtime, session: Id[Session], message: Id[Message]) -> None:
    await realtime.query(list_messages, session_id=message)  # error
    await realtime.query(send, session_id=session, role="user", content="")  # error
    await realtime.mutation(send, session_id=session, role="usr", content="")  # error
    realtime.watch(list_messages, session=session)  # error
