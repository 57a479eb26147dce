"""The official React hooks, unmodified, rendering the chat app into a DOM."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import Chat
from tests.clients.expectations import CONTENTS, check_errors, check_live_list, check_results
from tests.harness.programs import Node

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def result(node: Node, chat: Chat) -> dict[str, Any]:
    """What the hooks got from every function."""
    return node.run("react_client.mjs", **chat.program_args)


def test_hooks_call_every_function(result: dict[str, Any], chat: Chat) -> None:
    check_results(result, chat)


def test_use_query_sees_live_updates_of_messages(result: dict[str, Any]) -> None:
    check_live_list(result)


def test_live_list_is_rendered(result: dict[str, Any]) -> None:
    assert result["rendered"] == CONTENTS


def test_hooks_get_the_reason_of_each_failure(result: dict[str, Any]) -> None:
    check_errors(result, "[CONVEX Q(messages:list)]")


def test_optimistic_message_gives_way_to_the_real_one_in_one_render(
    result: dict[str, Any],
) -> None:
    first, *renders = result["optimistic"]

    assert [message["content"] for message in first] == CONTENTS
    shown = [[message["content"] for message in messages] for messages in renders]
    assert all(contents == [*CONTENTS, "optimistic"] for contents in shown)
    ids = [messages[-1]["_id"] for messages in renders]
    assert ids[0] == "optimistic"
    assert ids[-1] != "optimistic"
    assert sorted(ids, key=lambda value: value != "optimistic") == ids
