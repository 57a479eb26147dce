"""What a server says, as its client reads it: the other half of `sync.messages`.

Results stay JSON text: only who looks at one decodes it. Members that a client has no use for are
not listed, and ignored. Source: contract 1.3.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from realtime.casing import wire_name
from realtime.errors import ProtocolError
from realtime.sync.messages import StateVersion, decode_timestamp

_MAX_REASON_LENGTH: Final = 300
_ABSENT: Final = msgspec.Raw()


class _Struct(msgspec.Struct, frozen=True, tag_field="type", tag=True, rename=wire_name):
    """The base of what is told apart by its `type`."""


class Version(msgspec.Struct, frozen=True, rename=wire_name):
    """What a client's state stands for, with the timestamp as it is written."""

    query_set: int
    identity: int
    ts: str

    def decoded(self) -> StateVersion:
        """Return the version with its timestamp as a number.

        Raises:
            ProtocolError: it has none.
        """
        return StateVersion(self.query_set, self.identity, decode_timestamp(self.ts))


class QueryUpdated(_Struct, frozen=True):
    """A new result of a query."""

    query_id: int
    value: msgspec.Raw
    journal: str | None = None
    log_lines: tuple[str, ...] = ()


class QueryFailed(_Struct, frozen=True):
    """A query whose last run failed."""

    query_id: int
    error_message: str
    journal: str | None = None
    log_lines: tuple[str, ...] = ()
    error_data: msgspec.Raw = _ABSENT


class QueryRemoved(_Struct, frozen=True):
    """A query that the server watches no more, as it was told."""

    query_id: int


QueryModification: TypeAlias = QueryUpdated | QueryFailed | QueryRemoved


class Transition(_Struct, frozen=True):
    """A step of all results at once, from one consistent snapshot to a later one."""

    start_version: Version
    end_version: Version
    modifications: tuple[QueryModification, ...]


class TransitionChunk(_Struct, frozen=True):
    """A part of the text of a transition that is too large for one message."""

    chunk: str
    part_number: int
    total_parts: int
    transition_id: str


class MutationResponse(_Struct, frozen=True):
    """How a mutation ended; `result` is the text of the error if it is no success."""

    request_id: int
    success: bool
    result: msgspec.Raw
    ts: str | None = None
    log_lines: tuple[str, ...] = ()
    error_data: msgspec.Raw = _ABSENT


class ActionResponse(_Struct, frozen=True):
    """How an action ended; `result` as that of a mutation."""

    request_id: int
    success: bool
    result: msgspec.Raw
    log_lines: tuple[str, ...] = ()
    error_data: msgspec.Raw = _ABSENT


class AuthError(_Struct, frozen=True):
    """A token or key that was not accepted, or has expired; the socket is closed after it."""

    error: str
    base_version: int | None = None
    auth_update_attempted: bool = True


class FatalError(_Struct, frozen=True):
    """The client has broken the protocol, and would again."""

    error: str


class Ping(_Struct, frozen=True):
    """The server is there."""


ServerMessage: TypeAlias = (
    Transition | TransitionChunk | MutationResponse | ActionResponse | AuthError | FatalError | Ping
)
_decoder: Final[msgspec.json.Decoder[ServerMessage]] = msgspec.json.Decoder(ServerMessage)


def decode_server_message(text: str | bytes) -> ServerMessage:
    """Return the message in a text frame.

    Raises:
        ProtocolError: it is none of the above.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = str(error)[:_MAX_REASON_LENGTH]
        raise ProtocolError(
            f"Expected a message of a server, got one with a fault: {reason}"
        ) from (error)
