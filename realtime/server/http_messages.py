"""What HTTP callers send and get: bodies, results and refusals (contract 2.1, 2.2).

A function that fails is an ordinary answer with status 200; what goes wrong around it (a body
that is no JSON, a key that is not ours, too much work) is a status with `{"code", "message"}`,
which is what the clients' own errors are made of.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from realtime.casing import wire_name
from realtime.errors import (
    AuthenticationError,
    LimitError,
    OutOfRetentionError,
    OverloadedError,
    ProtocolError,
    RealtimeError,
    UnavailableError,
    ValidationError,
)
from realtime.runtime.outcome import ActionOutcome, MutationOutcome, QueryResult
from realtime.server.value_format import ValueFormat

_log = logging.getLogger("realtime.http")

MAX_BODY_BYTES: Final = 16 * 1024 * 1024 + 2000
MAX_BATCH_QUERIES: Final = 1_000
JSON: Final = "application/json"

_STATUS_BY_CODE: Final = {
    "BadDeployKey": 403,
    "InvalidHeaderFailure": 400,
    "TooManyConcurrentMutations": 429,
}
"""Statuses of narrower kinds than their class tells."""
_UNEXPECTED: Final = "Your request couldn't be completed. Try again later."

Outcome: TypeAlias = QueryResult | MutationOutcome | ActionOutcome


class BadRequestError(RealtimeError):
    """A request that says nothing a server could act on."""

    default_code = "BadJsonBody"


class RunRequest(msgspec.Struct, frozen=True, rename=wire_name):
    """The body of a call whose function stands in the address.

    `args` is the arguments object or an array with it.
    """

    args: msgspec.Raw = msgspec.Raw(b"{}")
    format: str | None = None


class FunctionRequest(msgspec.Struct, frozen=True, rename=wire_name):
    """The body of a call."""

    path: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    format: str | None = None
    component_path: str | None = None


class PastQueryRequest(FunctionRequest, frozen=True, rename=wire_name, kw_only=True):
    """The body of a query at an earlier timestamp, encoded as in the sync protocol."""

    ts: str


class QueryBatch(msgspec.Struct, frozen=True, rename=wire_name):
    """The body of several queries at one timestamp."""

    queries: tuple[FunctionRequest, ...]


class _Success(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    status: Literal["success"]
    value: msgspec.Raw
    log_lines: tuple[str, ...] = ()


class _Failure(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    status: Literal["error"]
    error_message: str
    error_data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    log_lines: tuple[str, ...] = ()


_BodyT = TypeVar("_BodyT", RunRequest, FunctionRequest, PastQueryRequest, QueryBatch)

_SHAPES: Final[dict[type[object], str]] = {
    RunRequest: '{"args", "format"}',
    FunctionRequest: '{"path", "args", "format"}',
    PastQueryRequest: '{"path", "args", "format", "ts"}',
    QueryBatch: '{"queries": [{"path", "args", "format"}, …]}',
}
_DECODERS: Final[dict[type[object], Any]] = {kind: msgspec.json.Decoder(kind) for kind in _SHAPES}


async def read_message(request: Request, kind: type[_BodyT]) -> _BodyT:
    """Return the body of a request as a message.

    Raises:
        BadRequestError: It is none.
    """
    body = await read_body(request)
    decoder: msgspec.json.Decoder[_BodyT] = _DECODERS[kind]
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadRequestError(
            f"Expected a JSON object {_SHAPES[kind]}, got a body with a fault: {error}"
        ) from error


async def read_body(request: Request) -> bytes:
    """Return the whole body of a request; BadRequestError when it is too large."""
    parts: list[bytes] = []
    size_bytes = int(request.headers.get("content-length") or 0)
    if size_bytes <= MAX_BODY_BYTES:
        size_bytes = 0
        async for part in request.stream():
            parts.append(part)
            size_bytes += len(part)
            if size_bytes > MAX_BODY_BYTES:
                break
    if size_bytes > MAX_BODY_BYTES:
        raise BadRequestError(
            f"Expected a body of at most {MAX_BODY_BYTES} bytes, got more", code="BodyTooLarge"
        )
    return b"".join(parts)


def encode_outcome(outcome: Outcome, format_value: ValueFormat) -> bytes:
    """Return how a function ended as the body of an answer."""
    error = outcome.error
    if error is None:
        assert outcome.value is not None
        value = msgspec.Raw(format_value(outcome.value))
        return msgspec.json.encode(_Success("success", value, outcome.log_lines))
    data = msgspec.UNSET if error.data is None else msgspec.Raw(format_value(error.data))
    return msgspec.json.encode(_Failure("error", error.message, data, outcome.log_lines))


def error_response(status: int, code: str, message: str) -> Response:
    """Return an error around a function rather than of one."""
    body = msgspec.json.encode({"code": code, "message": message})
    return Response(body, status, media_type=JSON)


def refusal(error: RealtimeError, request_id: str) -> Response:
    """Return the answer to a call that could not be made; faults of ours tell nothing."""
    match error:
        case BadRequestError() | ValidationError() | ProtocolError() | LimitError():
            status = _STATUS_BY_CODE.get(error.code, 400)
        case AuthenticationError():
            status = _STATUS_BY_CODE.get(error.code, 401)
        case OverloadedError() | UnavailableError() | OutOfRetentionError():
            status = _STATUS_BY_CODE.get(error.code, 503)
        case _:
            return unexpected(error, request_id)
    return error_response(status, error.code, error.message)


def unexpected(error: Exception, request_id: str) -> Response:
    """Return the answer to a call that met a fault of ours, which goes to the log."""
    _log.error("A call failed [Request ID: %s]: %s", request_id, error, exc_info=error)
    return error_response(500, "InternalServerError", _UNEXPECTED)
