"""Tokens on a session: what waits for one, and what follows from its verdict."""

from __future__ import annotations

import pytest

from realtime.errors import OverloadedError, ProtocolError
from realtime.sync.messages import decode_client_message
from realtime.sync.session import Session
from realtime.sync.waiting_messages import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES
from realtime.sync.work import StartAuthentication, StartMutation
from tests.unit.sync.session_client import Client, add, kinds, success, version


def test_a_token_is_handed_out_to_be_checked() -> None:
    client = Client()

    client.send(
        type="Authenticate",
        baseVersion=0,
        tokenType="Admin",
        value="name|key",
        impersonating={"issuer": "i", "subject": "s"},
    )

    assert client.work() == [
        StartAuthentication("Admin", "name|key", {"issuer": "i", "subject": "s"})
    ]


def test_an_accepted_token_is_confirmed_without_any_query() -> None:
    client = Client()
    client.authenticate(0)
    assert not client.session.wants_update

    client.session.authenticated("ann")

    assert client.session.identity == "ann"
    assert client.session.wants_update
    [transition] = client.synced(50)
    assert transition["startVersion"] == version(0, 0, 0)
    assert transition["endVersion"] == version(0, 1, 50)


def test_a_change_of_identity_evaluates_every_query_again() -> None:
    client = Client()
    client.modify(0, add(0), add(1))
    client.synced(50)
    client.authenticate(0)

    client.session.authenticated("ann")

    assert client.update(50, {1: b"2"}) == [0, 1]
    [transition] = client.received()
    assert transition["endVersion"] == version(1, 1, 50)
    assert [each["queryId"] for each in transition["modifications"]] == [1]


def test_an_update_that_began_before_the_token_keeps_the_old_identity() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()
    client.authenticate(0)
    client.session.authenticated("ann")

    client.finish(50, {0: b'"nobody"'})
    [first] = client.received()
    client.session.socket_drained()
    evaluated = client.update(50, {0: b'"ann"'})
    [second] = client.received()

    assert first["endVersion"] == version(1, 0, 50)
    assert evaluated == [0]
    assert second["endVersion"] == version(1, 1, 50)
    assert second["modifications"][0]["value"] == "ann"


def test_messages_behind_a_token_wait_for_it() -> None:
    client = Client()
    client.mutate(0)
    client.authenticate(0)
    client.modify(0, add(0))
    client.mutate(1)
    client.send(type="Event", eventType="x", event=1)
    before = client.work()
    wanted = client.session.wants_update

    client.session.authenticated("ann")

    assert not wanted
    assert before == [
        StartMutation(0, "m:send", b"[{}]", None, "nobody"),
        StartAuthentication("User", "token", None),
    ]
    assert client.work() == [StartMutation(1, "m:send", b"[{}]", None, "ann")]
    assert client.update(50) == [0]
    assert client.received()[0]["endVersion"] == version(1, 1, 50)


def test_a_second_token_behind_the_first_waits_in_turn() -> None:
    client = Client()
    client.authenticate(0)
    client.authenticate(1)
    client.mutate(0)

    client.session.authenticated("ann")
    first = client.work()
    client.session.authenticated("bob")

    assert first == [StartAuthentication("User", "token", None)] * 2
    assert client.work() == [StartMutation(0, "m:send", b"[{}]", None, "bob")]
    assert client.synced(50)[0]["endVersion"] == version(0, 2, 50)


def test_answers_and_updates_go_on_while_a_token_is_checked() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.synced(50)
    client.authenticate(0)

    client.session.query_invalidated(0)
    client.session.mutation_finished(0, success(60))

    received = client.synced(60)
    assert kinds(received) == ["MutationResponse", "Transition"]
    assert received[1]["endVersion"] == version(1, 0, 60)


def test_what_waits_for_a_token_is_limited_in_number() -> None:
    client = Client()
    client.authenticate(0)
    for request_id in range(MAX_WAITING_MESSAGES):
        client.mutate(request_id)

    with pytest.raises(OverloadedError, match="while a token is being checked"):
        client.mutate(MAX_WAITING_MESSAGES)

    client.send(type="Event")
    client.session.authenticated("ann")
    assert len(client.work()) == MAX_WAITING_MESSAGES + 1
    client.authenticate(1)
    client.mutate(MAX_WAITING_MESSAGES)


def test_what_waits_for_a_token_is_limited_in_size() -> None:
    session = Session("nobody")
    token = decode_client_message('{"type":"Authenticate","baseVersion":0,"tokenType":"None"}')
    mutation = decode_client_message('{"type":"Mutation","requestId":0,"udfPath":"m:f"}')
    session.receive_message(token, server_time_ns=0, size_bytes=MAX_WAITING_BYTES)
    session.receive_message(mutation, server_time_ns=0, size_bytes=MAX_WAITING_BYTES - 1)

    with pytest.raises(OverloadedError):
        session.receive_message(mutation, server_time_ns=0, size_bytes=2)

    session.receive_message(mutation, server_time_ns=0, size_bytes=1)
    session.authenticated("ann")
    again = decode_client_message('{"type":"Authenticate","baseVersion":1,"tokenType":"None"}')
    session.receive_message(again, server_time_ns=0, size_bytes=1)
    session.receive_message(mutation, server_time_ns=0, size_bytes=MAX_WAITING_BYTES)


def test_a_token_for_another_version_is_refused_without_being_fatal() -> None:
    client = Client()

    with pytest.raises(ProtocolError) as caught:
        client.authenticate(1)

    assert caught.value.code == "ProtocolError"
    assert "doesn't match the current identity version 0" in caught.value.message
    assert client.work() == []
    client.authenticate(0)


def test_a_message_that_waited_is_refused_when_its_turn_comes() -> None:
    client = Client()
    client.authenticate(0)
    client.mutate(0)
    client.modify(7)

    with pytest.raises(ProtocolError, match="Base version 7"):
        client.session.authenticated("ann")

    assert client.session.identity == "ann"
    assert isinstance(client.work()[-1], StartMutation)


@pytest.mark.parametrize("verdict", ["authenticated", "authentication_failed"])
def test_a_verdict_without_a_token_is_refused(verdict: str) -> None:
    client = Client()

    with pytest.raises(ProtocolError, match=verdict):
        getattr(client.session, verdict)("x")

    assert client.session.identity == "nobody"
    assert not client.session.is_closed
    assert not client.session.wants_update


def test_a_rejected_token_ends_the_conversation() -> None:
    client = Client()
    client.authenticate(0)
    client.mutate(0)
    client.work()

    client.session.authentication_failed("NoAuthProvider: no providers configured")

    assert client.received() == [
        {
            "type": "AuthError",
            "error": "NoAuthProvider: no providers configured",
            "baseVersion": 0,
            "authUpdateAttempted": True,
        }
    ]
    assert client.session.is_closed
    assert client.work() == []
    assert client.received() == []


def test_an_auth_error_comes_after_what_was_ready() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.update(70)
    client.session.mutation_finished(0, success(70))
    client.authenticate(0)

    client.session.authentication_failed("no")

    assert kinds(client.received()) == ["MutationResponse", "Transition", "AuthError"]


def test_an_auth_error_counts_a_token_accepted_but_not_confirmed_yet() -> None:
    client = Client()
    client.authenticate(0)
    client.session.authenticated("ann")
    client.authenticate(1)

    client.session.authentication_failed("no")

    assert client.received()[0]["baseVersion"] == 1


@pytest.mark.parametrize("is_checking", [True, False])
def test_an_expired_identity_ends_the_conversation_after_what_was_ready(is_checking: bool) -> None:
    client = Client()
    client.authenticate(0)
    client.session.authenticated("ann")
    client.mutate(0)
    client.update(70)
    client.session.mutation_finished(0, success(70))
    if is_checking:
        client.authenticate(1)
        client.mutate(1)

    client.session.identity_expired("TokenExpired: too late")

    *before, error = client.received()
    assert kinds(before) == ["MutationResponse", "Transition"]
    assert error == {
        "type": "AuthError",
        "error": "TokenExpired: too late",
        "baseVersion": 1,
        "authUpdateAttempted": False,
    }
    assert client.session.is_closed
    assert client.work() == []


def test_token_that_is_rejected_between_two_parts_ends_the_conversation_there() -> None:
    client = Client(chunk_bytes=100)
    client.modify(0, add(0))
    client.update(5, {0: b'"%s"' % (b"x" * 300)})
    first = kinds(client.received())
    client.authenticate(0)

    client.session.authentication_failed("No")

    assert first == ["TransitionChunk"]
    assert kinds(client.received()) == ["AuthError"]
    assert client.session.is_closed
