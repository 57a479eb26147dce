"""How conversations end: what the client gets for each error."""

from __future__ import annotations

import pytest

from realtime.errors import OverloadedError, RealtimeError, StorageError, UnavailableError
from tests.unit.server.conversation import Conversation


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type":"Nonsense"}', '{"type":"Mutation"}'])
def test_malformed_message_is_fatal(conversation: Conversation, text: str) -> None:
    conversation.worker.receive_text(text)

    (message,) = conversation.taken()
    assert message["type"] == "FatalError"
    assert conversation.connection.closed == (1008, "ProtocolError")


def test_wrong_base_version_is_fatal(conversation: Conversation) -> None:
    conversation.say("ModifyQuerySet", baseVersion=5, newVersion=6, modifications=[])

    (message,) = conversation.taken()
    assert message == {
        "type": "FatalError",
        "error": "Base version 5 passed up doesn't match the current version 0",
    }
    assert conversation.connection.closed == (1008, "BaseVersionMismatch")


def test_other_breach_of_the_protocol_makes_the_client_start_anew(
    conversation: Conversation,
) -> None:
    conversation.modify({"type": "Remove", "queryId": 1})

    assert conversation.taken() == []
    assert conversation.connection.closed is not None
    code, reason = conversation.connection.closed
    assert code == 1011
    assert reason.startswith("InternalServerError: ")


def test_binary_message_is_refused(conversation: Conversation) -> None:
    conversation.worker.receive_binary()

    assert conversation.connection.closed is not None
    assert conversation.connection.closed[0] == 1003


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OverloadedError("full", code="ExpiredInQueue"), (1013, "ExpiredInQueue")),
        (UnavailableError("fenced"), (1011, "InternalServerError")),
        (StorageError("lost"), (1011, "InternalServerError")),
    ],
)
def test_backend_that_cannot_go_on_closes_the_socket(
    conversation: Conversation, error: RealtimeError, expected: tuple[int, str]
) -> None:
    conversation.worker.fail(error)

    assert conversation.connection.closed == expected
    assert conversation.backend.disconnected == [conversation.worker]
