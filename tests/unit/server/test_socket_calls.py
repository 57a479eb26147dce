"""Mutations and actions of a socket: what is submitted, and what becomes of each outcome."""

from __future__ import annotations

from realtime.errors import OverloadedError, StorageFullError, UnavailableError
from realtime.runtime.outcome import (
    ANONYMOUS,
    ActionOutcome,
    ClientError,
    FunctionCall,
    MutationOutcome,
    QueryResult,
    SocketRequest,
)
from tests.unit.server.conversation import SESSION_ID, Conversation, success


def test_mutation_is_submitted_under_session_and_request(conversation: Conversation) -> None:
    conversation.connect()

    conversation.mutate(3)

    (submitted,) = conversation.backend.mutations
    request = SocketRequest(SESSION_ID, 3)
    assert submitted.call == FunctionCall("messages:send", b'[{"x": 1}]', ANONYMOUS, request)
    assert submitted.client is conversation.worker
    assert (submitted.session_id, submitted.request_id) == (SESSION_ID, 3)


def test_response_goes_out_before_the_transition_that_covers_it(conversation: Conversation) -> None:
    conversation.connect()
    conversation.modify()
    conversation.backend.run_update(1_000, {})
    conversation.mutate(3)
    conversation.taken()

    conversation.backend.mutations[0].finish(success(1_001))
    conversation.backend.run_update(1_001, {})

    response, transition = conversation.taken()
    assert (response["type"], response["requestId"], response["result"]) == (
        "MutationResponse",
        3,
        "id",
    )
    assert transition["type"] == "Transition"
    assert transition["endVersion"]["ts"] == response["ts"]


def start_action(conversation: Conversation, request_id: int = 4) -> None:
    conversation.connect()
    conversation.say("Action", requestId=request_id, udfPath="jobs:start", args=[{}])


def test_action_is_submitted_as_who_the_client_was_then(conversation: Conversation) -> None:
    start_action(conversation)

    (submitted,) = conversation.backend.actions
    request = SocketRequest(SESSION_ID, 4)
    assert submitted.call == FunctionCall("jobs:start", b"[{}]", ANONYMOUS, request)
    assert submitted.client is conversation.worker


def test_actions_are_answered_as_they_end_each_with_a_transition(
    conversation: Conversation,
) -> None:
    conversation.modify()
    conversation.backend.run_update(1_000, {})
    start_action(conversation, 4)
    conversation.say("Action", requestId=5, udfPath="jobs:start", args=[{}])
    conversation.taken()
    first, second = conversation.backend.actions

    second.finish(ActionOutcome(b'"done"', None, ("[LOG] 'hi'",)))
    response, transition = conversation.taken()
    first.finish(ActionOutcome(None, ClientError("failed", b"7")))
    failure, _ = conversation.taken()

    assert response == {
        "type": "ActionResponse",
        "requestId": 5,
        "success": True,
        "result": "done",
        "logLines": ["[LOG] 'hi'"],
    }
    assert transition["type"] == "Transition"
    assert (failure["requestId"], failure["success"]) == (4, False)
    assert (failure["result"], failure["errorData"]) == ("failed", 7)


def test_answer_of_an_action_is_dropped_when_its_socket_is_gone(
    conversation: Conversation,
) -> None:
    start_action(conversation)
    conversation.worker.connection_lost(1006, "")

    conversation.backend.actions[0].finish(ActionOutcome(b"1", None))

    assert conversation.taken() == []


def test_client_of_too_many_actions_is_sent_away(conversation: Conversation) -> None:
    conversation.backend.refusal = OverloadedError("Too many actions are running")

    start_action(conversation)

    assert conversation.connection.closed == (1013, "TooManyConcurrentRequests")


def test_action_that_met_an_overload_sends_its_client_away(conversation: Conversation) -> None:
    start_action(conversation)
    error = OverloadedError("Too much", code="TooManyConcurrentMutations")

    conversation.backend.actions[0].finish(
        ActionOutcome(None, ClientError(error.message), (), error)
    )

    assert conversation.taken() == []
    assert conversation.connection.closed == (1013, "TooManyConcurrentMutations")


def test_action_that_met_a_full_disk_is_answered(conversation: Conversation) -> None:
    start_action(conversation)
    error = StorageFullError("The disk is full")

    conversation.backend.actions[0].finish(
        ActionOutcome(None, ClientError(error.message), (), error)
    )

    (response, *_) = conversation.taken()
    assert (response["success"], response["result"]) == (False, "The disk is full")


def test_action_that_comes_while_the_server_stops_is_told_that_it_was_not_run(
    conversation: Conversation,
) -> None:
    conversation.backend.state = "stopping"
    conversation.backend.refusal = UnavailableError("The server is stopping; nothing was done")

    start_action(conversation)

    (response, *_) = conversation.taken()
    assert response["type"] == "ActionResponse" and response["success"] is False
    assert response["result"] == "The server is stopping; nothing was done"


def test_action_on_a_fenced_server_ends_the_conversation(conversation: Conversation) -> None:
    conversation.backend.state = "fenced"
    conversation.backend.refusal = UnavailableError("The server must be restarted")

    start_action(conversation)

    assert conversation.connection.closed == (1011, "InternalServerError")


def test_client_with_too_many_mutations_is_sent_away(conversation: Conversation) -> None:
    conversation.backend.refusal = OverloadedError("full", code="TooManyConcurrentMutations")

    conversation.mutate(0)

    assert conversation.connection.closed == (1013, "TooManyConcurrentMutations")


def test_mutation_for_a_server_that_stops_is_left_for_the_next_one(
    conversation: Conversation,
) -> None:
    conversation.backend.state = "stopping"
    conversation.backend.refusal = UnavailableError("stopping")

    conversation.mutate(0)

    assert conversation.taken() == []
    assert conversation.connection.closed is None


def test_mutation_for_a_fenced_server_closes_the_socket(conversation: Conversation) -> None:
    conversation.backend.state = "fenced"
    conversation.backend.refusal = UnavailableError("fenced")

    conversation.mutate(0)

    assert conversation.connection.closed == (1011, "InternalServerError")


def test_mutation_that_was_not_started_before_the_stop_gets_no_answer(
    conversation: Conversation,
) -> None:
    conversation.mutate(0)

    rejection = MutationOutcome(None, ClientError("x"), 1, (), UnavailableError("stopping"))
    conversation.backend.mutations[0].finish(rejection)

    assert conversation.taken() == []


def test_mutation_that_found_no_room_is_told_so(conversation: Conversation) -> None:
    conversation.mutate(0)

    rejection = MutationOutcome(None, ClientError("No room"), 1, (), StorageFullError("No room"))
    conversation.backend.mutations[0].finish(rejection)

    response = conversation.taken()[0]
    assert (response["success"], response["result"]) == (False, "No room")
    assert conversation.connection.closed is None


def test_answers_for_a_client_that_is_gone_are_dropped(conversation: Conversation) -> None:
    conversation.add(7)
    conversation.mutate(0)
    client = conversation.backend.updates[0]
    client.begin_update()
    conversation.worker.connection_lost(1006, "")

    conversation.backend.mutations[0].finish(success(1_001))
    client.finish_update(1_001, {7: QueryResult(b"1", None)})
    conversation.worker.query_invalidated(7)
    conversation.worker.fail(UnavailableError("fenced"))

    assert conversation.taken() == []
    assert conversation.backend.updates == []
    assert conversation.connection.closed is None


def test_request_without_a_session_has_no_id_of_its_own(conversation: Conversation) -> None:
    conversation.mutate(3)

    (submitted,) = conversation.backend.mutations
    assert submitted.call.request_id is None


def test_component_path_reaches_the_backend(conversation: Conversation) -> None:
    addition = {"type": "Add", "queryId": 0, "udfPath": "m:f", "args": [{}], "componentPath": ""}
    conversation.modify(addition)
    conversation.say("Mutation", requestId=0, udfPath="m:g", args=[{}], componentPath="x")

    (query,) = conversation.backend.updates[0].begin_update().values()
    (submitted,) = conversation.backend.mutations
    assert (query.call.component_path, submitted.call.component_path) == ("", "x")
