"""The function endpoints and health routes over HTTP (contract 2.1 to 2.3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from realtime.clock import Clock
from realtime.errors import OverloadedError, RealtimeError
from realtime.runtime.backend import Backend
from realtime.runtime.function_path import canonical_path
from realtime.runtime.outcome import FunctionCall, Identity
from realtime.server.auth.authenticator import Authenticator
from realtime.server.auth.credentials import parse_authorization
from realtime.server.client_version import HEADER as CLIENT_HEADER
from realtime.server.client_version import client_of_header, deprecation_headers
from realtime.server.http_messages import (
    JSON,
    MAX_BATCH_QUERIES,
    BadRequestError,
    FunctionRequest,
    Outcome,
    PastQueryRequest,
    QueryBatch,
    RunRequest,
    encode_outcome,
    read_body,
    read_message,
    refusal,
    unexpected,
)
from realtime.server.value_format import ValueFormat, value_format
from realtime.sync.messages import decode_timestamp, encode_timestamp

REQUEST_SECONDS: Final = 300.0
"""How long a call may take from its first byte to its answer."""

_REQUEST_ID_HEADER: Final = "convex-request-id"
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{16}")
_REQUEST_ID_BYTES: Final = 8

_Run: TypeAlias = Callable[[FunctionCall], Awaitable[Outcome]]
_Handler: TypeAlias = Callable[[Request, str], Awaitable[Response]]
"""Answers a request, whose id is the second argument."""

_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)


class HttpApi:
    """The routes of one backend."""

    def __init__(
        self,
        backend: Backend,
        authenticator: Authenticator,
        clock: Clock,
        version: str,
        run_function: _Run,
        *,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        """`run_function` runs what the holder of the admin key names."""
        self._backend = backend
        self._run_function = run_function
        self._authenticator = authenticator
        self._clock = clock
        self._version = version
        self._request_seconds = request_seconds

    def routes(self) -> list[Route]:
        """Return the routes of the API and of health checks."""
        return [
            Route("/api/query", self._guarded(self._get_query), methods=["GET"]),
            Route("/api/query", self._guarded(self._post_query), methods=["POST"]),
            Route("/api/query_ts", self._guarded(self._post_query_ts), methods=["POST"]),
            Route("/api/query_at_ts", self._guarded(self._post_query_at_ts), methods=["POST"]),
            Route("/api/query_batch", self._guarded(self._post_query_batch), methods=["POST"]),
            Route("/api/mutation", self._guarded(self._post_mutation), methods=["POST"]),
            Route("/api/action", self._guarded(self._post_action), methods=["POST"]),
            Route("/api/function", self._guarded(self._post_function), methods=["POST"]),
            Route("/api/run/{function:path}", self._guarded(self._post_run), methods=["POST"]),
            Route("/api/check_admin_key", self._guarded(self._check_admin_key), methods=["GET"]),
            Route("/api/debug_event", self._guarded(self._debug_event), methods=["POST"]),
            Route("/echo", self._guarded(self._echo), methods=["POST"]),
            Route("/version", self._get_version, methods=["GET"]),
            Route("/instance_version", self._get_version, methods=["GET"]),
            Route("/instance_name", self._get_instance_name, methods=["GET"]),
            Route("/ready", self._get_ready, methods=["GET"]),
        ]

    # Functions

    async def _get_query(self, request: Request, request_id: str) -> Response:
        path = request.query_params.get("path")
        if path is None:
            raise BadRequestError("Expected the query parameter `path`, got none")
        try:
            args = _raw_decoder.decode(request.query_params.get("args", "{}"))
        except msgspec.DecodeError as error:
            raise BadRequestError(f"Malformed JSON in the parameter `args`: {error}") from error
        message = FunctionRequest(path, args, request.query_params.get("format"))
        return await self._run(request, request_id, message, self._backend.run_query)

    async def _post_query(self, request: Request, request_id: str) -> Response:
        message = await read_message(request, FunctionRequest)
        return await self._run(request, request_id, message, self._backend.run_query)

    async def _post_mutation(self, request: Request, request_id: str) -> Response:
        message = await read_message(request, FunctionRequest)
        return await self._run(request, request_id, message, self._backend.run_mutation)

    async def _post_action(self, request: Request, request_id: str) -> Response:
        message = await read_message(request, FunctionRequest)
        return await self._run(request, request_id, message, self._backend.run_action)

    async def _post_function(self, request: Request, request_id: str) -> Response:
        await self._require_admin(request)
        message = await read_message(request, FunctionRequest)
        component = message.component_path
        return await self._run(request, request_id, message, self._run_function, component)

    async def _post_run(self, request: Request, request_id: str) -> Response:
        """Run a function that the address names as `{module…}/{function}`."""
        module, slash, function = request.path_params["function"].rpartition("/")
        if not (module and slash and function):
            raise BadRequestError(
                "Expected an address /api/run/{module}/{function}, got "
                f"`{request.path_params['function']}` in place of module and function",
                code="MissingIdentifier",
            )
        body = await read_message(request, RunRequest)
        message = FunctionRequest(f"{module}:{function}", body.args, body.format)
        return await self._run(request, request_id, message, self._backend.run_function)

    async def _post_query_ts(self, _: Request, __: str) -> Response:
        body = msgspec.json.encode({"ts": encode_timestamp(self._backend.timestamp)})
        return Response(body, media_type=JSON)

    async def _post_query_at_ts(self, request: Request, request_id: str) -> Response:
        message = await read_message(request, PastQueryRequest)
        timestamp = decode_timestamp(message.ts)
        run = partial(self._backend.run_query_at, timestamp=timestamp)
        return await self._run(request, request_id, message, run)

    async def _post_query_batch(self, request: Request, request_id: str) -> Response:
        messages = (await read_message(request, QueryBatch)).queries
        if len(messages) > MAX_BATCH_QUERIES:
            raise BadRequestError(
                f"Expected at most {MAX_BATCH_QUERIES} queries in a batch, got {len(messages)}",
                code="TooManyQueries",
            )
        identity = await self._identity(request)
        formats = [self._value_format(request, message) for message in messages]
        calls = [_call(request, message, identity, request_id) for message in messages]
        outcomes = await self._backend.run_queries(calls)
        results = map(encode_outcome, outcomes, formats)
        return Response(b'{"results":[%b]}' % b",".join(results), media_type=JSON)

    async def _run(
        self,
        request: Request,
        request_id: str,
        message: FunctionRequest,
        run: _Run,
        component_path: str | None = None,
    ) -> Response:
        identity = await self._identity(request)
        format_value = self._value_format(request, message)
        outcome = await run(_call(request, message, identity, request_id, component_path))
        return Response(encode_outcome(outcome, format_value), media_type=JSON)

    def _value_format(self, request: Request, message: FunctionRequest) -> ValueFormat:
        return value_format(message.format, client_of_header(request.headers.get(CLIENT_HEADER)))

    # Callers

    async def _identity(self, request: Request) -> Identity:
        credentials = parse_authorization(
            request.headers.get("authorization"), request.query_params.get("adminKey")
        )
        return await self._authenticator.authenticate(credentials)

    async def _require_admin(self, request: Request) -> None:
        if not (await self._identity(request)).is_admin:
            raise self._authenticator.bad_key()

    async def _check_admin_key(self, request: Request, _: str) -> Response:
        await self._require_admin(request)
        return Response()

    # Others

    async def _debug_event(self, request: Request, _: str) -> Response:
        await read_body(request)
        return Response()

    async def _echo(self, request: Request, _: str) -> Response:
        content_type = request.headers.get("content-type", "application/octet-stream")
        return Response(await read_body(request), headers={"content-type": content_type})

    async def _get_version(self, _: Request) -> Response:
        return PlainTextResponse(self._version)

    async def _get_instance_name(self, _: Request) -> Response:
        return PlainTextResponse(self._authenticator.deployment_name)

    async def _get_ready(self, _: Request) -> Response:
        state = self._backend.state
        return PlainTextResponse(state, 200 if state == "running" else 503)

    # All of them

    def _guarded(self, handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            request_id = self._request_id(request)
            try:
                async with asyncio.timeout(self._request_seconds):
                    response = await handler(request, request_id)
            except ClientDisconnect:
                return Response(status_code=408)
            except TimeoutError:
                response = refusal(_timed_out(self._request_seconds), request_id)
            except RealtimeError as error:
                response = refusal(error, request_id)
            except Exception as error:
                response = unexpected(error, request_id)
            response.headers[_REQUEST_ID_HEADER] = request_id
            client = client_of_header(request.headers.get(CLIENT_HEADER))
            response.headers.update(deprecation_headers(client))
            return response

        return guarded

    def _request_id(self, request: Request) -> str:
        given = request.headers.get(_REQUEST_ID_HEADER, "")
        if _REQUEST_ID.fullmatch(given):
            return given
        return self._clock.random_bytes(_REQUEST_ID_BYTES).hex()


def _call(
    request: Request,
    message: FunctionRequest,
    identity: Identity,
    request_id: str,
    component: str | None = None,
) -> FunctionCall:
    """Return the call that a message asks for; ValidationError if its path can't be one."""
    canonical_path(message.path)
    caller = request.client.host if request.client is not None else None
    return FunctionCall(message.path, bytes(message.args), identity, request_id, component, caller)


def _timed_out(seconds: float) -> OverloadedError:
    return OverloadedError(
        f"The call was not answered within {seconds:g} seconds. What it was to write may have been "
        "written all the same: look before you repeat it",
        code="SystemTimeoutError",
    )
