"""The oldest 1.x clients of npm, unmodified, against the chat app."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import Chat
from tests.clients.expectations import check_live_list, check_reasons, check_results
from tests.harness.programs import Node

pytestmark = pytest.mark.node


@pytest.fixture(scope="module", params=["http", "socket"])
def result(request: pytest.FixtureRequest, node: Node, chat: Chat) -> dict[str, Any]:
    """What a client got from every function."""
    return node.run("oldest_clients.mjs", client=request.param, **chat.program_args)


def test_oldest_client_calls_every_function(result: dict[str, Any], chat: Chat) -> None:
    check_results(result, chat)


def test_oldest_client_sees_its_messages(result: dict[str, Any]) -> None:
    check_live_list(result)


def test_oldest_client_gets_the_reason_of_each_failure(result: dict[str, Any]) -> None:
    check_reasons(result)
