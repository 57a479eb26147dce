"""The client's session: what it says, what it makes of what it hears, over several connections."""

from __future__ import annotations

import itertools
import json

import pytest

from realtime.client.outcome import Failure, Success
from realtime.client.query_set import QueryId
from realtime.client.requests import MAX_ACTIONS, MAX_MUTATIONS_IN_FLIGHT, RequestId
from realtime.client.session import ActionLost, Logged, QueryChanged, Refused, RequestEnded
from realtime.errors import ApplicationError, FunctionError, LimitError, ProtocolError
from realtime.sync.messages import encode_timestamp
from tests.unit.client.wire import SESSION_ID, Wire, failed, updated

LIST = "messages:list"
SEND = "messages:send"


@pytest.fixture
def wire() -> Wire:
    return Wire()


def changed(query_id: int, value: bytes) -> QueryChanged:
    return QueryChanged(QueryId(query_id), Success(value))


def ended(request_id: int, value: bytes) -> RequestEnded:
    return RequestEnded(RequestId(request_id), Success(value))


def test_connection_begins_with_all_that_is_wanted(wire: Wire) -> None:
    wire.session.subscribe(LIST, b'{"a":1}')
    wire.session.begin_mutation(SEND, b"{}")
    wire.session.begin_action("mail:send", b"{}")

    assert wire.open() == [
        {
            "type": "Connect",
            "sessionId": str(SESSION_ID),
            "connectionCount": 0,
            "lastCloseReason": "InitialConnect",
        },
        {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [{"type": "Add", "queryId": 0, "udfPath": LIST, "args": [{"a": 1}]}],
        },
        {"type": "Mutation", "requestId": 0, "udfPath": SEND, "args": [{}]},
        {"type": "Action", "requestId": 1, "udfPath": "mail:send", "args": [{}]},
    ]
    assert wire.sent() == []


def test_nothing_is_said_without_a_connection(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")

    assert wire.sent() == []


def test_query_set_moves_by_steps_and_what_is_unsent_is_one_step(wire: Wire) -> None:
    wire.open()
    first = wire.session.subscribe(LIST, b"{}")
    wire.session.subscribe(LIST, b'{"a":1}')
    one = wire.sent()
    wire.session.unsubscribe(first)
    (two,) = wire.sent()

    assert [(m["baseVersion"], m["newVersion"], len(m["modifications"])) for m in one] == [
        (1, 2, 2)
    ]
    assert (two["baseVersion"], two["newVersion"]) == (2, 3)
    assert two["modifications"] == [{"type": "Remove", "queryId": first}]


def test_order_of_queries_and_requests_is_kept(wire: Wire) -> None:
    wire.open()
    wire.session.subscribe(LIST, b"{}")
    wire.session.begin_mutation(SEND, b"{}")
    wire.session.subscribe(LIST, b'{"a":1}')

    assert wire.sent_types() == ["ModifyQuerySet", "Mutation", "ModifyQuerySet"]


def test_watchers_of_one_query_share_it_until_the_last_goes(wire: Wire) -> None:
    wire.open()
    first = wire.session.subscribe(LIST, b"{}")
    second = wire.session.subscribe(LIST, b"{}")
    alone = wire.session.subscribe(LIST, b"{}", is_shared=False)
    (added,) = wire.sent()

    assert first == second != alone
    assert [m["queryId"] for m in added["modifications"]] == [first, alone]
    assert not wire.session.unsubscribe(first)
    assert wire.sent() == []
    assert wire.session.unsubscribe(second)
    assert wire.sent_types() == ["ModifyQuerySet"]
    assert wire.session.subscribe(LIST, b"{}") not in (first, alone)


def test_results_and_failures_are_told_once(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.open()

    assert wire.transition(updated(0, ["a"]), ts=1, querySet=1) == [changed(0, b'["a"]')]
    assert wire.transition(updated(0, ["a"]), ts=2) == []
    assert wire.transition(failed(0, "[Request ID: 0123456789abcdef] No"), ts=3) == [
        QueryChanged(QueryId(0), Failure("[Request ID: 0123456789abcdef] No", None))
    ]
    assert wire.transition(failed(0, "[Request ID: fedcba9876543210] No"), ts=4) == []
    assert wire.transition(updated(0, ["a"]), ts=5) == [changed(0, b'["a"]')]


def test_result_for_a_query_that_is_gone_is_passed_over(wire: Wire) -> None:
    query_id = wire.session.subscribe(LIST, b"{}")
    wire.open()
    wire.session.unsubscribe(query_id)
    wire.sent()

    assert wire.transition(updated(0, 1), ts=1, querySet=1) == []
    assert wire.transition({"type": "QueryRemoved", "queryId": 0}, ts=1, querySet=2) == []


def test_new_connection_asks_again_with_journals_and_the_newest_timestamp(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.open()
    wire.transition(updated(0, ["a"], journal="the journal"), ts=7, querySet=1)

    connect, modify = wire.reopen()

    assert connect["connectionCount"] == 1
    assert connect["lastCloseReason"] == "The connection was cut"
    assert connect["maxObservedTimestamp"] == encode_timestamp(7)
    assert (modify["baseVersion"], modify["newVersion"]) == (0, 1)
    assert modify["modifications"][0]["journal"] == "the journal"
    assert wire.transition(updated(0, ["a"]), ts=7, querySet=1) == []


@pytest.mark.parametrize("change", [{"querySet": 9}, {"identity": 9}, {"ts": "AQAAAAAAAAA="}])
def test_transition_that_does_not_go_on_from_the_last_is_refused(
    wire: Wire, change: dict[str, object]
) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.open()
    message = wire.next_transition(updated(0, 1), ts=5, querySet=1)
    message["startVersion"] = {**message["startVersion"], **change}

    with pytest.raises(ProtocolError, match="Expected a transition from"):
        wire.session.receive_message(json.dumps(message))

    assert wire.transition(updated(0, 1), ts=5, querySet=1) == [changed(0, b"1")]


def test_transition_into_the_past_is_refused(wire: Wire) -> None:
    wire.open()
    wire.transition(ts=5)

    with pytest.raises(ProtocolError, match="onwards"):
        wire.session.receive_message(json.dumps(wire.next_transition(ts=4)))


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"Song"}', '{"type":"Transition"}', b"\xff"])
def test_what_no_server_says_is_refused(wire: Wire, text: str | bytes) -> None:
    wire.open()

    with pytest.raises(ProtocolError, match="Expected a message of a server"):
        wire.session.receive_message(text)


def test_error_that_is_no_text_is_refused(wire: Wire) -> None:
    wire.session.begin_mutation(SEND, b"{}")
    wire.open()

    with pytest.raises(ProtocolError, match="Expected an error as text"):
        wire.receive("MutationResponse", requestId=0, success=False, result=5, logLines=[])


def test_mutation_ends_with_the_transition_that_has_its_effect(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.session.begin_mutation(SEND, b"{}")
    wire.open()

    assert wire.answer(0, "done", ts=5) == []
    assert wire.transition(updated(0, []), ts=4, querySet=1) == [changed(0, b"[]")]
    assert wire.transition(updated(0, ["a"]), ts=5) == [changed(0, b'["a"]'), ended(0, b'"done"')]
    assert wire.reopen()[2:] == []


def test_failed_mutation_ends_at_once_with_its_data(wire: Wire) -> None:
    wire.session.begin_mutation(SEND, b"{}")
    wire.open()

    (event,) = wire.receive(
        "MutationResponse",
        requestId=0,
        success=False,
        result="[Request ID: 0123456789abcdef] Server Error",
        ts=None,
        logLines=[],
        errorData={"code": "Empty"},
    )

    assert isinstance(event, RequestEnded) and isinstance(event.outcome, Failure)
    error = event.outcome.to_error()
    assert isinstance(error, ApplicationError) and error.data == {"code": "Empty"}
    assert wire.reopen()[2:] == []


def test_data_that_is_null_is_data(wire: Wire) -> None:
    wire.session.begin_action(SEND, b"{}")
    wire.session.begin_action(SEND, b"{}")
    wire.open()
    failure = {"success": False, "result": "No", "logLines": []}

    events = [
        *wire.receive("ActionResponse", requestId=0, **failure, errorData=None),
        *wire.receive("ActionResponse", requestId=1, **failure),
    ]

    assert [e.outcome for e in events if isinstance(e, RequestEnded)] == [
        Failure("No", b"null"),
        Failure("No", None),
    ]
    assert isinstance(Failure("No", b"null").to_error(), ApplicationError)
    assert isinstance(Failure("No", None).to_error(), FunctionError)


@pytest.mark.parametrize("is_answered", [False, True])
def test_mutation_is_sent_again_until_its_effect_was_seen(wire: Wire, is_answered: bool) -> None:
    wire.session.begin_mutation(SEND, b"{}")
    wire.session.begin_mutation(SEND, b'{"n":2}')
    wire.open()
    if is_answered:
        wire.answer(0, "done", ts=5)

    again = wire.reopen()

    assert [(m["requestId"], m["args"]) for m in again[2:]] == [(0, [{}]), (1, [{"n": 2}])]
    assert wire.transition(ts=9, querySet=1) == []  # what was answered before counts no more
    wire.answer(0, "done", ts=5)
    assert wire.transition(ts=9) == [ended(0, b'"done"')]


def test_action_is_lost_with_its_connection_but_not_if_it_was_unsent(wire: Wire) -> None:
    wire.session.begin_action("mail:send", b"{}")
    wire.open()
    wire.session.begin_action("mail:later", b"{}")

    assert wire.session.connection_lost("cut") == [ActionLost(RequestId(0))]
    assert [message["udfPath"] for message in wire.open()[2:]] == ["mail:later"]


def test_action_ends_with_its_answer_and_what_it_logged(wire: Wire) -> None:
    wire.session.begin_action("mail:send", b"{}")
    wire.open()
    answer = {"requestId": 0, "success": True, "result": 5, "logLines": ["[LOG] 'hi'"]}

    events = wire.receive("ActionResponse", **answer)

    assert events == [Logged("mail:send", ("[LOG] 'hi'",)), ended(0, b"5")]
    assert wire.receive("ActionResponse", **answer) == []
    assert wire.session.connection_lost("cut") == []


def test_late_answer_to_a_mutation_that_has_ended_is_passed_over(wire: Wire) -> None:
    wire.session.begin_mutation(SEND, b"{}")
    wire.open()
    wire.answer(0, "done", ts=5)
    wire.transition(ts=5)

    assert wire.answer(0, "done", ts=5) == []
    assert wire.transition(ts=6) == []


def test_lines_of_a_query_are_told_with_its_path(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.open()

    events = wire.transition(updated(0, 1, logLines=["[LOG] 1"]), ts=1, querySet=1)

    assert events == [Logged(LIST, ("[LOG] 1",)), changed(0, b"1")]


def test_request_that_was_not_sent_can_be_taken_back(wire: Wire) -> None:
    wire.open()
    unsent = wire.session.begin_mutation(SEND, b"{}")

    assert wire.session.withdraw(unsent)
    assert wire.sent() == []
    sent = wire.session.begin_mutation(SEND, b"{}")
    assert wire.sent_types() == ["Mutation"]
    assert not wire.session.withdraw(sent)
    assert not wire.session.withdraw(unsent)
    assert [message["requestId"] for message in wire.reopen()[2:]] == [sent]


def test_session_is_caught_up_when_all_it_began_with_was_answered(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.session.begin_mutation(SEND, b"{}")
    assert not wire.session.is_caught_up
    wire.open()
    assert not wire.session.is_caught_up
    wire.transition(updated(0, 1), ts=1, querySet=1)
    assert not wire.session.is_caught_up

    wire.answer(0, None, ts=2)

    assert wire.session.is_caught_up


def test_mutations_wait_for_answers_when_many_are_on_their_way(wire: Wire) -> None:
    wire.open()
    for _ in range(MAX_MUTATIONS_IN_FLIGHT + 2):
        wire.session.begin_mutation(SEND, b"{}")
    wire.session.subscribe(LIST, b"{}")

    assert wire.sent_types() == ["Mutation"] * MAX_MUTATIONS_IN_FLIGHT
    wire.answer(0, None, ts=1)
    assert [message["requestId"] for message in wire.sent()] == [MAX_MUTATIONS_IN_FLIGHT]
    wire.receive("MutationResponse", requestId=1, success=False, result="No", logLines=[])
    assert wire.sent_types() == ["Mutation", "ModifyQuerySet"]


def test_new_connection_has_room_for_mutations_again(wire: Wire) -> None:
    wire.open()
    for _ in range(MAX_MUTATIONS_IN_FLIGHT + 1):
        wire.session.begin_mutation(SEND, b"{}")
    wire.sent()

    assert len(wire.reopen()) == 2 + MAX_MUTATIONS_IN_FLIGHT


def test_more_actions_than_a_server_runs_are_refused_until_one_ends(wire: Wire) -> None:
    wire.open()
    for _ in range(MAX_ACTIONS):
        wire.session.begin_action(SEND, b"{}")
    assert wire.sent_types() == ["Action"] * MAX_ACTIONS
    with pytest.raises(LimitError, match="at most 1000 actions"):
        wire.session.begin_action(SEND, b"{}")

    wire.receive("ActionResponse", requestId=0, success=True, result=1, logLines=[])
    assert wire.session.begin_action(SEND, b"{}") == MAX_ACTIONS
    wire.session.connection_lost("cut")
    for _ in range(MAX_ACTIONS - 1):
        wire.session.begin_action(SEND, b"{}")


def chunk(text: str, part: int, parts: int, transition: str = "t") -> dict[str, object]:
    return {"chunk": text, "partNumber": part, "totalParts": parts, "transitionId": transition}


def test_transition_in_parts_is_one_transition(wire: Wire) -> None:
    wire.session.subscribe(LIST, b"{}")
    wire.open()
    text = json.dumps(wire.next_transition(updated(0, 'é"\\'), ts=1, querySet=1))
    cuts = [0, 20, 100, len(text)]
    parts = [text[a:b] for a, b in itertools.pairwise(cuts)]

    assert wire.receive("TransitionChunk", **chunk(parts[0], 0, 3)) == []
    assert wire.receive("Ping") == []
    assert wire.receive("TransitionChunk", **chunk(parts[1], 1, 3)) == []
    (event,) = wire.receive("TransitionChunk", **chunk(parts[2], 2, 3))

    assert isinstance(event, QueryChanged)
    assert event.outcome.value() == 'é"\\'


@pytest.mark.parametrize("wrong", [chunk("x", 0, 2), chunk("x", 1, 3), chunk("x", 1, 2, "another")])
def test_part_out_of_order_is_refused(wire: Wire, wrong: dict[str, object]) -> None:
    wire.open()
    wire.receive("TransitionChunk", **chunk("{", 0, 2))

    with pytest.raises(ProtocolError, match="Expected part 1 of the 2 of transition t, got part"):
        wire.receive("TransitionChunk", **wrong)


def test_message_between_parts_is_refused(wire: Wire) -> None:
    wire.session.begin_mutation(SEND, b"{}")
    wire.open()
    wire.receive("TransitionChunk", **chunk("{", 0, 2))

    with pytest.raises(ProtocolError, match="got another message"):
        wire.answer(0, None, ts=1)


def test_parts_do_not_outlive_their_connection(wire: Wire) -> None:
    wire.open()
    wire.receive("TransitionChunk", **chunk("{", 0, 2))
    wire.reopen()

    assert wire.transition(ts=1, querySet=1) == []


def test_fatal_error_is_told(wire: Wire) -> None:
    wire.open()

    assert wire.receive("FatalError", error="Never again") == [Refused("Never again")]
