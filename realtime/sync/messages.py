"""The messages of the sync protocol: what a client may send, and the bytes a server answers.

A text frame holds one JSON object whose `type` names the message. What comes in is decoded by
one call into a frozen struct, which also checks it; arguments stay JSON text (`msgspec.Raw`),
because only the runtime knows what a function expects of them. What goes out is never built as a
tree and encoded: a result is encoded once, by the run that computed it, and shared by all sockets
that watch it. So a message is a list of byte pieces, a small head and tail around shared bytes,
and the socket writes them without joining what is large.

The structs below are the field table of the protocol (contract 1.2, 1.3). Beside `casing.py` this
is the only module that spells wire names.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import msgspec

from realtime.casing import wire_name
from realtime.errors import ProtocolError

_MAX_TIMESTAMP: Final = 2**63 - 1
_MAX_REASON_LENGTH: Final = 300

Unsigned32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
EncodedMessage: TypeAlias = list[bytes]
"""One server message: pieces of UTF-8 JSON text, to be sent as one text frame."""


class _ClientStruct(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag=True,
    rename=wire_name,
    omit_defaults=True,
):
    """The base of what is told apart by its `type`; unknown members are ignored."""


class Connect(_ClientStruct, frozen=True):
    """The first message of a socket: which client instance this is."""

    session_id: UUID
    connection_count: Any = None
    last_close_reason: Any = None
    max_observed_timestamp: str | None = None
    client_ts: float | None = None


class Authenticate(_ClientStruct, frozen=True):
    """A new identity for all that follows; `value` is the token or the admin key.

    `impersonating`, `acting_as` and `actingAs` are spellings of one member; read `attributes`.
    """

    base_version: Unsigned32
    token_type: Literal["User", "Admin", "None"]
    value: str | None = None
    impersonating: dict[str, Any] | None = None
    acting_as: dict[str, Any] | None = None
    acting_as_snake: dict[str, Any] | None = msgspec.field(default=None, name="acting_as")

    def __post_init__(self) -> None:
        if self.token_type != "None" and self.value is None:
            raise ValueError(f"Expected a `value` with token type {self.token_type}, got none")

    @property
    def attributes(self) -> dict[str, Any] | None:
        """Return the identity that an admin acts as, in wire names."""
        spellings = (self.impersonating, self.acting_as, self.acting_as_snake)
        return next((attributes for attributes in spellings if attributes is not None), None)


class Add(_ClientStruct, frozen=True):
    """A query to subscribe to, with the journal of its last run on an earlier socket."""

    query_id: Unsigned32
    udf_path: str
    args: msgspec.Raw = msgspec.Raw(b"[]")
    journal: str | None = None
    component_path: str | None = None


class Remove(_ClientStruct, frozen=True):
    """A query to unsubscribe from."""

    query_id: Unsigned32


class ModifyQuerySet(_ClientStruct, frozen=True):
    """A step of the query set from one version to a later one; applied whole or not at all."""

    base_version: Unsigned32
    new_version: Unsigned32
    modifications: tuple[Add | Remove, ...]


class Mutation(_ClientStruct, frozen=True):
    """A call of a mutation; calls of one socket run in the order in which they came."""

    request_id: Unsigned32
    udf_path: str
    args: msgspec.Raw = msgspec.Raw(b"[]")
    component_path: str | None = None


class Action(_ClientStruct, frozen=True):
    """A call of an action; not ordered with anything."""

    request_id: Unsigned32
    udf_path: str
    args: msgspec.Raw = msgspec.Raw(b"[]")
    component_path: str | None = None


class Event(_ClientStruct, frozen=True):
    """Figures a client reports about itself; never answered, never a reason to fail."""


ClientMessage: TypeAlias = Connect | Authenticate | ModifyQuerySet | Mutation | Action | Event
_TYPES: Final = "Connect, Authenticate, ModifyQuerySet, Mutation, Action or Event"
_client_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def decode_client_message(text: str | bytes) -> ClientMessage:
    """Return the message in a text frame.

    Raises:
        ProtocolError: the text is no JSON, has an unknown `type`, lacks a member or has one of
            another type; the message says which and where.
    """
    try:
        return _client_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = str(error)[:_MAX_REASON_LENGTH]
        raise ProtocolError(
            f"Expected a JSON object whose `type` is {_TYPES}, got a message with a fault: {reason}"
        ) from error


def encode_client_message(message: ClientMessage) -> bytes:
    """Return the text of a client's message; members with their default are left out."""
    return msgspec.json.encode(message)


@lru_cache(maxsize=64)
def encode_timestamp(timestamp: int) -> str:
    """Return base64 of the 64-bit little-endian timestamp (contract 1.4).

    Remembered, because one commit sends the same timestamp to every socket.
    """
    return binascii.b2a_base64(timestamp.to_bytes(8, "little"), newline=False).decode()


def decode_timestamp(text: str) -> int:
    """Return the timestamp that `encode_timestamp` gave `text` for.

    Raises:
        ProtocolError: `text` is not base64 of 8 bytes, or is beyond 2^63-1.
    """
    try:
        encoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        encoded = b""
    timestamp = int.from_bytes(encoded, "little")
    if len(encoded) != 8 or timestamp > _MAX_TIMESTAMP:
        raise ProtocolError(
            "Expected a timestamp as base64 of 8 bytes, at most 2^63-1, "
            f"got `{text[:_MAX_REASON_LENGTH]}`"
        )
    return timestamp


class CallError(Protocol):
    """A failure as the client may read it; `data` is encoded JSON, None: no such member."""

    @property
    def message(self) -> str: ...
    @property
    def data(self) -> bytes | None: ...


class CallResult(Protocol):
    """How a called function ended: `value` is encoded JSON, or there is an `error`."""

    @property
    def value(self) -> bytes | None: ...
    @property
    def error(self) -> CallError | None: ...
    @property
    def log_lines(self) -> Sequence[str]: ...


class MutationResult(CallResult, Protocol):
    """How a mutation ended, with the timestamp of its commit, or of its snapshot."""

    @property
    def timestamp(self) -> int: ...


class QuerySetResult(Protocol):
    """A result of a subscribed query, ready for the wire.

    `modification` holds the JSON members of its modification but for the query id, first the
    `type`: `QueryUpdated` or `QueryFailed`.
    """

    @property
    def modification(self) -> bytes: ...
    @property
    def journal(self) -> str | None: ...


class StateVersion(NamedTuple):
    """What a client's state stands for; each transition goes from one version to another."""

    query_set: int
    identity: int
    timestamp: int

    def encode(self) -> bytes:
        """Return the version as a JSON object."""
        return b'{"querySet":%d,"identity":%d,"ts":"%b"}' % (
            self.query_set,
            self.identity,
            encode_timestamp(self.timestamp).encode(),
        )


_VALUE: Final = b'"type":"QueryUpdated",'
_FAILURE_WITH_REQUEST_ID: Final = re.compile(
    rb'"type":"QueryFailed","errorMessage":"\[Request ID: [0-9a-f]{16}\]'
)


def comparable_result(result: QuerySetResult) -> bytes:
    """Return bytes that are equal for two results which a client need not tell apart.

    They are the modification; of a failure without the request id, which is new in each run.
    """
    modification = result.modification
    if modification.startswith(_VALUE):
        return modification
    match = _FAILURE_WITH_REQUEST_ID.match(modification)
    return modification[match.end() :] if match else modification


def encode_transition(
    start: bytes,
    end: bytes,
    removed: Iterable[int],
    updated: Iterable[tuple[int, QuerySetResult]],
    *,
    client_clock_skew_ms: int | None,
    server_time_ns: int,
) -> EncodedMessage:
    """Return a `Transition` between two encoded versions; removals come first.

    The bytes of each result are a piece of their own, shared and not copied.
    """
    head = b'{"type":"Transition","startVersion":%b,"endVersion":%b,"modifications":[' % (
        start,
        end,
    )
    separator = b""
    for query_id in removed:
        head += b'%b{"type":"QueryRemoved","queryId":%d}' % (separator, query_id)
        separator = b","
    pieces: EncodedMessage = []
    for query_id, result in updated:
        pieces.append(b'%b%b{"queryId":%d,' % (head, separator, query_id))
        pieces.append(result.modification)
        head, separator = b"}", b","
    skew = b"null" if client_clock_skew_ms is None else b"%d" % client_clock_skew_ms
    pieces.append(b'%b],"clientClockSkew":%b,"serverTs":%d}' % (head, skew, server_time_ns))
    return pieces


def encode_transition_chunk(
    text: bytes, part_number: int, part_count: int, transition_id: int
) -> EncodedMessage:
    """Return a `TransitionChunk` with a part of the JSON text of a transition.

    JSON text has no control characters, so these two are all that a string must escape of it.
    """
    escaped = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    tail = b'","partNumber":%d,"totalParts":%d,"transitionId":"%d"}'
    return [
        b'{"type":"TransitionChunk","chunk":"',
        escaped,
        tail % (part_number, part_count, transition_id),
    ]


def encode_mutation_response(request_id: int, result: MutationResult) -> EncodedMessage:
    """Return the `MutationResponse` to a request; a failure has no timestamp."""
    if result.error is not None:
        return _encode_failure(b"MutationResponse", b'"ts":null,', request_id, result)
    ts = b'"ts":"%b",' % encode_timestamp(result.timestamp).encode()
    return _encode_success(b"MutationResponse", ts, request_id, result)


def encode_action_response(request_id: int, result: CallResult) -> EncodedMessage:
    """Return the `ActionResponse` to a request."""
    encode = _encode_success if result.error is None else _encode_failure
    return encode(b"ActionResponse", b"", request_id, result)


def _encode_success(
    type_name: bytes, ts: bytes, request_id: int, result: CallResult
) -> EncodedMessage:
    assert result.value is not None
    head = b'{"type":"%b","requestId":%d,"success":true,"result":' % (type_name, request_id)
    log_lines = msgspec.json.encode(result.log_lines)
    return [head, result.value, b',%b"logLines":%b}' % (ts, log_lines)]


def _encode_failure(
    type_name: bytes, ts: bytes, request_id: int, result: CallResult
) -> EncodedMessage:
    assert result.error is not None
    text = msgspec.json.encode(result.error.message)
    log_lines = msgspec.json.encode(result.log_lines)
    head = b'{"type":"%b","requestId":%d,"success":false,"result":' % (type_name, request_id)
    tail = b',%b"logLines":%b' % (ts, log_lines)
    if result.error.data is None:
        return [head, text, tail + b"}"]
    return [head, text, tail + b',"errorData":', result.error.data, b"}"]


def encode_auth_error(error: str, base_version: int, *, update_attempted: bool) -> EncodedMessage:
    """Return an `AuthError`; `base_version` is the identity version that stays in force."""
    return [
        b'{"type":"AuthError","error":%b,"baseVersion":%d,"authUpdateAttempted":%b}'
        % (msgspec.json.encode(error), base_version, b"true" if update_attempted else b"false")
    ]


def encode_fatal_error(error: str) -> EncodedMessage:
    """Return a `FatalError`: a JS client that reads it never connects again."""
    return [b'{"type":"FatalError","error":%b}' % msgspec.json.encode(error)]


def encode_ping() -> EncodedMessage:
    """Return a `Ping`, which tells a silent client that the server is there."""
    return [b'{"type":"Ping"}']
