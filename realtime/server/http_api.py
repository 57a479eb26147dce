"""The function endpoints and health routes over HTTP (contract 2.1 to 2.3).

A function that fails is an ordinary answer with status 200; what goes wrong around it (a body
that is no JSON, a key that is not ours, too much work) is a status with `{"code", "message"}`,
which is what the clients' own errors are made of.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from realtime.casing import wire_name
from realtime.clock import Clock
from realtime.errors import (
    AuthenticationError,
    OverloadedError,
    RealtimeError,
    UnavailableError,
    ValidationError,
)
from realtime.runtime.backend import Backend
from realtime.runtime.function_path import canonical_path
from realtime.runtime.outcome import FunctionCall, Identity, MutationOutcome, QueryResult
from realtime.server.admin_key import AdminKey, bad_admin_key, parse_authorization
from realtime.values.json_encoding import clean_value, decode_json

_log = logging.getLogger("realtime.http")

MAX_BODY_BYTES: Final = 16 * 1024 * 1024 + 2000

_JSON: Final = "application/json"
_REQUEST_ID_HEADER: Final = "convex-request-id"
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{16}")
_REQUEST_ID_BYTES: Final = 8
_CLEAN_FORMATS: Final = (None, "json", "convex_clean_json")
_ENCODED_FORMATS: Final = ("convex_encoded_json", "convex_json")
_PYTHON_CLIENTS: Final = "python"
_STATUS_BY_CODE: Final = {"BadDeployKey": 403, "InvalidHeaderFailure": 400}
_UNEXPECTED: Final = "Your request couldn't be completed. Try again later."

Outcome: TypeAlias = QueryResult | MutationOutcome
_Run: TypeAlias = Callable[[FunctionCall], Awaitable[Outcome]]
_ValueFormat: TypeAlias = Callable[[bytes], bytes]
_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class _BadRequestError(RealtimeError):
    """A request that says nothing a server could act on."""

    default_code = "BadJsonBody"


class _FunctionRequest(msgspec.Struct, frozen=True, rename=wire_name):
    """The body of a call; `args` is the arguments object or an array with it."""

    path: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    format: str | None = None


class _Success(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    status: Literal["success"]
    value: msgspec.Raw
    log_lines: tuple[str, ...] = ()


class _Failure(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    status: Literal["error"]
    error_message: str
    error_data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    log_lines: tuple[str, ...] = ()


_request_decoder: Final = msgspec.json.Decoder(_FunctionRequest)
_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)


class HttpApi:
    """The routes of one backend."""

    def __init__(
        self,
        backend: Backend,
        admin_key: AdminKey,
        clock: Clock,
        version: str,
        run_function: _Run,
    ) -> None:
        """`run_function` runs what the holder of the admin key names."""
        self._backend = backend
        self._run_function = run_function
        self._admin_key = admin_key
        self._clock = clock
        self._version = version

    def routes(self) -> list[Route]:
        """Return the routes of the API and of health checks."""
        return [
            Route("/api/query", self._guarded(self._get_query), methods=["GET"]),
            Route("/api/query", self._guarded(self._post_query), methods=["POST"]),
            Route("/api/mutation", self._guarded(self._post_mutation), methods=["POST"]),
            Route("/api/function", self._guarded(self._post_function), methods=["POST"]),
            Route("/api/check_admin_key", self._guarded(self._check_admin_key), methods=["GET"]),
            Route("/api/debug_event", self._guarded(self._debug_event), methods=["POST"]),
            Route("/echo", self._guarded(self._echo), methods=["POST"]),
            Route("/version", self._get_version, methods=["GET"]),
            Route("/instance_version", self._get_version, methods=["GET"]),
            Route("/instance_name", self._get_instance_name, methods=["GET"]),
            Route("/ready", self._get_ready, methods=["GET"]),
        ]

    # Functions

    async def _get_query(self, request: Request) -> Response:
        path = request.query_params.get("path")
        if path is None:
            raise _BadRequestError("Expected the query parameter `path`, got none")
        try:
            args = _raw_decoder.decode(request.query_params.get("args", "{}"))
        except msgspec.DecodeError as error:
            raise _BadRequestError(f"Malformed JSON in the parameter `args`: {error}") from error
        call = _FunctionRequest(path, args, request.query_params.get("format"))
        return await self._call(request, call, self._backend.run_query)

    async def _post_query(self, request: Request) -> Response:
        return await self._call(request, await _read_call(request), self._backend.run_query)

    async def _post_mutation(self, request: Request) -> Response:
        return await self._call(request, await _read_call(request), self._backend.run_mutation)

    async def _post_function(self, request: Request) -> Response:
        self._require_admin(request)
        return await self._call(request, await _read_call(request), self._run_function)

    async def _call(self, request: Request, call: _FunctionRequest, run: _Run) -> Response:
        identity = self._identity(request)
        format_value = _value_format(call.format, request.headers.get("convex-client", ""))
        canonical_path(call.path)
        request_id = self._request_id(request)
        outcome = await run(FunctionCall(call.path, bytes(call.args), identity, request_id))
        body = _encode_outcome(outcome, format_value)
        return Response(body, media_type=_JSON, headers={_REQUEST_ID_HEADER: request_id})

    def _request_id(self, request: Request) -> str:
        given = request.headers.get(_REQUEST_ID_HEADER, "")
        if _REQUEST_ID.fullmatch(given):
            return given
        return self._clock.random_bytes(_REQUEST_ID_BYTES).hex()

    # Callers

    def _identity(self, request: Request) -> Identity:
        token_type, token = parse_authorization(
            request.headers.get("authorization"), request.query_params.get("adminKey")
        )
        return self._admin_key.authenticate(token_type, token)

    def _require_admin(self, request: Request) -> None:
        if not self._identity(request).is_admin:
            raise bad_admin_key(self._admin_key.name)

    async def _check_admin_key(self, request: Request) -> Response:
        self._require_admin(request)
        return Response()

    # Others

    async def _debug_event(self, request: Request) -> Response:
        await _read_body(request)
        return Response()

    async def _echo(self, request: Request) -> Response:
        content_type = request.headers.get("content-type", "application/octet-stream")
        return Response(await _read_body(request), headers={"content-type": content_type})

    async def _get_version(self, _: Request) -> Response:
        return PlainTextResponse(self._version)

    async def _get_instance_name(self, _: Request) -> Response:
        return PlainTextResponse(self._admin_key.name)

    async def _get_ready(self, _: Request) -> Response:
        state = self._backend.state
        return PlainTextResponse(state, 200 if state == "running" else 503)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=408)
            except RealtimeError as error:
                return _refusal(error)
            except Exception:
                _log.exception("%s %s failed", request.method, request.url.path)
                return error_response(500, "InternalServerError", _UNEXPECTED)

        return guarded


def _value_format(name: str | None, client: str) -> _ValueFormat:
    if name in _CLEAN_FORMATS:
        return clean_json
    if name in _ENCODED_FORMATS:
        return decimal_json if client.startswith(_PYTHON_CLIENTS) else bytes
    raise _BadRequestError(
        f"Expected the format `json` or `convex_encoded_json`, got `{name}`", code="BadFormat"
    )


def _encode_outcome(outcome: Outcome, format_value: _ValueFormat) -> bytes:
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
    return Response(body, status, media_type=_JSON)


def clean_json(encoded: bytes) -> bytes:
    """Return clean JSON text for encoded JSON text (contract 3.2)."""
    # Only values that plain JSON cannot hold differ, and each is an object with a `$` key.
    if b'"$' not in encoded:
        return encoded
    return msgspec.json.encode(clean_value(decode_json(encoded)))


def decimal_json(encoded: bytes) -> bytes:
    """Return the same JSON with a decimal point in every number.

    Values are floats, and the HTTP client of PyPI refuses a number that is written as an integer.
    """
    return msgspec.json.encode(json.loads(encoded, parse_int=float))


def _refusal(error: RealtimeError) -> Response:
    match error:
        case _BadRequestError() | ValidationError():
            status = 400
        case AuthenticationError():
            status = _STATUS_BY_CODE.get(error.code, 401)
        case OverloadedError() | UnavailableError():
            status = 503
        case _:
            _log.error("A call could not be answered: %s", error, exc_info=error)
            return error_response(500, "InternalServerError", _UNEXPECTED)
    return error_response(status, error.code, error.message)


async def _read_call(request: Request) -> _FunctionRequest:
    body = await _read_body(request)
    try:
        return _request_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _BadRequestError(
            f'Expected a JSON object {{"path", "args", "format"}}, got a body with a fault: {error}'
        ) from error


async def _read_body(request: Request) -> bytes:
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
        raise _BadRequestError(
            f"Expected a body of at most {MAX_BODY_BYTES} bytes, got more", code="BodyTooLarge"
        )
    return b"".join(parts)
