"""The official npm `ConvexClient`, unmodified, against the chat app."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import Chat
from tests.clients.expectations import check_errors, check_live_list, check_results
from tests.harness.programs import Node
from tests.harness.waiting import wait_for

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def result(node: Node, chat: Chat) -> dict[str, Any]:
    """What the client got from every function."""
    return node.run("websocket_client.mjs", **chat.program_args)


def test_npm_client_calls_every_function(result: dict[str, Any], chat: Chat) -> None:
    check_results(result, chat)


def test_npm_client_sees_live_updates_of_messages(result: dict[str, Any]) -> None:
    check_live_list(result)


def test_npm_client_gets_the_reason_of_each_failure(result: dict[str, Any]) -> None:
    check_errors(result, "[CONVEX Q(messages:list)]")


def test_sockets_and_subscriptions_are_given_up_after_the_client_has_closed(
    result: dict[str, Any], chat: Chat
) -> None:
    wait_for(lambda: chat.server.metrics().value("realtime_sockets") == 0, "no open socket")
    wait_for(
        lambda: chat.server.metrics().value("realtime_subscriptions") == 0, "no subscription left"
    )
