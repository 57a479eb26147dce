"""Answers of a session: what is owed to a mutation or an action, and in which order it leaves."""

from __future__ import annotations

import pytest

from realtime.errors import ProtocolError
from realtime.runtime.outcome import MutationOutcome
from realtime.sync.messages import encode_timestamp
from realtime.sync.work import StartAction, StartMutation
from tests.unit.sync.session_client import FAILURE, Client, add, kinds, success, version


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
