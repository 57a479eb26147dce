"""A client and its worker: the session is the real one; connection and backend are recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from realtime.clock import Clock, SystemClock
from realtime.errors import RealtimeError
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ActionOutcome,
    FunctionCall,
    LiveClient,
    MutationOutcome,
    QueryResult,
)
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import Authenticator, NoTokens, TokenCheck
from realtime.server.ping_wheel import PingWheel
from realtime.server.socket_calls import SocketCalls
from realtime.server.sync_worker import SyncServices, SyncWorker
from realtime.server.unsent_budget import UnsentBudget

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


def success(timestamp: int) -> MutationOutcome:
    return MutationOutcome(b'"id"', None, timestamp)


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]
