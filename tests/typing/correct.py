"""What type checkers must understand of an app's code. Never run."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

from functions.messages import list_messages, send
from realtime import (
    UNSET,
    ActionCtx,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Realtime,
    ScheduledFunction,
    StoredFile,
    Unset,
    UserIdentity,
    action,
    gather,
    gt,
    mutation,
    query,
)
from realtime.testing import TestBackend
from schema import Changes, Message, MessageRole, Session


@query
async def reads(ctx: QueryCtx, session_id: Id[Session], message_id: Id[Message]) -> list[Message]:
    session = await ctx.db.get(session_id)
    assert_type(session, Session | None)
    assert session is not None
    assert_type(session.id, Id[Session])
    assert_type(session.creation_time, float)
    assert_type(session.user_id, str)

    message = await ctx.db.get(Message, message_id)
    assert_type(message, Message | None)
    if message is not None:
        assert_type(message.role, MessageRole)
        assert_type(message.changes, Changes | Unset)
        if message.changes is not UNSET:
            assert_type(message.changes.files, list[str])

    table_query = ctx.db.query(Message).with_index(
        Message.by_sessionId, gt("creation_time", 1.0), session_id=session_id
    )
    assert_type(await table_query.order("desc").first(), Message | None)
    async for one in ctx.db.query(Message):
        assert_type(one, Message)
    assert_type(await ctx.db.get_many([session_id]), list[Session | None])
    assert_type(await ctx.db.system.query(ScheduledFunction).collect(), list[ScheduledFunction])
    file_id = ctx.db.system.normalize_id(StoredFile, "")
    assert_type(file_id, Id[StoredFile] | None)
    if file_id is not None:
        assert_type(await ctx.db.system.get(file_id), StoredFile | None)
    identity = await ctx.auth.get_user_identity()
    assert_type(identity, UserIdentity | None)
    if identity is not None:
        assert_type(identity.token_identifier, str)
        assert_type(identity.email, str | Unset)
    both = await gather(ctx.db.get(session_id), ctx.db.get(message_id))
    assert_type(both, tuple[Session | None, Message | None])
    assert_type(await ctx.run_query(list_messages, session_id=session_id), list[Message])
    return await ctx.db.query(Message).filter(lambda message: message.role == "user").collect()


@query
async def pages(
    ctx: QueryCtx, session_id: Id[Session], pagination_opts: PaginationOptions
) -> PaginationResult[Message]:
    messages = ctx.db.query(Message).with_index(Message.by_sessionId, session_id=session_id)
    result = await messages.paginate(pagination_opts)
    assert_type(result, PaginationResult[Message])
    assert_type(result.page, list[Message])
    assert_type(result.continue_cursor, str)
    assert_type(result.split_cursor, str | None)
    assert_type(result.is_done, bool)
    contents = result.with_page(message.content for message in result.page)
    assert_type(contents, PaginationResult[str])
    nested = await ctx.run_query(pages, session_id=session_id, pagination_opts=pagination_opts)
    assert_type(nested, PaginationResult[Message])
    as_dictionaries = await ctx.db.query("messages").paginate({"numItems": 1, "cursor": None})
    assert_type(as_dictionaries.page, list[dict[str, Any]])
    return result


@mutation
async def writes(ctx: MutationCtx, session_id: Id[Session]) -> Id[Message]:
    first = await ctx.db.insert(
        Message, session_id=session_id, role="user", content="Hello", timestamp=ctx.now()
    )
    assert_type(first, Id[Message])
    await ctx.db.patch(first, content="Hello again", changes=UNSET)
    await ctx.db.delete(first)
    second = await ctx.run_mutation(send, session_id=session_id, role="user", content="Hi")
    assert_type(second, Id[Message])
    return second


@action
async def acts(ctx: ActionCtx, session_id: Id[Session]) -> str:
    assert_type(await ctx.run_query(list_messages, session_id=session_id), list[Message])
    sending = ctx.run_mutation(send, session_id=session_id, role="user", content="Hi")
    reading = ctx.run_query(list_messages, {"sessionId": session_id})
    assert_type(await asyncio.gather(sending, reading), tuple[Id[Message], list[Message]])
    assert_type(await ctx.run_action(acts, session_id=session_id), str)
    assert_type(await ctx.run_blocking(int, "ff", base=16), int)
    assert_type(await ctx.auth.get_user_identity(), UserIdentity | None)
    return str(ctx.now())


async def embeds(realtime: Realtime, tested: TestBackend, session_id: Id[Session]) -> None:
    assert_type(await realtime.query(list_messages, session_id=session_id), list[Message])
    for caller in (realtime.as_user("ada", email="ada@example.org"), tested.as_admin()):
        sent = await caller.mutation(send, session_id=session_id, role="user", content="Hi")
        assert_type(sent, Id[Message])
    assert_type(await tested.run(list_messages, {"sessionId": session_id}), list[Message])
    async for messages in realtime.watch(list_messages, session_id=session_id):
        assert_type(messages, list[Message])
    async with tested.watch(list_messages, session_id=session_id) as values:
        assert_type(values, list[list[Message]])
