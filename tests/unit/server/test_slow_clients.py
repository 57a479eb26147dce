"""Clients that are behind: what waits for them, in which parts, and when it is too much."""

from __future__ import annotations

import json

from realtime.runtime.outcome import MutationOutcome, QueryResult
from realtime.server.unsent_budget import UnsentBudget
from realtime.sync.messages import encode_timestamp
from tests.unit.server.conversation import Conversation, kinds, success


def test_next_update_waits_until_the_client_has_taken_the_last_transition(
    conversation: Conversation,
) -> None:
    conversation.connection.is_stuck = True
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})

    conversation.worker.query_invalidated(7)
    assert conversation.backend.updates == []

    conversation.connection.unsent_bytes = 0
    conversation.worker.connection_drained()
    assert conversation.backend.updates == [conversation.worker]


def test_response_does_not_wait_for_a_client_that_is_behind(conversation: Conversation) -> None:
    conversation.connect()
    conversation.connection.is_stuck = True
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})
    conversation.mutate(0)

    conversation.backend.mutations[0].finish(success(1_001))

    assert conversation.taken()[-1]["type"] == "MutationResponse"


def test_client_with_too_much_unsent_is_sent_away_instead_of_sent_more() -> None:
    conversation = Conversation(UnsentBudget(per_socket_bytes=100))
    conversation.mutate(0)
    conversation.connection.unsent_bytes = 101

    conversation.backend.mutations[0].finish(success(1_001))

    assert conversation.taken() == []
    assert conversation.connection.closed == (1013, "TooManyConcurrentRequests")


def test_slowest_client_is_sent_away_when_all_together_hold_too_much() -> None:
    budget = UnsentBudget(total_bytes=700)
    slow, other = Conversation(budget), Conversation(budget)
    slow.connection.is_stuck = other.connection.is_stuck = True

    for conversation, result in ((slow, b'"' + b"x" * 200 + b'"'), (other, b"1")):
        conversation.add(7)
        conversation.backend.run_update(1_000, {7: QueryResult(result, None)})

    assert slow.connection.closed == (1013, "TooManyConcurrentRequests")
    assert other.connection.closed is None


def test_client_that_caught_up_is_not_counted_any_more() -> None:
    budget = UnsentBudget(total_bytes=1_000_000)
    conversation = Conversation(budget)
    conversation.connection.is_stuck = True
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})
    assert budget.open_bytes > 0

    conversation.connection.unsent_bytes = 0
    conversation.worker.connection_drained()

    assert budget.open_bytes == 0


def test_client_that_takes_no_chunks_gets_a_large_transition_whole() -> None:
    conversation = Conversation()

    conversation.add_large(7)

    assert kinds(conversation.taken()) == ["Transition"]


def test_client_that_keeps_up_gets_all_chunks_at_once() -> None:
    conversation = Conversation(takes_chunks=True)

    conversation.add_large(7)

    chunks = conversation.taken()
    assert kinds(chunks) == ["TransitionChunk"] * 3
    whole = json.loads("".join(chunk["chunk"] for chunk in chunks))
    assert whole["modifications"][0]["value"] == "x" * 12_000_000


def test_next_chunk_is_made_when_the_client_has_taken_the_last_one() -> None:
    conversation = Conversation(takes_chunks=True)
    conversation.connection.is_stuck = True

    conversation.add_large(7)
    assert kinds(conversation.taken()) == ["TransitionChunk"]
    assert conversation.connection.unsent_bytes < 5_001_000
    conversation.drain()

    assert kinds(conversation.taken()) == ["TransitionChunk"]


def test_response_waits_for_the_last_chunk_and_is_covered_by_the_next_transition() -> None:
    conversation = Conversation(takes_chunks=True)
    conversation.connection.is_stuck = True
    conversation.mutate(3)
    conversation.add_large(7)

    conversation.backend.mutations[0].finish(success(1_001))
    assert kinds(conversation.taken()) == ["TransitionChunk"]
    conversation.drain()
    conversation.drain()
    assert kinds(conversation.taken()) == ["TransitionChunk", "TransitionChunk", "MutationResponse"]
    conversation.drain()
    conversation.backend.run_update(1_001, {})

    (transition,) = conversation.taken()
    assert transition["endVersion"]["ts"] == encode_timestamp(1_001)


def test_responses_that_wait_behind_chunks_count_as_unsent() -> None:
    conversation = Conversation(UnsentBudget(per_socket_bytes=6_000_000), takes_chunks=True)
    conversation.connection.is_stuck = True
    conversation.mutate(3)
    conversation.mutate(4)
    conversation.add_large(7)
    large = MutationOutcome(b'"%b"' % (b"x" * 700_000), None, 1_001)

    conversation.backend.mutations[0].finish(large)
    assert conversation.connection.closed is None
    conversation.backend.mutations[1].finish(large)

    assert conversation.connection.closed == (1013, "TooManyConcurrentRequests")


def test_rejected_token_between_chunks_is_told_after_the_responses_that_waited() -> None:
    conversation = Conversation(takes_chunks=True)
    conversation.connection.is_stuck = True
    conversation.mutate(3)
    conversation.add_large(7)
    conversation.backend.mutations[0].finish(success(1_001))
    conversation.taken()

    conversation.say("Authenticate", baseVersion=0, tokenType="Admin", value="test|wrong")

    assert kinds(conversation.taken()) == ["MutationResponse", "AuthError"]
    assert conversation.connection.closed == (1000, "AuthError")
