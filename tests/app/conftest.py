"""A conversation to write to."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from realtime.testing import TestBackend, running_app

APP = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def repo(backend: TestBackend) -> str:
    """Return the id of a repository of a team."""
    await backend.load("teams", '{"_id": "team", "name": "Team", "ownerId": "ada"}')
    (repo_id,) = await backend.load("repos", Path(__file__).with_name("repos.jsonl"))
    return repo_id


@pytest_asyncio.fixture
async def session(backend: TestBackend, repo: str) -> str:
    """Return the id of an empty session."""
    return str(await backend.mutation("sessions:create", {"repoId": repo, "userId": "ada"}))


@pytest_asyncio.fixture
async def missing_session() -> str:
    """Return the id of a session that only another database has."""
    async with running_app(APP) as other:
        demo = await other.as_admin().mutation("seed:demo")
        return str(demo["session_id"])
