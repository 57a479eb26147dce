"""The chain of transitions that leads one client from version to version.

A client's state has a version (query set, identity, timestamp), and a `Transition` leads from one
version to the next. JS clients freeze for ever on a transition that does not start where the last
one ended (contract 1.5, 11.1), so one place builds transitions, and it starts each from the end
of the one before. One is in the making at a time: it is computed, built, sent, and only when it
has left the socket the next one begins. So a client that reads slowly gets the newest state when
it has caught up, and never a backlog.

A response to a successful call is a debt: a transition of that timestamp or later must go out
*after* it, even where nothing changed and nothing is watched, because that is what resolves the
client's promise (contract 1.7, 11.2). The debt is paid when a transition that reaches it is handed
out, which is also the last moment at which a response can be put before it. A stored response to
a request that was sent again is as much owed a new transition as a fresh one, though its
timestamp may be behind the version.

A large transition goes out in parts to clients that take chunks, the next when the one before has
left the socket. Between them nothing else may stand, so responses wait for the last one; they are
owed another transition, as this one was built before them.
"""

from __future__ import annotations

from enum import Enum, auto

from realtime.sync.messages import EncodedMessage, StateVersion, encode_transition
from realtime.sync.query_set import UpdateResult
from realtime.sync.transition_chunks import TransitionChunks


class _Phase(Enum):
    IDLE = auto()
    COMPUTING = auto()
    BUILT = auto()
    SENDING = auto()


class Transitions:
    """The version a client has been led to, the next transition, and what is owed.

    `version` is the end of the last transition that was built. `client_clock_skew_ms` is set when
    the client connects. Who calls `begin` and `finish` has asked `is_idle` and `is_computing`.
    """

    __slots__ = (
        "_chunk_bytes",
        "_chunks",
        "_identity_version",
        "_message",
        "_owed_timestamp",
        "_phase",
        "_version_json",
        "client_clock_skew_ms",
        "version",
    )

    def __init__(self, chunk_bytes: int | None = None) -> None:
        """A transition over `chunk_bytes` goes out in parts of that size; None: never."""
        self._chunk_bytes = chunk_bytes
        self._chunks: TransitionChunks | None = None
        self.version = StateVersion(0, 0, 0)
        self.client_clock_skew_ms: int | None = None
        self._version_json = self.version.encode()
        self._identity_version = 0
        self._owed_timestamp: int | None = None
        self._phase = _Phase.IDLE
        self._message: EncodedMessage = []

    @property
    def is_idle(self) -> bool:
        """Return whether no transition is in the making or on its way out."""
        return self._phase is _Phase.IDLE

    @property
    def is_computing(self) -> bool:
        """Return whether an update is in progress."""
        return self._phase is _Phase.COMPUTING

    @property
    def is_leaving(self) -> bool:
        """Return whether a transition is built and has not left the socket yet."""
        return self._phase in (_Phase.BUILT, _Phase.SENDING)

    @property
    def is_between_chunks(self) -> bool:
        """Return whether some parts of a transition were handed out and others were not."""
        return self._chunks is not None

    @property
    def is_owed(self) -> bool:
        """Return whether a transition must follow though nothing else asks for it."""
        return self._owed_timestamp is not None

    def owe(self, timestamp: int) -> None:
        """Note that a response is on its way out which a transition must cover."""
        self._owed_timestamp = max(self._owed_timestamp or 0, timestamp)

    def begin(self, identity_version: int) -> None:
        """Note that an update begins, whose queries run as this version of the identity."""
        assert self.is_idle
        self._phase = _Phase.COMPUTING
        self._identity_version = identity_version

    def restart(self, identity_version: int) -> None:
        """Note that the update in progress begins anew, as this version of the identity."""
        assert self.is_computing
        self._identity_version = identity_version

    def finish(self, timestamp: int, update: UpdateResult, server_time_ns: int) -> None:
        """Build the transition to what the update found out, unless the client knows it all."""
        assert self.is_computing
        end = StateVersion(update.version, self._identity_version, timestamp)
        if not (update.updated or end[:2] != self.version[:2] or self._is_paid_at(timestamp)):
            self._phase = _Phase.IDLE
            return
        end_json = end.encode()
        self._message = encode_transition(
            self._version_json,
            end_json,
            update.removed,
            update.updated,
            client_clock_skew_ms=self.client_clock_skew_ms,
            server_time_ns=server_time_ns,
        )
        self.version, self._version_json = end, end_json
        self._phase = _Phase.BUILT

    def take(self) -> list[EncodedMessage]:
        """Return the transition that is built, or its next part; responses go before the first."""
        if self._phase is not _Phase.BUILT:
            return []
        self._phase = _Phase.SENDING
        if self._chunks is not None:
            return [self._take_chunk(self._chunks)]
        if self._is_paid_at(self.version.timestamp):
            self._owed_timestamp = None
        message, self._message = self._message, []
        if self._chunk_bytes is not None and sum(map(len, message)) > self._chunk_bytes:
            return [self._take_chunk(TransitionChunks(message, self._chunk_bytes))]
        return [message]

    def drained(self) -> None:
        """Note that what was taken of a transition has left the socket."""
        if self._phase is _Phase.SENDING:
            self._phase = _Phase.IDLE if self._chunks is None else _Phase.BUILT

    def _take_chunk(self, chunks: TransitionChunks) -> EncodedMessage:
        chunk = chunks.take()
        self._chunks = chunks or None
        return chunk

    def _is_paid_at(self, timestamp: int) -> bool:
        return self._owed_timestamp is not None and self._owed_timestamp <= timestamp
