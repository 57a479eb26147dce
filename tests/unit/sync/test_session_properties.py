"""Any order of moves, against a model client and a model of what queries give.

The model database is a list of commits; a query reads one cell, and gives its value at a timestamp
together with the identity it ran as. So each delivered state can be checked to be the newest of
its update, whole, of one snapshot, and of one identity.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.runtime.outcome import ClientError, MutationOutcome, QueryResult
from realtime.sync.messages import decode_client_message, decode_timestamp
from realtime.sync.query_set import PendingQuery
from realtime.sync.session import Session
from realtime.sync.work import RemoveQuery, StartAction, StartAuthentication, StartMutation

CELLS = st.integers(0, 2)
FAILING_VALUE = 0
MAX_STEPS_TO_REST = 400


@dataclass
class Database:
    """Cells and their values after each commit; timestamps count in tens, so that gaps exist."""

    timestamp: int = 10
    versions: dict[int, dict[int, int]] = field(default_factory=lambda: {10: {}})

    def commit(self, cell: int, value: int) -> None:
        cells = self.versions[self.timestamp] | {cell: value}
        self.timestamp += 10
        self.versions[self.timestamp] = cells

    def value(self, timestamp: int, cell: int) -> int:
        return self.versions[timestamp].get(cell, 1)


@dataclass
class Sent:
    """A mutation of the client, from its message to the transition that covers it."""

    request_id: int
    cell: int
    value: int
    identity: int
    response_timestamp: int | None = None
    is_started: bool = False


@dataclass
class Update:
    """An update in progress: its target and the queries that it evaluates."""

    timestamp: int
    identity: int
    queries: dict[int, PendingQuery]
    runs: int


class Client:
    """What an official client keeps of one socket; it checks each message as it comes."""

    def __init__(self, database: Database, chunk_bytes: int | None) -> None:
        self.database = database
        self.chunk_bytes = chunk_bytes
        self.version = (0, 0, 0)
        self.results: dict[int, Any] = {}
        self.queries: dict[int, int] = {}
        self.query_sets: list[dict[int, int]] = [{}]
        self.identities = 0
        self.mutations: dict[int, Sent] = {}
        self.fresh: set[int] = set()
        self.dropped: set[int] = set()
        self.chunks: list[str] = []
        """The parts of a transition that has not come whole."""

    def receive(self, messages: list[Any]) -> None:
        kinds = [message["type"] for message in messages]
        assert kinds.count("Transition") + kinds.count("TransitionChunk") <= 1
        assert "Transition" not in kinds[:-1], "a response after a transition that was ready"
        for message in messages:
            if message["type"] == "TransitionChunk":
                self.receive_chunk(message)
                continue
            assert self.chunks == [], "something between two chunks"
            if message["type"] == "Transition":
                assert self.chunk_bytes is None or len(json.dumps(message)) < 2 * self.chunk_bytes
                self.receive_transition(message)
            else:
                self.receive_response(message)

    def receive_chunk(self, message: Any) -> None:
        assert self.chunk_bytes is not None, "a chunk for a client that takes none"
        assert message["partNumber"] == len(self.chunks) < message["totalParts"]
        assert 0 < len(message["chunk"].encode()) <= self.chunk_bytes
        self.chunks.append(message["chunk"])
        if len(self.chunks) == message["totalParts"]:
            text, self.chunks = "".join(self.chunks), []
            self.receive_transition(json.loads(text))

    def receive_response(self, message: Any) -> None:
        request_id = message["requestId"]
        assert request_id in self.mutations, "a second answer"
        if not message["success"]:
            del self.mutations[request_id]
            return
        timestamp = decode_timestamp(message["ts"])
        assert self.mutations[request_id].response_timestamp is None
        self.mutations[request_id].response_timestamp = timestamp
        if request_id in self.fresh:
            assert self.version[2] < timestamp, "a response after the transition that covers it"

    def receive_transition(self, message: Any) -> None:
        start, end = (
            (v["querySet"], v["identity"], decode_timestamp(v["ts"]))
            for v in (message["startVersion"], message["endVersion"])
        )
        assert start == self.version
        assert all(after >= before for before, after in zip(start, end, strict=True))
        self.version = end
        for modification in message["modifications"]:
            self.apply(modification)
        self.check_state()
        for request_id, sent in list(self.mutations.items()):
            if sent.response_timestamp is not None and sent.response_timestamp <= end[2]:
                del self.mutations[request_id]

    def apply(self, modification: Any) -> None:
        query_id = modification["queryId"]
        if modification["type"] == "QueryRemoved":
            self.results.pop(query_id, None)
            return
        assert query_id not in self.dropped, "a result of a query removed while it ran"
        if modification["type"] == "QueryUpdated":
            result = modification["value"]
        else:
            result = modification["errorMessage"].partition("] ")[2]
        assert query_id not in self.results or self.results[query_id] != result, "nothing new"
        self.results[query_id] = result

    def check_state(self) -> None:
        """Each watched query has the value of this timestamp and identity, and no other."""
        query_set, identity, timestamp = self.version
        expected = {
            query_id: model_value(self.database, timestamp, cell, identity)
            for query_id, cell in self.query_sets[query_set].items()
            # One that was removed meanwhile is told no more; its last state does not matter.
            if query_id in self.queries
        }
        assert {key: self.results[key] for key in expected} == expected
        assert set(self.results) <= set(self.query_sets[query_set])


def model_value(database: Database, timestamp: int, cell: int, identity: int) -> Any:
    value = database.value(timestamp, cell)
    return "no such cell" if value == FAILING_VALUE else [cell, value, identity]


class Conversation(RuleBasedStateMachine):
    """One client over several sockets, other writers, and the server's driver."""

    chunk_bytes: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.database = Database()
        self.stored: dict[int, MutationOutcome] = {}
        self.next_query_id = 0
        self.next_request_id = 0
        self.runs = 0
        self.connect()

    def connect(self) -> None:
        self.session = Session(0, chunk_bytes=self.chunk_bytes)
        self.client = Client(self.database, self.chunk_bytes)
        self.started: list[StartMutation[int]] = []
        self.authenticating = 0
        self.subscribed: dict[int, int] = {}
        self.journals: dict[int, str | None] = {}
        self.update: Update | None = None
        self.wanted = False

    def send(self, **members: Any) -> None:
        text = json.dumps(members)
        self.session.receive_message(
            decode_client_message(text), server_time_ns=1, size_bytes=len(text)
        )
        self.take_work()

    def take_work(self) -> None:
        while (work := self.session.next_work()) is not None:
            match work:
                case StartMutation(request_id=request_id, identity=identity):
                    sent = self.client.mutations[request_id]
                    assert identity == sent.identity, "a mutation under another identity"
                    sent.is_started = True
                    self.started.append(work)
                case StartAuthentication():
                    assert self.authenticating == 0
                    self.authenticating = 1
                case RemoveQuery(query_id=query_id):
                    self.subscribed.pop(query_id, None)
                case StartAction():
                    raise AssertionError("no action was sent")

    def commit(self, cell: int, value: int) -> None:
        """Commit a value and, in the same step, invalidate the results that read the cell."""
        self.database.commit(cell, value)
        for query_id, watched in self.subscribed.items():
            if watched == cell:
                self.session.query_invalidated(query_id)

    # The client.

    @rule(cells=st.lists(CELLS, max_size=3), data=st.data())
    def modify_query_set(self, cells: list[int], data: st.DataObject) -> None:
        client = self.client
        leaving = data.draw(st.lists(st.sampled_from(sorted(client.queries) or [-1]), unique=True))
        modifications: list[dict[str, Any]] = []
        for query_id in leaving:
            if query_id in client.queries:
                modifications.append({"type": "Remove", "queryId": query_id})
                del client.queries[query_id]
        for cell in cells:
            modifications.append(self.addition(self.next_query_id, cell))
            client.queries[self.next_query_id] = cell
            self.next_query_id += 1
        self.send_query_set(modifications)

    @staticmethod
    def addition(query_id: int, cell: int) -> dict[str, Any]:
        return {"type": "Add", "queryId": query_id, "udfPath": "cell:get", "args": [cell]}

    def send_query_set(self, modifications: list[dict[str, Any]]) -> None:
        base = len(self.client.query_sets) - 1
        self.client.query_sets.append(dict(self.client.queries))
        self.send(
            type="ModifyQuerySet",
            baseVersion=base,
            newVersion=base + 1,
            modifications=modifications,
        )

    @rule(cell=CELLS, value=st.integers(0, 9))
    def mutate(self, cell: int, value: int) -> None:
        self.send_mutation(Sent(self.next_request_id, cell, value, 0))
        self.next_request_id += 1

    def send_mutation(self, sent: Sent) -> None:
        sent.identity = self.client.identities
        sent.response_timestamp = None
        sent.is_started = False
        self.client.mutations[sent.request_id] = sent
        self.send(type="Mutation", requestId=sent.request_id, udfPath="cell:set", args=[])

    @rule()
    def authenticate(self) -> None:
        self.client.identities += 1
        self.send(
            type="Authenticate",
            baseVersion=self.client.identities - 1,
            tokenType="User",
            value="token",
        )

    @rule()
    def lose_socket(self) -> None:
        self.session.close()
        self.reconnect()

    @rule()
    @precondition(lambda self: self.authenticating)
    def reject_token(self) -> None:
        confirmed = self.session.identity
        self.session.authentication_failed("no")
        *others, error = self.received()
        self.client.chunks.clear()  # what is to be begun anew needs no end
        self.client.receive(others)
        assert (error["type"], error["baseVersion"]) == ("AuthError", confirmed)
        self.reconnect()

    def reconnect(self) -> None:
        """Send all again on a new socket, while what the old one started still ends."""
        old, session, late = self.client, self.session, self.started
        self.connect()
        for work in late:
            session.mutation_finished(work.request_id, MutationOutcome(b"1", None, 10))
        assert session.messages_to_send() == []
        self.client.queries = old.queries
        self.send_query_set([self.addition(*query) for query in old.queries.items()])
        for sent in old.mutations.values():
            self.send_mutation(sent)

    # The runtime.

    @rule(cell=CELLS, value=st.integers(0, 9))
    def another_client_commits(self, cell: int, value: int) -> None:
        self.commit(cell, value)

    @rule(writes=st.booleans(), fails=st.booleans())
    @precondition(lambda self: self.started)
    def finish_mutation(self, writes: bool, fails: bool) -> None:
        work = self.started.pop(0)
        sent = self.client.mutations[work.request_id]
        outcome = self.stored.get(work.request_id)
        if outcome is None and fails:
            outcome = MutationOutcome(None, ClientError("no"), self.database.timestamp)
        elif outcome is None:
            if writes:
                self.commit(sent.cell, sent.value)
                self.client.fresh.add(work.request_id)
            outcome = MutationOutcome(b"1", None, self.database.timestamp)
            self.stored[work.request_id] = outcome
        self.session.mutation_finished(work.request_id, outcome)

    @rule()
    @precondition(lambda self: self.authenticating)
    def accept_token(self) -> None:
        self.authenticating = 0
        identity = self.session.identity + 1
        self.session.authenticated(identity)
        assert self.session.identity == identity
        self.take_work()

    @rule()
    @precondition(lambda self: self.session.wants_update)
    def begin_update(self) -> None:
        assert self.update is None
        self.wanted = False
        queries = self.session.begin_update()
        self.runs += 1
        self.update = Update(self.database.timestamp, self.session.identity, queries, self.runs)
        for query_id, query in queries.items():
            assert query.journal == self.journals.get(query_id)
            self.subscribed[query_id] = json.loads(query.args)[0]

    @rule()
    @precondition(lambda self: self.update is not None)
    def finish_update(self) -> None:
        update = self.update
        assert update is not None
        self.update = None
        results: dict[int, QueryResult] = {}
        for query_id, query in update.queries.items():
            results[query_id] = self.evaluated(update, json.loads(query.args)[0])
            self.journals[query_id] = results[query_id].journal
        self.client.dropped = set(update.queries) - set(self.subscribed)
        self.session.queries_finished(update.timestamp, results, server_time_ns=1)

    def evaluated(self, update: Update, cell: int) -> QueryResult:
        value = model_value(self.database, update.timestamp, cell, update.identity)
        journal = json.dumps(value)
        if isinstance(value, str):
            error = ClientError(f"[Request ID: {update.runs:016x}] {value}")
            return QueryResult(None, error, (), journal)
        return QueryResult(json.dumps(value).encode(), None, (), journal)

    # The socket.

    def received(self) -> list[Any]:
        return [json.loads(b"".join(message)) for message in self.session.messages_to_send()]

    @rule()
    def take_messages(self) -> None:
        self.client.receive(self.received())

    @rule()
    def drain_socket(self) -> None:
        self.session.socket_drained()

    # What always holds.

    @invariant()
    def a_wanted_update_stays_wanted(self) -> None:
        assert not self.wanted or self.session.wants_update
        self.wanted = self.session.wants_update

    @invariant()
    def a_response_without_its_transition_is_a_debt(self) -> None:
        for sent in self.client.mutations.values():
            assert sent.response_timestamp is None or self.session.owes_transition

    def is_busy(self) -> bool:
        session = self.session
        is_moving = session.wants_update or session.is_between_chunks
        return bool(self.authenticating or self.started or self.update or is_moving)

    @rule()
    def come_to_rest(self) -> None:
        """Finish everything: each promise of the client is kept and each value is current."""
        self.take_messages()
        self.drain_socket()
        steps = 0
        while self.is_busy():
            steps += 1
            assert steps < MAX_STEPS_TO_REST, "updates without end"
            if self.authenticating:
                self.accept_token()
            if self.started:
                self.finish_mutation(writes=True, fails=False)
            if self.session.wants_update:
                self.begin_update()
            if self.update:
                self.finish_update()
            self.take_messages()
            self.drain_socket()

        client = self.client
        assert client.mutations == {}, "a mutation without an answer or a covering transition"
        assert client.version[:2] == (len(client.query_sets) - 1, client.identities)
        assert client.results == {
            query_id: model_value(self.database, self.database.timestamp, cell, client.identities)
            for query_id, cell in client.queries.items()
        }
        assert not self.session.owes_transition

    def teardown(self) -> None:
        self.come_to_rest()


class ConversationInChunks(Conversation):
    """The same with a client that gets nearly every transition in parts."""

    chunk_bytes = 100


SETTINGS = settings(max_examples=300, stateful_step_count=50, deadline=None)

TestConversation = Conversation.TestCase
TestConversation.settings = SETTINGS
TestConversationInChunks = ConversationInChunks.TestCase
TestConversationInChunks.settings = SETTINGS
