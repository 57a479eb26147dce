"""The messages of the chat app, tested as any app's are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import messages, seed, sessions
from realtime import ApplicationError, PaginationOptions, ValidationError
from realtime.testing import TestBackend, running_app
from realtime.testing.strategies import arguments
from schema import Changes
from tests.app.conftest import APP

pytestmark = pytest.mark.asyncio


async def test_messages_are_listed_oldest_first(backend: TestBackend, session: str) -> None:
    first = await backend.mutation(messages.send, session_id=session, role="user", content="one")
    backend.clock.advance(60)
    await backend.mutation(messages.send, session_id=session, role="assistant", content="two")

    listed = await backend.query(messages.list_messages, session_id=session)

    assert [(message.role, message.content) for message in listed] == [
        ("user", "one"),
        ("assistant", "two"),
    ]
    assert listed[0].id == first
    assert listed[1].timestamp - listed[0].timestamp == 60_000


async def test_history_comes_in_pages_newest_first(backend: TestBackend, session: str) -> None:
    for content in ("one", "two", "three"):
        await backend.mutation(messages.send, session_id=session, role="user", content=content)

    options = PaginationOptions(num_items=2, cursor=None)
    newest = await backend.query(messages.history, session_id=session, pagination_opts=options)
    options = PaginationOptions(num_items=2, cursor=newest.continue_cursor)
    oldest = await backend.query(messages.history, session_id=session, pagination_opts=options)

    assert [message.content for message in newest.page] == ["three", "two"]
    assert [message.content for message in oldest.page] == ["one"]
    assert (newest.is_done, oldest.is_done) == (False, True)


async def test_list_is_pushed_with_each_message_of_its_session(
    backend: TestBackend, session: str
) -> None:
    other = await backend.query(sessions.get, session_id=session)
    assert other is not None
    elsewhere = await backend.mutation(sessions.create, repo_id=other.repo_id, user_id="bob")

    async with backend.watch(messages.list_messages, session_id=session) as values:
        for session_id in (session, elsewhere, session):
            await backend.mutation(
                messages.send, session_id=session_id, role="user", content="hello"
            )
        await backend.settled()

    assert [len(value) for value in values][-1] == 2
    assert len(values) <= 3  # the message elsewhere pushes nothing


async def test_message_marks_its_session_as_active(backend: TestBackend, session: str) -> None:
    backend.clock.advance(5)
    await backend.mutation(messages.send, session_id=session, role="user", content="hello")

    found = await backend.query(sessions.get, session_id=session)

    assert found is not None and found.last_active_at - found.created_at == 5_000


async def test_message_needs_the_id_of_a_session(backend: TestBackend) -> None:
    demo = await backend.as_admin().mutation(seed.demo)

    with pytest.raises(ValidationError, match="from table `repos`"):
        await backend.mutation(
            "messages:send", {"sessionId": demo["repo_id"], "role": "user", "content": ""}
        )


async def test_message_needs_a_session_that_is_there(
    backend: TestBackend, missing_session: str
) -> None:
    with pytest.raises(ApplicationError, match="create one first") as refused:
        await backend.mutation(
            "messages:send", {"sessionId": missing_session, "role": "user", "content": ""}
        )

    assert refused.value.data["code"] == "SessionNotFound"


async def test_changes_are_marked_as_committed(backend: TestBackend) -> None:
    demo = await backend.as_admin().mutation(seed.demo)
    _, answer = await backend.query(messages.list_messages, session_id=demo["session_id"])

    await backend.mutation(
        messages.mark_changes_committed, message_id=answer.id, commit_sha="abc", pr_url="https://pr"
    )
    await backend.mutation(messages.mark_changes_committed, message_id=answer.id, commit_sha="def")

    _, marked = await backend.query(messages.list_messages, session_id=demo["session_id"])
    files = ["src/cart/total.ts", "src/cart/total.test.ts"]
    assert marked.changes == Changes(
        files=files, committed=True, commit_sha="def", pr_url="https://pr"
    )


async def test_only_changes_are_marked(backend: TestBackend, session: str) -> None:
    message = await backend.mutation(messages.send, session_id=session, role="user", content="")

    with pytest.raises(ApplicationError, match="has no changes") as refused:
        await backend.mutation(messages.mark_changes_committed, message_id=message, commit_sha="a")

    assert refused.value.data["code"] == "NoChanges"


@settings(max_examples=20)
@given(args=st.data())
async def test_any_message_comes_back_as_it_was_sent(args: st.DataObject) -> None:
    async with running_app(APP) as backend:
        demo = await backend.as_admin().mutation(seed.demo)
        sent = args.draw(arguments(messages.send, sessionId=st.just(demo["session_id"])))

        message_id = await backend.mutation(messages.send, sent)

        listed = await backend.query(messages.list_messages, session_id=demo["session_id"])
        (found,) = [message for message in listed if message.id == message_id]
        assert (found.role, found.content) == (sent["role"], sent["content"])
