"""The client's session against a model of a server, over connections that are cut anywhere.

The model keeps one list, to which mutations and actions append; its queries give the list. It
refuses what a server would refuse. Whatever arrives, is lost and comes again:

- a mutation takes effect once, in the order of the requests, and has ended only when every result
  that the client has shows its effect;
- an action takes effect at most once, and ends or is lost, but not both;
- results only grow, and at rest they are the list.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from realtime.client.authentication import UserToken
from realtime.client.outcome import Success
from realtime.client.query_set import QueryId
from realtime.client.requests import RequestId
from realtime.client.session import (
    ActionLost,
    Event,
    IdentityConfirmed,
    QueryChanged,
    RequestEnded,
)
from realtime.sync.messages import encode_timestamp
from tests.unit.client.wire import SESSION_ID, Message, Wire, updated

QUERY = "list:all"


class ModelServer:
    """What a server remembers over connections."""

    def __init__(self) -> None:
        self.entries: list[int] = []
        self.records: dict[int, int] = {}
        """The timestamps of mutations by their request ids."""

    @property
    def timestamp(self) -> int:
        """Return how many entries there are: each is a commit."""
        return len(self.entries)


class ModelConnection:
    """One connection, and the messages on their way."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._version = (0, 0, 0)
        self._queries: dict[int, int] = {}
        """How many entries each query has shown, -1 before its first result."""
        self._last_request = -1
        self.is_greeted = False
        self.to_server: deque[Message] = deque()
        self.to_client: deque[str] = deque()

    def receive(self, parts: int) -> None:
        """Take the next message, and answer in so many parts."""
        message = self.to_server.popleft()
        assert self.is_greeted == (message["type"] != "Connect")
        answer: Message | None = None
        match message["type"]:
            case "Connect":
                assert message["sessionId"] == str(SESSION_ID)
                self.is_greeted = True
                return
            case "Authenticate":
                assert message["baseVersion"] == self._version[1]
                self._step(parts, identity=self._version[1] + 1)
                return
            case "ModifyQuerySet":
                self._modify(message, parts)
                return
            case "Mutation":
                answer = self._mutate(message)
            case _:
                self._server.entries.append(message["args"][0]["n"])
                answer = {"type": "ActionResponse"}
        head = {"requestId": message["requestId"], "success": True, "logLines": []}
        self.to_client.append(json.dumps({**answer, **head, "result": message["args"][0]["n"]}))
        self._step(parts, lag=1)  # what was on its way before
        self._step(parts)

    def _modify(self, message: Message, parts: int) -> None:
        assert message["baseVersion"] == self._version[0]
        for modification in message["modifications"]:
            query_id = modification["queryId"]
            if modification["type"] == "Add":
                assert query_id not in self._queries
                assert modification.get("journal") in (None, f"journal of {query_id}")
                self._queries[query_id] = -1
            else:
                del self._queries[query_id]
        self._step(parts, query_set=message["newVersion"])

    def _mutate(self, message: Message) -> Message:
        request_id = message["requestId"]
        assert request_id > self._last_request
        self._last_request = request_id
        if request_id not in self._server.records:
            self._server.entries.append(message["args"][0]["n"])
            self._server.records[request_id] = self._server.timestamp
        timestamp = self._server.records[request_id]
        return {"type": "MutationResponse", "ts": encode_timestamp(timestamp)}

    def _step(
        self,
        parts: int,
        query_set: int | None = None,
        identity: int | None = None,
        lag: int = 0,
    ) -> None:
        """Say what has changed since the last time, without the newest `lag` entries."""
        start = self._version
        timestamp = max(self._server.timestamp - lag, start[2])
        self._version = (
            start[0] if query_set is None else query_set,
            start[1] if identity is None else identity,
            timestamp,
        )
        entries = self._server.entries[:timestamp]
        changed = [q for q, shown in self._queries.items() if shown != timestamp]
        self._queries.update(dict.fromkeys(changed, timestamp))
        text = json.dumps(
            {
                "type": "Transition",
                "startVersion": _encoded(start),
                "endVersion": _encoded(self._version),
                "modifications": [updated(q, entries, journal=f"journal of {q}") for q in changed],
            }
        )
        size = -(-len(text) // parts)
        chunks = [text[n : n + size] for n in range(0, len(text), size)]
        if len(chunks) == 1:
            self.to_client.append(text)
            return
        for number, chunk in enumerate(chunks):
            part = {"chunk": chunk, "partNumber": number, "totalParts": len(chunks)}
            self.to_client.append(
                json.dumps({"type": "TransitionChunk", "transitionId": "t", **part})
            )


def _encoded(version: tuple[int, int, int]) -> dict[str, Any]:
    query_set, identity, timestamp = version
    return {"querySet": query_set, "identity": identity, "ts": encode_timestamp(timestamp)}


class Conversation(RuleBasedStateMachine):
    """A client and the model, one step at a time."""

    @initialize()
    def begin(self) -> None:
        self.server = ModelServer()
        self.session = Wire().session
        self.connection: ModelConnection | None = None
        self.watched: dict[QueryId, int] = {}
        """How many times each query is watched."""
        self.results: dict[QueryId, list[int]] = {}
        self.mutations: dict[RequestId, int] = {}
        self.actions: dict[RequestId, int] = {}
        self.over: set[RequestId] = set()
        self.token_count = 0
        self.confirmed = 0

    def open(self) -> ModelConnection:
        if self.connection is None:
            self.session.connection_opened()
            self.connection = ModelConnection(self.server)
        return self.connection

    @rule(is_shared=st.booleans())
    def subscribe(self, is_shared: bool) -> None:
        query_id = self.session.subscribe(QUERY, b"{}", is_shared=is_shared)
        self.watched[query_id] = self.watched.get(query_id, 0) + 1

    @precondition(lambda self: self.watched)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        query_id = data.draw(st.sampled_from(sorted(self.watched)))
        self.watched[query_id] -= 1
        is_last = self.watched[query_id] == 0
        assert self.session.unsubscribe(query_id) == is_last
        if is_last:
            del self.watched[query_id]
            self.results.pop(query_id, None)

    @rule()
    def mutate(self) -> None:
        number = len(self.mutations) + len(self.actions)
        request_id = self.session.begin_mutation("list:add", json.dumps({"n": number}).encode())
        self.mutations[request_id] = number

    @rule()
    def act(self) -> None:
        number = len(self.mutations) + len(self.actions)
        request_id = self.session.begin_action("list:act", json.dumps({"n": number}).encode())
        self.actions[request_id] = number

    @rule(is_fetched=st.booleans())
    def sign_in(self, is_fetched: bool) -> None:
        self.token_count += 1
        if is_fetched:
            self.session.await_token()
        else:
            self.session.authenticate(UserToken(str(self.token_count)))

    @rule()
    def fetch(self) -> None:
        self.session.receive_token(str(self.token_count), is_fresh=False, now_seconds=0.0)

    @rule(to_server=st.integers(0, 6), to_client=st.integers(0, 6), parts=st.integers(1, 3))
    def exchange(self, to_server: int, to_client: int, parts: int) -> None:
        """Let so many messages arrive, in parts if they are transitions; the others are late."""
        connection = self.open()
        connection.to_server.extend(map(json.loads, self.session.messages_to_send()))
        for _ in range(min(to_server, len(connection.to_server))):
            connection.receive(parts)
        for _ in range(min(to_client, len(connection.to_client))):
            self.take(self.session.receive_message(connection.to_client.popleft()))

    @precondition(lambda self: self.connection is not None)
    @rule()
    def cut(self) -> None:
        self.connection = None
        self.take(self.session.connection_lost("cut"))

    def take(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case QueryChanged():
                    result = event.outcome.value()
                    assert result[: len(self.results.get(event.query_id, []))] == self.results.get(
                        event.query_id, []
                    )
                    assert result != self.results.get(event.query_id)
                    self.results[event.query_id] = result
                case RequestEnded():
                    self.end(event.request_id)
                    assert isinstance(event.outcome, Success)
                    number = (self.mutations | self.actions)[event.request_id]
                    assert event.outcome.value() == number
                    if event.request_id in self.mutations:
                        assert all(number in result for result in self.results.values())
                case ActionLost():
                    assert event.request_id in self.actions
                    self.end(event.request_id)
                case IdentityConfirmed():
                    self.confirmed += 1
                case _:
                    raise AssertionError(event)

    def end(self, request_id: RequestId) -> None:
        assert request_id not in self.over, "it has ended twice"
        self.over.add(request_id)

    @invariant()
    def each_number_is_there_once(self) -> None:
        assert len(set(self.server.entries)) == len(self.server.entries)
        mutated = [n for n in self.server.entries if n in set(self.mutations.values())]
        assert mutated == sorted(mutated)

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.session.receive_token(str(self.token_count), is_fresh=True, now_seconds=0.0)
        connection = self.open()
        is_over = False
        while not is_over:
            self.exchange(9, 99, 1)
            is_over = not (connection.to_server or connection.to_client)
        assert self.session.is_caught_up
        assert self.over == self.mutations.keys() | self.actions.keys()
        assert set(self.mutations.values()) <= set(self.server.entries)
        assert self.results.keys() == self.watched.keys()
        assert all(result == self.server.entries for result in self.results.values())


Conversation.TestCase.settings = settings(stateful_step_count=40)
TestConversation = Conversation.TestCase
