"""What the worker of a socket does with each input, and how it ends a conversation.

The session is the real one; connection and backend are recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from realtime.clock import Clock, SystemClock
from realtime.errors import (
    OverloadedError,
    RealtimeError,
    StorageError,
    StorageFullError,
    UnavailableError,
)
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ADMIN,
    ANONYMOUS,
    ActionOutcome,
    ClientError,
    FunctionCall,
    LiveClient,
    MutationOutcome,
    QueryResult,
    SocketRequest,
)
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import Authenticator, NoTokens, TokenCheck
from realtime.server.ping_wheel import PingWheel
from realtime.server.socket_calls import SocketCalls
from realtime.server.sync_worker import SyncServices, SyncWorker
from realtime.server.unsent_budget import UnsentBudget
from realtime.sync.messages import encode_timestamp

SESSION_ID = "00000000-0000-4000-8000-000000000001"


class RecordedConnection:
    """Keeps what is written; a test says whether the client takes it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.is_aborted = False
        self.is_stuck = False
        self.unsent_bytes = 0
        self.is_heard = True

    @property
    def is_paused(self) -> bool:
        return self.unsent_bytes > 0

    def write(self, messages: Sequence[Sequence[bytes]]) -> None:
        assert self.closed is None
        for pieces in messages:
            text = b"".join(pieces)
            self.messages.append(json.loads(text))
            if self.is_stuck:
                self.unsent_bytes += len(text)

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def abort(self) -> None:
        self.is_aborted = True

    def check_alive(self) -> bool:
        return self.is_heard


@dataclass
class Submitted:
    call: FunctionCall
    client: LiveClient
    session_id: str | None
    request_id: int
    finish: Callable[[MutationOutcome], None]


@dataclass
class SubmittedAction:
    call: FunctionCall
    client: LiveClient
    finish: Callable[[ActionOutcome], None]


@dataclass
class RecordedBackend:
    """Keeps what the worker asks for; a test gives the answers."""

    state: str = "running"
    timestamp: int = 1_000
    redact_errors: bool = False
    refusal: RealtimeError | None = None
    mutations: list[Submitted] = field(default_factory=list)
    actions: list[SubmittedAction] = field(default_factory=list)
    updates: list[LiveClient] = field(default_factory=list)
    unsubscribed: list[int] = field(default_factory=list)
    disconnected: list[LiveClient] = field(default_factory=list)

    def submit_mutation(
        self,
        call: FunctionCall,
        client: LiveClient,
        session_id: str | None,
        request_id: int,
        on_finished: Callable[[MutationOutcome], None],
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.mutations.append(Submitted(call, client, session_id, request_id, on_finished))

    def submit_action(
        self,
        call: FunctionCall,
        client: LiveClient,
        on_finished: Callable[[ActionOutcome], None],
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.actions.append(SubmittedAction(call, client, on_finished))

    def request_update(self, client: LiveClient) -> None:
        if client not in self.updates:
            self.updates.append(client)

    def unsubscribe(self, client: LiveClient, query_id: int) -> None:
        self.unsubscribed.append(query_id)

    def disconnect(self, client: LiveClient) -> None:
        if client in self.updates:
            self.updates.remove(client)
        self.disconnected.append(client)

    def run_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> set[int]:
        """Evaluate the queries of the one client that waits; return their ids."""
        client = self.updates.pop()
        wanted = client.begin_update()
        client.finish_update(timestamp, {q: results[q] for q in wanted})
        return set(wanted)


class Conversation:
    """A worker between a recorded connection and a recorded backend."""

    def __init__(
        self,
        budget: UnsentBudget | None = None,
        *,
        takes_chunks: bool = False,
        tokens: TokenCheck | None = None,
        clock: Clock | None = None,
        backend: Any = None,
    ) -> None:
        self.connection = RecordedConnection()
        self.backend = backend or RecordedBackend()
        self.wheel = PingWheel(15)
        self.lost: list[SyncWorker] = []
        backend = cast(Backend, self.backend)
        services = SyncServices(
            backend,
            SocketCalls(backend),
            clock or SystemClock(),
            Authenticator(AdminKey("test", "secret"), tokens or NoTokens(is_redacted=False)),
            self.wheel,
            budget or UnsentBudget(),
            self.lost.append,
        )
        self.worker = SyncWorker(self.connection, services, takes_chunks=takes_chunks)
        self._query_set = 0

    def say(self, message_type: str, **members: Any) -> None:
        self.worker.receive_text(json.dumps({"type": message_type, **members}))

    def connect(self, **members: Any) -> None:
        self.say("Connect", sessionId=SESSION_ID, connectionCount=0, **members)

    def modify(self, *modifications: dict[str, Any]) -> None:
        versions = {"baseVersion": self._query_set, "newVersion": self._query_set + 1}
        self._query_set += 1
        self.say("ModifyQuerySet", **versions, modifications=modifications)

    def add(self, query_id: int) -> None:
        path = {"udfPath": "messages:list", "args": [{"n": query_id}]}
        self.modify({"type": "Add", "queryId": query_id, **path})

    def add_large(self, query_id: int) -> None:
        """Watch a query whose result takes three chunks, and have it sent."""
        self.add(query_id)
        self.backend.run_update(1_000, {query_id: QueryResult(b'"%b"' % (b"x" * 12_000_000), None)})

    def drain(self) -> None:
        """Have the client take what is unsent."""
        self.connection.unsent_bytes = 0
        self.worker.connection_drained()

    def mutate(self, request_id: int) -> None:
        self.say("Mutation", requestId=request_id, udfPath="messages:send", args=[{"x": 1}])

    def taken(self) -> list[dict[str, Any]]:
        """Return what was written since the last call."""
        messages, self.connection.messages = self.connection.messages, []
        return messages


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()


def success(timestamp: int) -> MutationOutcome:
    return MutationOutcome(b'"id"', None, timestamp)


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


def test_events_are_ignored(conversation: Conversation) -> None:
    conversation.say("Event", eventType="ClientConnect", event={"a": [1]})

    assert conversation.taken() == []
    assert conversation.connection.closed is None


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


def test_client_that_is_gone_is_forgotten(conversation: Conversation) -> None:
    conversation.mutate(0)

    conversation.worker.connection_lost(1006, "")

    assert conversation.backend.disconnected == [conversation.worker]
    assert conversation.lost == [conversation.worker]
    assert len(conversation.wheel) == 0


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


def test_silent_client_gets_a_ping(conversation: Conversation) -> None:
    for _ in range(15):
        conversation.wheel.advance()

    assert conversation.taken() == [{"type": "Ping"}]


def test_any_message_puts_the_ping_off(conversation: Conversation) -> None:
    for _ in range(10):
        conversation.wheel.advance()
    conversation.modify()
    conversation.backend.run_update(1_000, {})
    conversation.taken()

    for _ in range(14):
        conversation.wheel.advance()

    assert conversation.taken() == []


def test_client_that_is_behind_gets_no_pings_on_top(conversation: Conversation) -> None:
    conversation.connection.unsent_bytes = 10

    for _ in range(40):
        conversation.wheel.advance()

    assert conversation.taken() == []


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


def test_client_that_has_seen_a_later_timestamp_is_served(
    conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    conversation.connect(maxObservedTimestamp=encode_timestamp(2**62))

    conversation.add(7)

    assert conversation.connection.closed is None
    assert conversation.backend.updates == [conversation.worker]
    assert "has seen timestamp" in caplog.text


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


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


def test_silent_client_is_pinged_while_a_large_transition_is_computed() -> None:
    conversation = Conversation()
    conversation.add(7)

    for _ in range(30):
        conversation.wheel.advance()

    assert kinds(conversation.taken()) == ["Ping", "Ping"]


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


def test_client_is_cut_off_after_120_seconds_without_a_sign_of_life(
    conversation: Conversation,
) -> None:
    conversation.connection.is_heard = False

    for _ in range(23):
        conversation.worker.check_alive()
    assert not conversation.connection.is_aborted
    conversation.worker.check_alive()

    assert conversation.connection.is_aborted
    assert conversation.backend.disconnected[-1] is conversation.worker


def test_any_sign_of_life_begins_the_time_anew(conversation: Conversation) -> None:
    for is_heard in (False, True):
        for _ in range(23):
            conversation.connection.is_heard = is_heard
            conversation.worker.check_alive()
    for _ in range(23):
        conversation.connection.is_heard = False
        conversation.worker.check_alive()

    assert not conversation.connection.is_aborted


def test_socket_without_a_connect_is_left_open(conversation: Conversation) -> None:
    for _ in range(1_000):
        conversation.wheel.advance()
        conversation.worker.check_alive()

    assert conversation.connection.closed is None
    assert not conversation.connection.is_aborted
    assert set(kinds(conversation.taken())) == {"Ping"}


def test_update_that_starts_again_takes_in_what_became_stale(conversation: Conversation) -> None:
    conversation.add(7)
    client = conversation.backend.updates.pop()
    client.begin_update()
    conversation.add(8)

    stale = [query.call.args for query in client.stale_queries()]
    again = client.restart_update()

    assert stale == [b'[{"n": 8}]']
    assert set(again) == {7, 8}
