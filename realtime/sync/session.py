"""One client's conversation with the server, as a machine without I/O.

Inputs are what a client sent and what the runtime has finished; outputs are work to start and
messages to send. The machine starts no task, reads no clock and never waits, so each promise of
the protocol is a property of plain calls that a test can make in any order. Its driver, one for a
socket, follows three rules: after each input it takes all of `next_work()` and of
`messages_to_send()`, and asks the runtime for an update when `wants_update` is true.

What a client is told goes out as responses and as one chain of transitions, each the result of one
update: see `transitions`. Responses that wait go out before a transition that waits, which covers
them (contract 1.7, 11.3). A large transition may be handed out in parts, and what is answered
before the last of them waits for it (contract 1.12).

While a token is being checked later messages wait, unread, so that none acts under the identity
before (contract 1.10). Updates and answers go on.

Legal moves. The conversation is `open`, `authenticating` or `closed`; the transition is `idle`,
`computing` (an update is in progress), `built` (ready to be handed out) or `sending`.

    input                   legal when                         leads to
    ----------------------  ---------------------------------  -------------------------------
    receive_message
      Connect               open, the first Connect            open
      Authenticate          open, baseVersion = identity's     authenticating
      ModifyQuerySet        open, see QuerySet.modify          open
      Mutation, Action      open                               open
      Event                 always                             no change
      any but Event         authenticating, there is room      it waits
    authenticated           authenticating                     open, then what waited
    authentication_failed   authenticating                     closed
    identity_expired        always                             closed
    mutation_finished       that mutation is unanswered        a response; a transition is owed
    action_finished         that action is unanswered          a response; a transition is owed
    query_invalidated       always (unknown ids are no news)   the query is stale
    begin_update            idle and wants_update              computing
    restart_update          computing                          computing
    queries_finished        computing, no time runs back       built, or idle if nothing is new
    messages_to_send        always                             built leads to sending
    socket_drained          always                             sending leads to idle, or to
                                                               built if there are more parts
    close                   always                             closed

Any other move raises `ProtocolError` and changes nothing; its `code` is `BaseVersionMismatch`
where the client is to be sent a `FatalError`, and otherwise the socket closes with 1011. In
`closed` every input is legal and does nothing: what was started may still end.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, Generic, assert_never

from realtime.errors import ProtocolError
from realtime.sync.messages import (
    Action,
    Authenticate,
    CallResult,
    ClientMessage,
    Connect,
    EncodedMessage,
    Event,
    ModifyQuerySet,
    Mutation,
    MutationResult,
    QuerySetResult,
    decode_timestamp,
    encode_auth_error,
)
from realtime.sync.query_set import PendingQuery, QuerySet
from realtime.sync.responses import Responses
from realtime.sync.transitions import Transitions
from realtime.sync.waiting_messages import ProcessedMessage, WaitingMessage, WaitingMessages
from realtime.sync.work import (
    IdentityT,
    RemoveQuery,
    StartAction,
    StartAuthentication,
    StartMutation,
    Work,
)

_MAX_SAFE_INTEGER: Final = 2**53


class _Conversation(Enum):
    OPEN = auto()
    AUTHENTICATING = auto()
    CLOSED = auto()


class Session(Generic[IdentityT]):
    """The state of one socket: who the client is, what it watches, what it has been told.

    Not for concurrent use; no method suspends.
    """

    __slots__ = (
        "_conversation",
        "_identity",
        "_identity_version",
        "_max_observed_timestamp",
        "_queries",
        "_responses",
        "_session_id",
        "_transitions",
        "_waiting",
        "_work",
    )

    def __init__(self, identity: IdentityT, *, chunk_bytes: int | None = None) -> None:
        """Transitions over `chunk_bytes` are handed out in parts of that size; None: whole."""
        self._conversation = _Conversation.OPEN
        self._session_id: str | None = None
        self._max_observed_timestamp: int | None = None
        self._identity = identity
        self._identity_version = 0
        self._waiting = WaitingMessages()
        self._queries = QuerySet()
        self._work: list[Work[IdentityT]] = []
        self._responses = Responses()
        self._transitions = Transitions(chunk_bytes)

    @property
    def session_id(self) -> str | None:
        """Return the client instance's id; None before its `Connect`."""
        return self._session_id

    @property
    def max_observed_timestamp(self) -> int | None:
        """Return the newest timestamp the client had seen when it connected, by its word."""
        return self._max_observed_timestamp

    @property
    def identity(self) -> IdentityT:
        """Return who the client is; when an update begins, its queries run as this identity."""
        return self._identity

    @property
    def is_closed(self) -> bool:
        """Return whether the conversation is over: send what there is, then close the socket."""
        return self._conversation is _Conversation.CLOSED

    @property
    def is_authenticating(self) -> bool:
        """Return whether a token is being checked."""
        return self._conversation is _Conversation.AUTHENTICATING

    @property
    def wants_update(self) -> bool:
        """Return whether an update can begin now and has something to evaluate or to tell.

        Once true it stays true until the update begins or the conversation ends.
        """
        transitions = self._transitions
        return transitions.is_idle and (
            self._queries.has_changes
            or transitions.is_owed
            or self._identity_version != transitions.version.identity
        )

    @property
    def has_stale_queries(self) -> bool:
        """Return whether a query has to be evaluated in the next update."""
        return self._queries.has_stale_queries

    @property
    def owes_transition(self) -> bool:
        """Return whether a response still lacks its transition, or one is on its way out."""
        return self._transitions.is_owed or self._transitions.is_leaving

    @property
    def is_between_chunks(self) -> bool:
        """Return whether the next message can only be another part of a transition."""
        return self._transitions.is_between_chunks

    @property
    def held_bytes(self) -> int:
        """Return the size of the responses that wait for the last part of a transition."""
        if not self._transitions.is_between_chunks:
            return 0
        return self._responses.size_bytes

    def next_work(self) -> Work[IdentityT] | None:
        """Return the oldest piece of work that was not handed out yet; None if there is none."""
        return self._work.pop(0) if self._work else None

    def messages_to_send(self) -> list[EncodedMessage]:
        """Return the messages that were not handed out yet, in the order in which to send them.

        Responses come before a transition, which comes last; between its parts come none.
        """
        if self._transitions.is_between_chunks:
            return self._next_chunk()
        transition = self._transitions.take()
        responses = self._responses
        if not responses.encoded:
            return transition
        messages, responses.encoded = responses.encoded, []
        messages += transition
        return messages

    def _next_chunk(self) -> list[EncodedMessage]:
        messages = self._transitions.take()
        if not self._transitions.is_between_chunks:
            messages += self._responses.encoded
            self._responses.encoded = []
        return messages

    def socket_drained(self) -> None:
        """Note that all messages handed out so far have left; may be said at any time."""
        self._transitions.drained()

    def receive_message(
        self, message: ClientMessage, *, server_time_ns: int, size_bytes: int
    ) -> None:
        """Take a message of the client, that came as `size_bytes` of text.

        Raises:
            ProtocolError: the message is not legal now.
            OverloadedError: too much waits for a token to be checked.
        """
        if self.is_closed or isinstance(message, Event):
            return
        if not self.is_authenticating:
            self._process_message(message, server_time_ns)
            return
        self._waiting.append(WaitingMessage(message, server_time_ns, size_bytes))

    def _process_message(self, message: ProcessedMessage, server_time_ns: int) -> None:
        match message:
            case Connect():
                self._connect(message, server_time_ns)
            case Authenticate():
                self._begin_authentication(message)
            case ModifyQuerySet():
                self._work += map(RemoveQuery, self._queries.modify(message))
            case Mutation(request_id, path, args, component_path):
                self._responses.expect_mutation(request_id)
                self._work.append(
                    StartMutation(request_id, path, bytes(args), component_path, self._identity)
                )
            case Action(request_id, path, args, component_path):
                self._responses.expect_action(request_id)
                self._work.append(
                    StartAction(request_id, path, bytes(args), component_path, self._identity)
                )
            case _:
                assert_never(message)

    def _connect(self, message: Connect, server_time_ns: int) -> None:
        if self._session_id is not None:
            raise ProtocolError("Expected one `Connect` on a socket, got another one")
        if message.max_observed_timestamp is not None:
            self._max_observed_timestamp = decode_timestamp(message.max_observed_timestamp)
        self._session_id = str(message.session_id)
        # Rust clients send 0 where they do not know the time.
        if message.client_ts and abs(message.client_ts) < _MAX_SAFE_INTEGER:
            skew_ms = round(message.client_ts) - server_time_ns // 1_000_000
            self._transitions.client_clock_skew_ms = skew_ms

    def _begin_authentication(self, message: Authenticate) -> None:
        if message.base_version != self._identity_version:
            raise ProtocolError(
                f"Base version {message.base_version} passed up doesn't match "
                f"the current identity version {self._identity_version}"
            )
        self._conversation = _Conversation.AUTHENTICATING
        self._work.append(
            StartAuthentication(message.token_type, message.value, message.attributes)
        )

    def authenticated(self, identity: IdentityT) -> None:
        """Take the identity of the token that was accepted; go on with what waited for it.

        Every query is to be evaluated again. An update in progress is still one of the identity
        before, and its version says so.

        Raises:
            ProtocolError: no token is being checked; or a message that waited is not legal, in
                which case those before it have been processed and it is dropped.
        """
        if self.is_closed:
            return
        self._check_authenticating("authenticated")
        self._conversation = _Conversation.OPEN
        self._identity = identity
        self._identity_version += 1
        self._queries.invalidate_all()
        # One of those that waited may be another `Authenticate`.
        while self._waiting and not self.is_authenticating:
            waiting = self._waiting.pop()
            self._process_message(waiting.message, waiting.server_time_ns)

    def authentication_failed(self, error: str) -> None:
        """Tell the client why its token was rejected, and end the conversation.

        What waited is dropped: it was meant to run as an identity that the client does not have.
        """
        if self.is_closed:
            return
        self._check_authenticating("authentication_failed")
        self._close_with(error, update_attempted=True)

    def identity_expired(self, error: str) -> None:
        """Tell the client that it is no longer who it was, and end the conversation."""
        if not self.is_closed:
            self._close_with(error, update_attempted=False)

    def _close_with(self, error: str, *, update_attempted: bool) -> None:
        messages = self._responses.encoded
        if not self._transitions.is_between_chunks:  # else its last part will never be sent
            messages += self._transitions.take()
        # The version before the attempt, also where its transition is still to come: a JS client
        # ignores the error of an older one (contract 1.10, 11.5).
        version = self._identity_version
        messages.append(encode_auth_error(error, version, update_attempted=update_attempted))
        self.close()
        self._responses.encoded = messages

    def _check_authenticating(self, move: str) -> None:
        if not self.is_authenticating:
            raise ProtocolError(f"Expected `{move}` while a token is being checked, none is")

    def mutation_finished(self, request_id: int, result: MutationResult) -> None:
        """Answer a mutation; a transition is owed, after a success one that covers it.

        After a failure any will do: the Rust and Python clients hold a failure with data back until
        the next one.
        """
        if self.is_closed:
            return
        self._responses.answer_mutation(request_id, result)
        self._transitions.owe(result.timestamp if result.error is None else 0)

    def action_finished(self, request_id: int, result: CallResult) -> None:
        """Answer an action; a transition is owed, of any timestamp."""
        if self.is_closed:
            return
        self._responses.answer_action(request_id, result)
        self._transitions.owe(0)

    def query_invalidated(self, query_id: int) -> None:
        """Note that the last result of a query is no longer current."""
        self._queries.invalidate(query_id)

    def begin_update(self) -> dict[int, PendingQuery]:
        """Return the queries to evaluate as `identity`, by id; maybe none.

        To be called at the moment at which the timestamp of their evaluation is fixed.
        """
        if self.is_closed:
            return {}
        if not self.wants_update:
            raise ProtocolError("Expected `begin_update` where an update is wanted, none is")
        self._transitions.begin(self._identity_version)
        return self._queries.begin_update()

    def restart_update(self) -> dict[int, PendingQuery]:
        """Return the queries to evaluate now that the update in progress begins anew.

        Its timestamp has moved on: what has changed since it began belongs to it as well.
        """
        if self.is_closed:
            return {}
        if not self._transitions.is_computing:
            raise ProtocolError("Expected `restart_update` after `begin_update`, got it without")
        self._transitions.restart(self._identity_version)
        return self._queries.restart_update()

    def stale_queries(self) -> dict[int, PendingQuery]:
        """Return the queries that an update would evaluate if it began now, by id."""
        return self._queries.stale_queries()

    def queries_finished(
        self, timestamp: int, results: Mapping[int, QuerySetResult], *, server_time_ns: int
    ) -> None:
        """Take the results of the update, all of them those of one snapshot at `timestamp`.

        A transition is built if the client learns anything from it.

        Raises:
            ProtocolError: no update is in progress, the timestamp is before that of the last
                transition, or a query has no result.
        """
        if self.is_closed:
            return
        if not self._transitions.is_computing:
            raise ProtocolError("Expected `queries_finished` after `begin_update`, got it without")
        newest = self._transitions.version.timestamp
        if timestamp < newest:
            raise ProtocolError(f"Expected a timestamp from {newest} on, got {timestamp}")
        update = self._queries.finish_update(results)
        self._transitions.finish(timestamp, update, server_time_ns)

    def close(self) -> None:
        """End the conversation; nothing more is sent, and later inputs do nothing."""
        self._conversation = _Conversation.CLOSED
        self._identity_version = 0
        self._queries = QuerySet()
        self._transitions = Transitions()
        self._waiting = WaitingMessages()
        self._work.clear()
        self._responses = Responses()
