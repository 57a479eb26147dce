"""A client's session with a server: the sync protocol, without a socket and without a clock.

The session outlives its connections. It remembers what the program wants (queries, requests, who
it is) and says so again on each new one, so that a program never has to know that a connection
was cut. What must not be lost or done twice hangs on that memory:

- A mutation keeps its request id, and is sent until its effect is in the results. The server
  answers one that it has run already from its record, so it takes effect once.
- An action that was sent is lost with its connection: whether it ran, only its author could tell.
- A query begins again with its journal, and a result that comes again is no news.
- The largest timestamp seen goes along, so that a server can tell if it has forgotten something.

Inputs are the calls of the program, `connection_opened`, `receive_message` and `connection_lost`;
outputs are the events that the latter two return and `messages_to_send`. Versions count from zero
on each connection; an order in which they do not fit is a `ProtocolError`, leaves the session as
it was, and asks for a new connection. The driver of a session is `client.connector`.

Rejected: two classes, one for a connection and one for what outlives it. Nearly every input
changes both, and they would have to agree at each step.

Source: contract 1.2 to 1.13.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never
from uuid import UUID

import msgspec

from realtime.client.authentication import AdminKey, Authentication, Credential, UserToken
from realtime.client.chunks import Chunks
from realtime.client.outcome import Outcome, response_outcome
from realtime.client.query_set import QueryId, QuerySet
from realtime.client.requests import RequestId, Requests
from realtime.client.server_messages import (
    ActionResponse,
    AuthError,
    FatalError,
    MutationResponse,
    Ping,
    QueryRemoved,
    ServerMessage,
    Transition,
    TransitionChunk,
    decode_server_message,
)
from realtime.errors import ProtocolError
from realtime.sync.messages import (
    Action,
    Add,
    Authenticate,
    ClientMessage,
    Connect,
    ModifyQuerySet,
    Mutation,
    Remove,
    StateVersion,
    decode_timestamp,
    encode_client_message,
    encode_timestamp,
)

_START: Final = StateVersion(0, 0, 0)
_FIRST_REASON: Final = "InitialConnect"


@dataclass(frozen=True, slots=True)
class QueryChanged:
    """A query has a new result."""

    query_id: QueryId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A mutation, whose effect is in all results by now, or an action has ended."""

    request_id: RequestId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ActionLost:
    """The connection was cut while an action ran."""

    request_id: RequestId


@dataclass(frozen=True, slots=True)
class Logged:
    """A function has logged lines, which the server lets its clients see."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdentityConfirmed:
    """The server has accepted who the client is; fetch a fresh token after some seconds."""

    refresh_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class FreshTokenWanted:
    """The token was refused: nothing is sent until the fetcher has given another."""


@dataclass(frozen=True, slots=True)
class IdentityLost:
    """The token or key was refused, and the client is nobody from here on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will have nothing to do with this client: there is no use in connecting again."""

    reason: str


Event: TypeAlias = (
    QueryChanged
    | RequestEnded
    | ActionLost
    | Logged
    | IdentityConfirmed
    | FreshTokenWanted
    | IdentityLost
    | Refused
)


class ClientSession:
    """One client, over any number of connections, of which it has one at a time."""

    def __init__(self, session_id: UUID) -> None:
        self._session_id = session_id
        self._connection_count = 0
        self._close_reason = _FIRST_REASON
        self._max_observed_timestamp = 0
        self._queries = QuerySet()
        self._requests = Requests()
        self._authentication = Authentication()
        self._is_open = False
        self._reset_connection()

    def _reset_connection(self) -> None:
        self._is_greeted = False
        self._version = _START
        self._sent_query_set = 0
        self._sent_identity = 0
        self._chunks = Chunks()
        self._outbox: deque[ClientMessage] = deque()
        self._held: deque[ClientMessage] = deque()
        """What was asked for while a token is awaited, in order."""

    # The program

    def subscribe(self, path: str, args: bytes, *, is_shared: bool = True) -> QueryId:
        """Watch a query with its arguments as encoded JSON; return its id.

        Args:
            path: The path of the query.
            args: The arguments; equal ones must be equal texts for a query to be shared.
            is_shared: False: ask anew also if the same is watched already.
        """
        query_id, addition = self._queries.add(path, args, is_shared=is_shared)
        if addition is not None:
            self._modify(addition)
        return query_id

    def unsubscribe(self, query_id: QueryId) -> bool:
        """Undo one `subscribe`; say whether it was the last one of the query."""
        removal = self._queries.drop(query_id)
        if removal is None:
            return False
        self._modify(removal)
        return True

    def begin_mutation(self, path: str, args: bytes) -> RequestId:
        """Ask for a mutation; return the id that its end will have."""
        return self._ask(self._requests.begin_mutation(path, args))

    def begin_action(self, path: str, args: bytes) -> RequestId:
        """Ask for an action; return the id that its end will have.

        Raises:
            LimitError: Too many have not ended.
        """
        return self._ask(self._requests.begin_action(path, args))

    def withdraw(self, request_id: RequestId) -> bool:
        """Take a request back; say whether it was not sent yet, so that nothing happens."""
        if not self._requests.withdraw(request_id):
            return False
        self._outbox = deque(m for m in self._outbox if _request_id(m) != request_id)
        self._held = deque(m for m in self._held if _request_id(m) != request_id)
        return True

    def authenticate(self, credential: Credential | None) -> None:
        """Be somebody else for all that is asked for from here on; None: nobody."""
        self._authentication.use(credential)
        self._send_identity()

    def await_token(self) -> None:
        """Send nothing of what is asked for from here on before `receive_token`."""
        self._authentication.await_first_token()

    def receive_token(self, token: str | None, *, is_fresh: bool, now_seconds: float) -> None:
        """Take a token of the fetcher; None if there is nobody signed in.

        Args:
            token: The token.
            is_fresh: Whether the fetcher was ordered to get a new one.
            now_seconds: Wall time.
        """
        was_awaited = self._authentication.is_awaited
        is_new = self._authentication.receive_token(
            token, is_fresh=is_fresh, now_seconds=now_seconds
        )
        if is_new or was_awaited:
            self._send_identity()

    # The connection

    @property
    def is_authenticated(self) -> bool:
        """Return whether the server has accepted a token or key, and it still holds."""
        return self._authentication.is_confirmed

    @property
    def is_caught_up(self) -> bool:
        """Return whether the connection has served all that it began with."""
        reached = (self._version.query_set, self._version.identity)
        sent = (self._sent_query_set, self._sent_identity)
        return self._is_greeted and reached == sent and self._requests.is_caught_up

    def connection_opened(self) -> None:
        """Begin a new connection."""
        assert not self._is_open
        self._reset_connection()
        self._is_open = True

    def connection_lost(self, reason: str) -> list[Event]:
        """End the connection; the reason goes to the server with the next one."""
        self._reset_connection()
        self._is_open = False
        self._close_reason = reason
        return [ActionLost(request_id) for request_id in self._requests.lose_connection()]

    def messages_to_send(self) -> list[bytes]:
        """Return what is to be sent now, one text frame each; it counts as sent.

        To be asked again after each input.
        """
        if not self._is_open:
            return []
        if not self._is_greeted:
            if self._authentication.is_awaited:
                return []
            self._greet()
        encoded: list[bytes] = []
        while self._outbox:
            message = self._outbox[0]
            if isinstance(message, Mutation | Action):
                if not self._requests.may_send(message):
                    break  # what stands behind waits too: the order says who is asked as whom
                self._requests.note_sent(message)
            encoded.append(encode_client_message(self._outbox.popleft()))
        return encoded

    def receive_message(self, text: str | bytes) -> list[Event]:
        """Take a text frame of the server in; return what has happened, in order.

        Raises:
            ProtocolError: It does not fit; nothing has changed, and the connection must be ended.
        """
        try:
            return self._receive(decode_server_message(text))
        except msgspec.ValidationError as error:
            raise ProtocolError(f"Expected an error as text: {error}") from error

    def _receive(self, message: ServerMessage) -> list[Event]:
        if not isinstance(message, TransitionChunk | Ping):
            self._chunks.check_complete()
        match message:
            case Transition():
                return self._receive_transition(message)
            case TransitionChunk():
                whole = self._chunks.receive(message)
                return [] if whole is None else self._receive(whole)
            case MutationResponse() | ActionResponse():
                return self._receive_response(message)
            case AuthError():
                return self._receive_auth_error(message)
            case FatalError():
                return [Refused(message.error)]
            case Ping():
                return []
            case _:
                assert_never(message)

    def _receive_transition(self, message: Transition) -> list[Event]:
        start, end = message.start_version.decoded(), message.end_version.decoded()
        self._check_step(start, end)
        self._version = end
        self._observe(end.timestamp)
        events: list[Event] = []
        is_newest = end.identity == self._sent_identity and not self._authentication.is_awaited
        if end.identity > start.identity and is_newest:
            events.append(IdentityConfirmed(self._authentication.confirm()))
        for modification in message.modifications:
            query_id = QueryId(modification.query_id)
            path = self._queries.path(query_id)
            if path is not None and not isinstance(modification, QueryRemoved):
                _note_lines(events, path, modification.log_lines)
            outcome = self._queries.apply(modification)
            if outcome is not None:
                events.append(QueryChanged(query_id, outcome))
        # Last, so that who waits for a mutation finds its effect in every result.
        events += [RequestEnded(*ended) for ended in self._requests.reflect(end.timestamp)]
        return events

    def _check_step(self, start: StateVersion, end: StateVersion) -> None:
        if start != self._version:
            raise ProtocolError(f"Expected a transition from {self._version}, got one from {start}")
        if end.timestamp < start.timestamp:
            raise ProtocolError(f"Expected a transition from {start} onwards, got one to {end}")

    def _receive_response(self, message: MutationResponse | ActionResponse) -> list[Event]:
        outcome = response_outcome(message.success, message.result, message.error_data)
        request_id = RequestId(message.request_id)
        path = self._requests.path(request_id)
        if isinstance(message, ActionResponse):
            has_ended = self._requests.end(request_id)
        else:
            timestamp = 0 if message.ts is None else decode_timestamp(message.ts)
            has_ended = self._requests.answer_mutation(request_id, outcome, timestamp)
            self._observe(timestamp)
        events: list[Event] = []
        if path is not None:
            _note_lines(events, path, message.log_lines)
        if has_ended:
            events.append(RequestEnded(request_id, outcome))
        return events

    def _receive_auth_error(self, message: AuthError) -> list[Event]:
        base = message.base_version
        if message.auth_update_attempted and base is not None and base + 1 < self._sent_identity:
            return []  # another token is on its way already
        if self._authentication.refuse():
            return [FreshTokenWanted()]
        return [IdentityLost(message.error)]

    def _observe(self, timestamp: int) -> None:
        self._max_observed_timestamp = max(self._max_observed_timestamp, timestamp)

    # What is to be sent

    def _greet(self) -> None:
        """Say who this is and all that it wants."""
        observed = self._max_observed_timestamp
        connect = Connect(
            session_id=self._session_id,
            connection_count=self._connection_count,
            last_close_reason=self._close_reason,
            max_observed_timestamp=encode_timestamp(observed) if observed else None,
        )
        self._connection_count += 1
        self._is_greeted = True
        self._outbox = deque([connect])
        if self._authentication.credential is not None:
            self._send_identity()
        self._sent_query_set = 1
        self._outbox.append(ModifyQuerySet(0, 1, self._queries.additions()))
        self._outbox += self._requests.begin_connection()

    def _modify(self, modification: Add | Remove) -> None:
        if not self._is_greeted:
            return  # the greeting will have it
        waiting = self._waiting()
        if waiting and isinstance(last := waiting[-1], ModifyQuerySet):
            both = (*last.modifications, modification)
            waiting[-1] = ModifyQuerySet(last.base_version, last.new_version, both)
            return
        self._sent_query_set += 1
        base = self._sent_query_set - 1
        waiting.append(ModifyQuerySet(base, self._sent_query_set, (modification,)))

    def _ask(self, message: Mutation | Action) -> RequestId:
        if self._is_greeted:
            self._waiting().append(message)
        return RequestId(message.request_id)

    def _send_identity(self) -> None:
        if not self._is_greeted:
            return
        base = self._sent_identity
        self._sent_identity += 1
        self._outbox.append(_authenticate(base, self._authentication.credential))
        self._outbox += self._held
        self._held = deque()

    def _waiting(self) -> deque[ClientMessage]:
        return self._held if self._authentication.is_awaited else self._outbox


def _authenticate(base_version: int, credential: Credential | None) -> Authenticate:
    match credential:
        case None:
            return Authenticate(base_version, "None")
        case UserToken(text):
            return Authenticate(base_version, "User", text)
        case AdminKey(text):
            return Authenticate(base_version, "Admin", text)
        case _:
            assert_never(credential)


def _request_id(message: ClientMessage) -> int | None:
    return message.request_id if isinstance(message, Mutation | Action) else None


def _note_lines(events: list[Event], path: str, lines: tuple[str, ...]) -> None:
    if lines:
        events.append(Logged(path, lines))
