"""The conversation with one client: messages in, work and messages out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from realtime.errors import OverloadedError, ProtocolError
from realtime.runtime.outcome import ClientError, MutationOutcome, QueryResult
from realtime.sync.messages import decode_client_message, encode_timestamp
from realtime.sync.query_set import PendingQuery
from realtime.sync.session import Session
from realtime.sync.waiting_messages import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES
from realtime.sync.work import (
    RemoveQuery,
    StartAction,
    StartAuthentication,
    StartMutation,
    Work,
)

SESSION_ID = "6d6f6d6f-0000-4000-8000-00000000000a"
SERVER_TIME_NS = 1_763_800_000_123_456_789
FAILURE = ClientError("[Request ID: 0123456789abcdef] Server Error\nboom")


class Client:
    """A session whose identities are names, fed with what a client would put in a frame."""

    def __init__(self, chunk_bytes: int | None = None) -> None:
        self.session = Session("nobody", chunk_bytes=chunk_bytes)

    def send(self, **members: Any) -> None:
        text = json.dumps(members)
        self.session.receive_message(
            decode_client_message(text), server_time_ns=SERVER_TIME_NS, size_bytes=len(text)
        )

    def modify(self, version: int, *modifications: dict[str, Any]) -> None:
        self.send(
            type="ModifyQuerySet",
            baseVersion=version,
            newVersion=version + 1,
            modifications=modifications,
        )

    def mutate(self, request_id: int) -> None:
        self.send(type="Mutation", requestId=request_id, udfPath="m:send", args=[{}])

    def authenticate(self, version: int) -> None:
        self.send(type="Authenticate", baseVersion=version, tokenType="User", value="token")

    def work(self) -> list[Work[str]]:
        work: list[Work[str]] = []
        while (item := self.session.next_work()) is not None:
            work.append(item)
        return work

    def received(self) -> list[Any]:
        return [json.loads(b"".join(message)) for message in self.session.messages_to_send()]

    def update(
        self, timestamp: int, values: Mapping[int, bytes] = MappingProxyType({})
    ) -> list[int]:
        """Run an update from begin to end; return the ids of the queries it evaluated."""
        queries = self.session.begin_update()
        self.finish(timestamp, {query_id: b"0" for query_id in queries} | {**values})
        return list(queries)

    def finish(self, timestamp: int, values: Mapping[int, bytes]) -> None:
        results = {query_id: QueryResult(value, None) for query_id, value in values.items()}
        self.session.queries_finished(timestamp, results, server_time_ns=SERVER_TIME_NS)

    def synced(self, timestamp: int) -> list[Any]:
        """Run an update, take its messages and let the socket drain."""
        self.update(timestamp)
        received = self.received()
        self.session.socket_drained()
        return received


def add(query_id: int, **members: Any) -> dict[str, Any]:
    no_args: dict[str, Any] = {}
    return {"type": "Add", "queryId": query_id, "udfPath": "m:list", "args": [no_args]} | members


def remove(query_id: int) -> dict[str, Any]:
    return {"type": "Remove", "queryId": query_id}


def success(timestamp: int, value: bytes = b"null") -> MutationOutcome:
    return MutationOutcome(value, None, timestamp)


def version(query_set: int, identity: int, timestamp: int) -> dict[str, Any]:
    return {"querySet": query_set, "identity": identity, "ts": encode_timestamp(timestamp)}


def kinds(messages: list[Any]) -> list[str]:
    return [message["type"] for message in messages]


def test_a_new_socket_has_nothing_to_do() -> None:
    client = Client()

    assert client.work() == []
    assert client.received() == []
    assert not client.session.wants_update
    assert not client.session.owes_transition
    assert not client.session.is_closed
    assert client.session.session_id is None
    assert client.session.identity == "nobody"


def test_connect_tells_who_the_client_is_and_what_it_saw() -> None:
    client = Client()

    client.send(
        type="Connect",
        sessionId=SESSION_ID,
        connectionCount=2,
        lastCloseReason=None,
        maxObservedTimestamp=encode_timestamp(2**63 - 1),
    )

    assert client.session.session_id == SESSION_ID
    assert client.session.max_observed_timestamp == 2**63 - 1
    assert not client.session.wants_update


def test_the_clock_skew_is_positive_if_the_client_is_ahead() -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID, clientTs=1_763_800_000_130)

    client.modify(0)

    [transition] = client.synced(1)
    assert transition["clientClockSkew"] == 7
    assert transition["serverTs"] == SERVER_TIME_NS


@pytest.mark.parametrize("client_ts", [None, 0, 1e300])
def test_the_clock_skew_is_null_if_the_client_does_not_know_the_time(client_ts: Any) -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID, clientTs=client_ts)

    client.modify(0)

    assert client.synced(1)[0]["clientClockSkew"] is None


def test_a_second_connect_is_refused() -> None:
    client = Client()
    client.send(type="Connect", sessionId=SESSION_ID)

    with pytest.raises(ProtocolError, match="one `Connect`"):
        client.send(type="Connect", sessionId=SESSION_ID.replace("a", "b"))

    assert client.session.session_id == SESSION_ID


def test_a_connect_with_a_malformed_timestamp_changes_nothing() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="Expected a timestamp"):
        client.send(type="Connect", sessionId=SESSION_ID, maxObservedTimestamp="soon")

    assert client.session.session_id is None
    client.send(type="Connect", sessionId=SESSION_ID)


def test_the_first_results_come_in_one_transition() -> None:
    client = Client()
    client.modify(0, add(0), add(1, args=[{"a": 1}], journal="j", componentPath="c"))

    assert client.session.wants_update
    queries = client.session.begin_update()
    client.finish(50, {0: b"[]", 1: b"{}"})
    [transition] = client.received()

    assert queries == {
        0: PendingQuery("m:list", b"[{}]", None, None),
        1: PendingQuery("m:list", b'[{"a": 1}]', "c", "j"),
    }
    assert transition["startVersion"] == version(0, 0, 0)
    assert transition["endVersion"] == version(1, 0, 50)
    assert [(each["queryId"], each["value"]) for each in transition["modifications"]] == [
        (0, []),
        (1, {}),
    ]


def test_an_empty_query_set_is_confirmed() -> None:
    client = Client()

    client.modify(0)
    [transition] = client.synced(50)

    assert transition["endVersion"] == version(1, 0, 50)
    assert transition["modifications"] == []
    assert not client.session.wants_update


def test_versions_chain_over_updates() -> None:
    client = Client()
    client.modify(0, add(0))
    first = client.synced(50)
    client.modify(1, remove(0))
    client.modify(2, add(1))

    second = client.synced(60)

    assert second[0]["startVersion"] == first[0]["endVersion"]
    assert second[0]["endVersion"] == version(3, 0, 60)
    assert [each["type"] for each in second[0]["modifications"]] == ["QueryRemoved", "QueryUpdated"]


def test_a_removed_query_gives_up_its_subscription() -> None:
    client = Client()
    client.modify(0, add(0), add(1))
    client.synced(50)

    client.modify(1, remove(1), remove(0))

    assert client.work() == [RemoveQuery(1), RemoveQuery(0)]


def test_an_invalidated_query_is_evaluated_again() -> None:
    client = Client()
    client.modify(0, add(0), add(1))
    client.synced(50)

    client.session.query_invalidated(1)

    assert client.session.wants_update
    assert client.update(60, {1: b"2"}) == [1]
    [transition] = client.received()
    assert [each["queryId"] for each in transition["modifications"]] == [1]


def test_a_run_that_gives_the_same_result_sends_nothing() -> None:
    client = Client()
    client.modify(0, add(0))
    client.synced(50)
    client.session.query_invalidated(0)

    received = client.synced(60)

    assert received == []
    assert not client.session.wants_update


def test_one_update_is_in_progress_at_a_time() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    client.modify(1, add(1))

    assert not client.session.wants_update
    with pytest.raises(ProtocolError, match="begin_update"):
        client.session.begin_update()
    client.finish(50, {0: b"1"})
    assert client.received()[0]["endVersion"] == version(1, 0, 50)


def test_the_next_update_waits_until_the_transition_has_left() -> None:
    client = Client()
    client.modify(0, add(0))
    client.update(50)
    client.modify(1, add(1))

    wanted = [client.session.wants_update]
    client.session.socket_drained()
    wanted.append(client.session.wants_update)
    client.received()
    wanted.append(client.session.wants_update)
    client.session.socket_drained()
    wanted.append(client.session.wants_update)

    assert wanted == [False, False, False, True]


def test_an_update_that_nobody_wants_does_not_begin() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="begin_update"):
        client.session.begin_update()


def test_results_without_an_update_are_refused() -> None:
    client = Client()
    client.modify(0, add(0))

    with pytest.raises(ProtocolError, match="queries_finished"):
        client.finish(50, {0: b"1"})

    assert client.received() == []
    assert client.session.wants_update


def test_the_timestamp_of_a_transition_never_goes_back() -> None:
    client = Client()
    client.modify(0, add(0))
    client.synced(50)
    client.session.query_invalidated(0)
    client.session.begin_update()

    with pytest.raises(ProtocolError, match="Expected a timestamp from 50 on, got 49"):
        client.finish(49, {0: b"2"})

    client.finish(50, {0: b"2"})
    assert client.received()[0]["endVersion"] == version(1, 0, 50)


def test_results_that_lack_a_query_are_refused() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    with pytest.raises(ProtocolError, match="lack"):
        client.finish(50, {})

    client.finish(50, {0: b"2"})
    assert len(client.received()) == 1


def test_a_mutation_is_started_as_the_client_sent_it() -> None:
    client = Client()

    client.send(type="Mutation", requestId=5, udfPath="m:send", args=[{"x": 1}], componentPath="")
    client.send(type="Action", requestId=6, udfPath="a:run", args=[{"y": 1}])

    assert client.work() == [
        StartMutation(5, "m:send", b'[{"x": 1}]', "", "nobody"),
        StartAction(6, "a:run", b'[{"y": 1}]', None, "nobody"),
    ]


def test_a_mutation_is_answered_and_then_covered_without_any_query() -> None:
    client = Client()
    client.mutate(0)

    client.session.mutation_finished(0, success(70, b'"id"'))
    [response] = client.received()
    assert (response["type"], response["result"]) == ("MutationResponse", "id")
    assert response["ts"] == encode_timestamp(70)
    assert client.session.wants_update
    assert client.update(70) == []
    [transition] = client.received()

    assert transition["endVersion"] == version(0, 0, 70)
    assert transition["modifications"] == []


def test_the_covering_transition_comes_even_if_the_result_is_unchanged() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.synced(50)
    client.session.query_invalidated(0)
    client.session.mutation_finished(0, success(70))

    received = client.synced(70)

    assert kinds(received) == ["MutationResponse", "Transition"]
    assert received[1]["modifications"] == []


def test_an_update_before_the_commit_does_not_cover_the_mutation() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.session.begin_update()
    client.session.mutation_finished(0, success(70))

    client.finish(60, {0: b"1"})
    first = client.received()
    client.session.socket_drained()

    assert kinds(first) == ["MutationResponse", "Transition"]
    assert client.session.wants_update
    assert client.synced(70)[0]["endVersion"] == version(1, 0, 70)
    assert not client.session.wants_update


def test_a_response_goes_before_a_transition_that_is_ready() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.update(70)

    client.session.mutation_finished(0, success(70))
    received = client.received()
    client.session.socket_drained()

    assert kinds(received) == ["MutationResponse", "Transition"]
    assert not client.session.wants_update


def test_a_stored_response_is_covered_by_a_new_transition() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.synced(70)

    client.session.mutation_finished(0, success(3))

    assert kinds(client.received()) == ["MutationResponse"]
    assert client.session.wants_update
    assert client.synced(70)[0]["endVersion"] == version(1, 0, 70)


def test_only_queries_to_evaluate_count_as_stale() -> None:
    client = Client()
    client.mutate(0)
    client.modify(0)
    client.session.mutation_finished(0, success(5))
    is_stale = [client.session.has_stale_queries]

    client.modify(1, add(0))
    is_stale.append(client.session.has_stale_queries)
    client.synced(5)
    is_stale.append(client.session.has_stale_queries)
    client.session.query_invalidated(0)
    is_stale.append(client.session.has_stale_queries)

    assert is_stale == [False, True, False, True]


def test_several_mutations_are_covered_by_one_transition() -> None:
    client = Client()
    for request_id in range(3):
        client.mutate(request_id)
    for request_id in range(3):
        client.session.mutation_finished(request_id, success(70 + request_id))

    received = client.synced(72)

    assert kinds(received) == ["MutationResponse"] * 3 + ["Transition"]
    assert [message["requestId"] for message in received[:3]] == [0, 1, 2]
    assert not client.session.wants_update


def test_a_failed_mutation_owes_a_transition_of_any_timestamp() -> None:
    client = Client()
    client.mutate(0)

    client.session.mutation_finished(0, MutationOutcome(None, FAILURE, 70))

    [response] = client.received()
    assert (response["success"], response["ts"]) == (False, None)
    assert client.session.wants_update
    assert client.session.begin_update() == {}


def test_an_action_is_answered_and_a_transition_follows() -> None:
    client = Client()
    client.send(type="Action", requestId=1, udfPath="a:run", args=[])

    client.session.action_finished(1, success(0))

    received = client.synced(1)
    assert kinds(received) == ["ActionResponse", "Transition"]


@pytest.mark.parametrize("method", ["mutation_finished", "action_finished"])
def test_an_answer_is_given_once_and_only_to_what_was_asked(method: str) -> None:
    client = Client()
    client.mutate(0)
    client.send(type="Action", requestId=1, udfPath="a:run", args=[])
    finish = getattr(client.session, method)
    asked, other = (0, 1) if method == "mutation_finished" else (1, 0)
    finish(asked, success(5))

    for request_id in (asked, other):
        with pytest.raises(ProtocolError, match="unanswered"):
            finish(request_id, success(5))

    assert len(client.received()) == 1


def test_a_transition_is_owed_until_it_has_left() -> None:
    client = Client()
    client.mutate(0)
    owed: list[bool] = []

    client.session.mutation_finished(0, success(5))
    owed.append(client.session.owes_transition)
    client.update(5)
    owed.append(client.session.owes_transition)
    client.received()
    owed.append(client.session.owes_transition)
    client.session.socket_drained()

    assert owed == [True, True, True]
    assert not client.session.owes_transition


def test_a_step_from_another_version_is_fatal_and_changes_nothing() -> None:
    client = Client()
    client.modify(0)

    with pytest.raises(ProtocolError) as caught:
        client.modify(0, add(0))

    assert caught.value.code == "BaseVersionMismatch"
    assert caught.value.message == "Base version 0 passed up doesn't match the current version 1"
    client.modify(1, add(0))
    assert client.update(5) == [0]


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


@pytest.mark.parametrize("is_rejected", [True, False])
def test_a_closed_session_ignores_everything(is_rejected: bool) -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.send(type="Action", requestId=1, udfPath="a:run", args=[])
    client.session.begin_update()
    client.authenticate(0)
    if is_rejected:
        client.session.authentication_failed("no")
        client.received()
    else:
        client.session.close()

    client.finish(50, {})
    client.session.query_invalidated(0)
    client.session.mutation_finished(0, success(60))
    client.session.action_finished(1, success(60))
    client.session.authenticated("ann")
    client.session.authentication_failed("no")
    client.session.identity_expired("no")
    client.session.socket_drained()
    client.modify(9, add(0))

    assert client.session.begin_update() == {}
    assert client.session.is_closed
    assert not client.session.wants_update
    assert not client.session.owes_transition
    assert (client.received(), client.work()) == ([], [])
    assert client.session.identity == "nobody"


def test_a_session_may_be_closed_again() -> None:
    client = Client()
    client.authenticate(0)
    client.session.authentication_failed("no")

    client.session.close()

    assert client.session.is_closed
    assert client.received() == []


def test_closing_drops_what_was_ready() -> None:
    client = Client()
    client.modify(0, add(0))
    client.mutate(0)
    client.update(70)
    client.session.mutation_finished(0, success(70))

    client.session.close()

    assert (client.received(), client.work()) == ([], [])


def test_an_event_changes_nothing() -> None:
    client = Client()

    client.send(type="Event", eventType="ClientConnect", event=[{"name": "x"}])

    assert (client.received(), client.work()) == ([], [])
    assert not client.session.wants_update


# An update that starts again


def test_update_that_starts_again_is_one_of_the_newest_identity_and_queries() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()
    client.authenticate(0)
    client.session.authenticated("somebody")
    client.modify(1, add(1))

    again = client.session.restart_update()
    client.finish(5, dict.fromkeys(again, b"1"))

    [transition] = client.received()
    assert list(again) == [0, 1]
    assert transition["endVersion"] == version(2, 1, 5)
    assert not client.session.wants_update


def test_update_that_was_not_begun_cannot_start_again() -> None:
    client = Client()

    with pytest.raises(ProtocolError, match="restart_update"):
        client.session.restart_update()


def test_closed_conversation_has_nothing_to_start_again() -> None:
    client = Client()
    client.modify(0, add(0))
    client.session.begin_update()

    client.session.close()

    assert client.session.restart_update() == {}
    assert client.session.stale_queries() == {}


# Transitions in parts


def test_responses_that_wait_for_the_last_part_are_counted() -> None:
    client = Client(chunk_bytes=100)
    client.modify(0, add(0))
    client.mutate(1)
    client.update(5, {0: b'"%s"' % (b"x" * 300)})
    before = client.session.held_bytes
    first = kinds(client.received())

    client.session.mutation_finished(1, success(4))
    held = client.session.held_bytes
    while client.session.is_between_chunks:
        client.session.socket_drained()
        last = kinds(client.received())

    assert (before, first) == (0, ["TransitionChunk"])
    assert held > 50
    assert client.session.held_bytes == 0
    assert last == ["TransitionChunk", "MutationResponse"]


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
