"""The official PyPI `ConvexClient`, unmodified, against the chat app."""

from __future__ import annotations

from typing import Any

import pytest
from convex.http_client import ConvexHttpClient

from tests.clients.conftest import Chat
from tests.clients.expectations import check_errors, check_live_list, check_results
from tests.harness.programs import start_python


@pytest.fixture(scope="module")
def result(chat: Chat) -> dict[str, Any]:
    """What the client got from every function."""
    with start_python("python_client.py", **chat.program_args) as program:
        return program.receive()


def test_python_client_calls_every_function(result: dict[str, Any], chat: Chat) -> None:
    check_results(result, chat)


def test_python_client_sees_live_updates_of_messages(result: dict[str, Any]) -> None:
    check_live_list(result)


def test_python_client_gets_the_reason_of_each_failure(result: dict[str, Any]) -> None:
    check_errors(result)


def test_python_http_client_sends_and_lists_messages(chat: Chat) -> None:
    client = ConvexHttpClient(chat.server.url)

    session_id = client.mutation("sessions:create", {"repoId": chat.repo_id, "userId": "http"})
    message = {"sessionId": session_id, "role": "user", "content": "over http"}
    message_id = client.mutation("messages:send", message)

    (listed,) = client.query("messages:list", {"sessionId": session_id})
    assert listed["_id"] == message_id
    assert listed["content"] == "over http"
