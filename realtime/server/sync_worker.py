"""One client on one socket: what drives a `sync.Session`.

The session decides, this worker acts. Three kinds of calls come in, all on the event loop: the
client's messages, from the connection; results and invalidations, from the backend; and pings
that are due. After each of them the worker does the same: it starts the work that the session
wants started, writes the messages that it wants sent, and asks the backend for an update if it
wants one. There is no queue, no task and no lock a socket; a call leaves nothing half done.

    message ──▶ receive_message ─┐                        ┌▶ submit_mutation, unsubscribe, …
    answer  ──▶ mutation_finished├─▶ next_work ──▶ start ─┤
    results ──▶ queries_finished ┘   messages_to_send ────┼▶ connection.write
    drained ──▶ socket_drained       wants_update ────────┴▶ request_update

How a conversation ends is told in `conversation_end`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from realtime.clock import Clock
from realtime.errors import (
    AuthenticationError,
    OverloadedError,
    ProtocolError,
    RealtimeError,
    UnavailableError,
)
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ANONYMOUS,
    FunctionCall,
    Identity,
    QueryCall,
    QueryResult,
)
from realtime.server.auth.authenticator import Authenticator
from realtime.server.auth.credentials import Credentials
from realtime.server.auth.rejections import TOKEN_EXPIRED
from realtime.server.connection import CloseCode, Connection
from realtime.server.conversation_end import (
    AUTH_ERROR,
    INTERNAL_ERROR,
    TOO_SLOW,
    ConversationEnd,
    end_of,
    fatal_end,
)
from realtime.server.ping_wheel import PingWheel
from realtime.server.socket_calls import SocketCalls
from realtime.server.unsent_budget import UnsentBudget
from realtime.sync.messages import (
    Connect,
    EncodedMessage,
    decode_client_message,
    encode_ping,
)
from realtime.sync.query_set import PendingQuery
from realtime.sync.session import Session
from realtime.sync.transition_chunks import CHUNK_BYTES
from realtime.sync.work import RemoveQuery, StartAction, StartAuthentication, StartMutation, Work

_log = logging.getLogger("realtime.sync")

MAX_SILENT_CHECKS: Final = 24
"""After so many checks without a sign of life a client counts as gone: 120 s (contract 1.1)."""

_PING: Final = encode_ping()


@dataclass(frozen=True, slots=True)
class SyncServices:
    """What all workers of a server share."""

    backend: Backend
    calls: SocketCalls
    clock: Clock
    authenticator: Authenticator
    ping_wheel: PingWheel
    unsent_budget: UnsentBudget
    on_lost: Callable[[SyncWorker], None]
    """Called when the socket of a worker is gone."""


class SyncWorker:
    """The server's side of one socket; a `LiveClient` of the backend."""

    __slots__ = (
        "_connection",
        "_services",
        "_session",
        "_silent_checks",
        "_token_check",
        "last_sent_tick",
    )

    def __init__(
        self, connection: Connection, services: SyncServices, *, takes_chunks: bool = False
    ) -> None:
        """`takes_chunks` says whether the client can put large transitions together."""
        self._connection = connection
        self._services = services
        chunk_bytes = CHUNK_BYTES if takes_chunks else None
        self._session: Session[Identity] = Session(ANONYMOUS, chunk_bytes=chunk_bytes)
        self._token_check: asyncio.Task[None] | None = None
        self.last_sent_tick = 0
        self._silent_checks = 0
        """How often in a row nothing had come from the client."""
        services.ping_wheel.add(self)

    @property
    def is_closed(self) -> bool:
        """Return whether the conversation is over; the socket may still be closing."""
        return self._session.is_closed

    @property
    def unsent_bytes(self) -> int:
        """Return how many bytes wait for the client to take them."""
        return self._connection.unsent_bytes + self._session.held_bytes

    # The connection's calls

    def receive_text(self, text: str) -> None:
        """Take one message of the client."""
        try:
            message = decode_client_message(text)
        except ProtocolError as error:
            self._end_with(fatal_end(error))
            return
        now_ns = self._services.clock.now_ns()
        try:
            self._session.receive_message(message, server_time_ns=now_ns, size_bytes=len(text))
        except (ProtocolError, OverloadedError) as error:
            self.fail(error)
            return
        if isinstance(message, Connect):
            self._log_connect(message)
        self._proceed()

    def receive_binary(self) -> None:
        """Refuse a message that the protocol has no use for."""
        self.close(CloseCode.UNSUPPORTED_DATA, "Expected text messages, got a binary one")

    def connection_drained(self) -> None:
        """Go on with the next transition: the client has taken everything."""
        self._services.unsent_budget.release(self)
        self._session.socket_drained()
        self._proceed()

    def connection_lost(self, code: int, reason: str) -> None:
        """Forget a client that is gone; mutations of it that have not started are dropped."""
        if not self.is_closed:
            _log.debug("A client is gone: %s %s", code, reason)
        self._end()
        self._services.unsent_budget.release(self)
        self._services.on_lost(self)

    # The backend's calls

    def begin_update(self) -> Mapping[int, QueryCall] | None:
        """Return the queries to evaluate now, by id; None if no update is wanted any more."""
        if not self._session.wants_update:
            return None
        if self._has_expired(self._session.identity):
            # With another token on its way the update waits for what becomes of it.
            if not self._session.is_authenticating:
                self._tell_expired()
            return None
        return self._calls(self._session.begin_update())

    def restart_update(self) -> Mapping[int, QueryCall]:
        """Return the queries to evaluate now that the update's snapshot has moved on."""
        return self._calls(self._session.restart_update())

    def stale_queries(self) -> Iterable[QueryCall]:
        """Return what an update would evaluate if it began now."""
        return self._calls(self._session.stale_queries()).values()

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        """Send what the results of one snapshot change for the client."""
        now_ns = self._services.clock.now_ns()
        self._session.queries_finished(timestamp, results, server_time_ns=now_ns)
        self._proceed()

    def query_invalidated(self, query_id: int) -> None:
        """Have a query evaluated again."""
        self._session.query_invalidated(query_id)
        self._request_update()

    def fail(self, error: RealtimeError) -> None:
        """End the conversation because the server can't go on with it."""
        self._end_with(end_of(error))

    def proceed_after_answer(self) -> None:
        """Go on after the session has taken the outcome of a call."""
        session = self._session
        if session.wants_update and not session.has_stale_queries:
            # All that the client watches is current: the transition leaves with the response.
            session.begin_update()
            timestamp = self._services.backend.timestamp
            session.queries_finished(timestamp, {}, server_time_ns=self._services.clock.now_ns())
        self._proceed()

    # Others

    def send_ping(self) -> None:
        """Tell a client that has heard nothing for a while that the server is there."""
        if self._connection.is_paused:
            # The client has yet to take what was written before, which tells it the same.
            self.last_sent_tick = self._services.ping_wheel.tick
        else:
            self._write([_PING])

    def check_alive(self) -> None:
        """Ask the client for a sign of life; cut it off if none came for a long time."""
        if self._connection.check_alive():
            self._silent_checks = 0
            return
        self._silent_checks += 1
        if self._silent_checks >= MAX_SILENT_CHECKS:
            _log.info("A client was cut off: nothing came from it any more")
            self.abort()

    def close_as_too_slow(self) -> None:
        """Send away a client that takes its messages too slowly."""
        _log.warning("A client was sent away: %d bytes are unsent", self.unsent_bytes)
        self.close(CloseCode.TRY_AGAIN_LATER, TOO_SLOW)

    def close(self, code: int, reason: str) -> None:
        """End the conversation with a close code and reason; idempotent."""
        if self.is_closed:
            return
        self._end()
        self._hang_up(code, reason)

    def abort(self) -> None:
        """Cut the socket off and drop what is unsent."""
        self._end()
        self._connection.abort()

    # Steps

    def _calls(self, queries: Mapping[int, PendingQuery]) -> dict[int, QueryCall]:
        identity = self._session.identity
        return {
            query_id: QueryCall(
                FunctionCall(query.path, query.args, identity, None, query.component_path),
                query.journal,
            )
            for query_id, query in queries.items()
        }

    def _proceed(self) -> None:
        """Do what the session wants done after an input."""
        session = self._session
        while (work := session.next_work()) is not None:
            self._start(work)
        messages = session.messages_to_send()
        if messages:
            self._write(messages)
        if session.is_between_chunks:
            self._write_chunks()
        self._request_update()

    def _write_chunks(self) -> None:
        """Go on with the parts of a transition as far as the client takes them now."""
        session = self._session
        while messages := session.messages_to_send():
            self._write(messages)
        if session.held_bytes:
            self._count_held()

    def _request_update(self) -> None:
        if self._session.wants_update:
            self._services.backend.request_update(self)

    def _start(self, work: Work[Identity]) -> None:
        match work:
            case StartMutation(identity=identity) | StartAction(identity=identity) if (
                self._has_expired(identity)
            ):
                self._tell_expired()
            case StartMutation():
                self._services.calls.submit_mutation(self, self._session, work)
            case StartAction():
                self._services.calls.submit_action(self, self._session, work)
            case StartAuthentication():
                self._authenticate(work)
            case RemoveQuery(query_id):
                self._services.backend.unsubscribe(self, query_id)
            case _:
                assert_never(work)

    def _has_expired(self, identity: Identity) -> bool:
        end = identity.expires_at_ns
        return end is not None and self._services.clock.now_ns() >= end

    def _authenticate(self, work: StartAuthentication) -> None:
        credentials = Credentials(work.token_type, work.token, work.attributes)
        if work.token_type == "User":
            check = self._check_token(credentials)
            self._token_check = asyncio.get_running_loop().create_task(check, name="token check")
            return
        try:
            self._accept(self._services.authenticator.identity_of_key(credentials))
        except AuthenticationError as error:
            self._reject(error)

    async def _check_token(self, credentials: Credentials) -> None:
        """Check a user's token, which may take a fetch, and go on with what waited for it."""
        try:
            identity = await self._services.authenticator.identity_of_user(credentials)
        except AuthenticationError as error:
            self._token_check = None
            self._reject(error)
            return
        except UnavailableError as error:
            self._token_check = None
            self.fail(error)
            return
        except Exception:
            self._token_check = None
            _log.exception("A token could not be checked")
            self.close(CloseCode.INTERNAL_ERROR, INTERNAL_ERROR)
            return
        self._token_check = None
        self._accept(identity)
        self._proceed()

    def _accept(self, identity: Identity) -> None:
        try:
            self._session.authenticated(identity)
        except (ProtocolError, OverloadedError) as error:
            self.fail(error)

    def _reject(self, error: AuthenticationError) -> None:
        self._session.authentication_failed(f"{error.code}: {error.message}")
        self._end_with_auth_error()

    def _tell_expired(self) -> None:
        self._session.identity_expired(TOKEN_EXPIRED)
        self._end_with_auth_error()

    def _end_with_auth_error(self) -> None:
        self._write(self._session.messages_to_send())
        self._end()
        self._hang_up(CloseCode.NORMAL, AUTH_ERROR)

    def _write(self, messages: Sequence[EncodedMessage]) -> None:
        connection, budget = self._connection, self._services.unsent_budget
        if connection.is_paused and budget.is_too_slow(self):
            self.close_as_too_slow()
            return
        connection.write(messages)
        self.last_sent_tick = self._services.ping_wheel.tick
        if connection.is_paused:
            budget.update(self)
        else:
            self._session.socket_drained()

    def _count_held(self) -> None:
        """Count the responses that wait behind chunks to what the client has yet to take."""
        budget = self._services.unsent_budget
        if budget.is_too_slow(self):
            self.close_as_too_slow()
        else:
            budget.update(self)

    def _end_with(self, end: ConversationEnd) -> None:
        if end.message is not None:
            self._connection.write([end.message])
        self.close(end.code, end.reason)

    def _hang_up(self, code: int, reason: str) -> None:
        self._services.unsent_budget.start_closing(self)
        self._connection.close(code, reason)

    def _end(self) -> None:
        """Forget everything but the socket; idempotent."""
        self._session.close()
        if self._token_check is not None:
            self._token_check.cancel()
            self._token_check = None
        self._services.ping_wheel.discard(self)
        self._services.backend.disconnect(self)

    def _log_connect(self, message: Connect) -> None:
        _log.debug(
            "Session %s connected (connection %r, last closed: %r)",
            message.session_id,
            message.connection_count,
            message.last_close_reason,
        )
        observed = self._session.max_observed_timestamp
        if observed is not None and observed > self._services.backend.timestamp:
            _log.warning(
                "Session %s has seen timestamp %d, ours is %d: it knew another data directory, "
                "or an earlier state of this one",
                message.session_id,
                observed,
                self._services.backend.timestamp,
            )
