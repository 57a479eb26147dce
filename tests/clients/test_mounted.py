"""Clients of an app under a path of a FastAPI program: the official one of npm, and ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from realtime.client import Client
from tests.clients.conftest import Chat, seeded_chat
from tests.clients.expectations import check_errors, check_live_list, check_results
from tests.harness.host_process import HostProcess
from tests.harness.programs import Node


@pytest.fixture(scope="module")
def mounted_chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """The chat app under `/convex`."""
    data = tmp_path_factory.mktemp("mounted") / "data"
    host = HostProcess("in_fastapi:app", data, prefix="/convex")
    try:
        yield seeded_chat(host.start())
    finally:
        host.close()


@pytest.fixture(scope="module")
def result(node: Node, mounted_chat: Chat) -> dict[str, Any]:
    """What the client got from every function."""
    return node.run("websocket_client.mjs", **mounted_chat.program_args)


@pytest.mark.node
def test_npm_client_keeps_the_prefix_of_a_mounted_app(
    result: dict[str, Any], mounted_chat: Chat
) -> None:
    check_results(result, mounted_chat)
    check_live_list(result)
    check_errors(result, "[CONVEX Q(messages:list)]")


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["", "/"])
async def test_client_for_asyncio_keeps_the_prefix_of_a_mounted_app(
    mounted_chat: Chat, end: str
) -> None:
    async with Client(mounted_chat.server.url + end) as client:
        team = {"teamId": mounted_chat.team_id}

        (repo,) = await client.query("projects:listByTeam", team)

    assert repo["_id"] == mounted_chat.repo_id
