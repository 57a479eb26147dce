"""The sessions, repositories and demo data of the chat app."""

from __future__ import annotations

import pytest

from functions import projects, seed, sessions
from realtime import ApplicationError, NotFoundError
from realtime.testing import TestBackend
from schema import Session

pytestmark = pytest.mark.asyncio


async def test_sessions_of_a_repository_are_listed_newest_first(
    backend: TestBackend, repo: str
) -> None:
    older = await backend.mutation(sessions.create, repo_id=repo, user_id="ada")
    newer = await backend.mutation(sessions.create, repo_id=repo, user_id="bob")

    listed = await backend.query(sessions.list_by_repo, repo_id=repo)

    assert [session.id for session in listed] == [newer, older]
    assert isinstance(listed[0], Session)


@pytest.mark.realtime(storage="file")
async def test_session_is_active_when_it_was_touched(backend: TestBackend, session: str) -> None:
    backend.clock.advance(1.5)
    await backend.mutation(sessions.update_last_active, session_id=session)

    found = await backend.query(sessions.get, session_id=session)

    assert found is not None and found.last_active_at - found.created_at == 1_500


async def test_session_that_is_not_there_can_not_be_touched(
    backend: TestBackend, missing_session: str
) -> None:
    with pytest.raises(ApplicationError, match="There is no session") as refused:
        await backend.mutation("sessions:updateLastActive", {"sessionId": missing_session})

    assert refused.value.data["code"] == "SessionNotFound"
    assert await backend.query("sessions:get", {"sessionId": missing_session}) is None


async def test_repositories_of_a_team_are_listed(backend: TestBackend, repo: str) -> None:
    found = await backend.query(projects.get, repo_id=repo)
    assert found is not None

    assert found.github_repo == "storefront"
    assert await backend.query(projects.list_by_team, team_id=found.team_id) == [found]


async def test_demo_data_is_put_in_place_once(backend: TestBackend) -> None:
    admin = backend.as_admin()

    first = await admin.mutation(seed.demo)

    assert await admin.mutation(seed.demo) == first


async def test_demo_data_is_no_business_of_users(backend: TestBackend) -> None:
    with pytest.raises(NotFoundError, match="seed:demo"):
        await backend.as_user("ada").mutation(seed.demo)
