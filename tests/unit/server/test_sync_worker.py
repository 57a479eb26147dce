"""What the worker of a socket does with each input."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.runtime.outcome import ADMIN, ANONYMOUS, FunctionCall, QueryResult
from realtime.sync.messages import encode_timestamp
from tests.unit.server.conversation import Conversation


def test_query_is_evaluated_and_its_result_sent(conversation: Conversation) -> None:
    conversation.connect()
    conversation.add(7)

    assert conversation.backend.run_update(1_000, {7: QueryResult(b"[1]", None)}) == {7}

    (transition,) = conversation.taken()
    assert transition["type"] == "Transition"
    assert transition["modifications"] == [
        {"type": "QueryUpdated", "queryId": 7, "value": [1], "logLines": [], "journal": None}
    ]
    assert conversation.backend.updates == []


def test_query_runs_as_the_client_with_its_arguments(conversation: Conversation) -> None:
    conversation.add(7)

    (query,) = conversation.backend.updates[0].begin_update().values()

    assert query.call == FunctionCall("messages:list", b'[{"n": 7}]', ANONYMOUS)
    assert query.journal is None


def test_invalidated_query_is_evaluated_again(conversation: Conversation) -> None:
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})

    conversation.worker.query_invalidated(7)
    conversation.backend.run_update(1_001, {7: QueryResult(b"2", None)})

    assert [m["modifications"][0]["value"] for m in conversation.taken()] == [1, 2]


def test_removed_query_is_unsubscribed(conversation: Conversation) -> None:
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})

    conversation.modify({"type": "Remove", "queryId": 7})

    assert conversation.backend.unsubscribed == [7]


def test_admin_key_makes_the_following_calls_those_of_the_admin(conversation: Conversation) -> None:
    conversation.connect()

    conversation.say("Authenticate", baseVersion=0, tokenType="Admin", value="test|secret")
    conversation.mutate(0)
    conversation.backend.run_update(1_000, {})

    assert conversation.backend.mutations[0].call.identity == ADMIN
    assert conversation.taken()[0]["endVersion"]["identity"] == 1


@pytest.mark.parametrize("spelling", ["impersonating", "actingAs", "acting_as"])
def test_admin_acts_as_the_user_it_names(conversation: Conversation, spelling: str) -> None:
    named = {spelling: {"issuer": "i", "subject": "Ånn 🙂"}}

    conversation.say("Authenticate", baseVersion=0, tokenType="Admin", value="test|secret", **named)
    conversation.mutate(0)

    identity = conversation.backend.mutations[0].call.identity
    assert identity.is_admin
    assert identity.user is not None
    assert identity.user.token_identifier == "i|Ånn 🙂"


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ({"tokenType": "Admin", "value": "test|wrong"}, "deploy key was invalid"),
        (
            {"tokenType": "Admin", "value": "test|secret", "impersonating": {"subject": "x"}},
            'Either "tokenIdentifier" or "issuer" and "subject" must be set',
        ),
    ],
)
def test_rejected_token_is_told_before_the_socket_closes(
    conversation: Conversation, token: dict[str, Any], text: str
) -> None:
    conversation.connect()

    conversation.say("Authenticate", baseVersion=0, **token)

    (error,) = conversation.taken()
    assert error["type"] == "AuthError"
    assert text in error["error"]
    assert (error["baseVersion"], error["authUpdateAttempted"]) == (0, True)
    assert conversation.connection.closed == (1000, "AuthError")
    assert conversation.backend.disconnected == [conversation.worker]


def test_events_are_ignored(conversation: Conversation) -> None:
    conversation.say("Event", eventType="ClientConnect", event={"a": [1]})

    assert conversation.taken() == []
    assert conversation.connection.closed is None


def test_client_that_is_gone_is_forgotten(conversation: Conversation) -> None:
    conversation.mutate(0)

    conversation.worker.connection_lost(1006, "")

    assert conversation.backend.disconnected == [conversation.worker]
    assert conversation.lost == [conversation.worker]
    assert len(conversation.wheel) == 0


def test_client_that_has_seen_a_later_timestamp_is_served(
    conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    conversation.connect(maxObservedTimestamp=encode_timestamp(2**62))

    conversation.add(7)

    assert conversation.connection.closed is None
    assert conversation.backend.updates == [conversation.worker]
    assert "has seen timestamp" in caplog.text


def test_update_that_starts_again_takes_in_what_became_stale(conversation: Conversation) -> None:
    conversation.add(7)
    client = conversation.backend.updates.pop()
    client.begin_update()
    conversation.add(8)

    stale = [query.call.args for query in client.stale_queries()]
    again = client.restart_update()

    assert stale == [b'[{"n": 8}]']
    assert set(again) == {7, 8}
