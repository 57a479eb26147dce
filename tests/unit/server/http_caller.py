"""A caller over HTTP; the backend is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx
from starlette.applications import Starlette

from realtime.clock import SystemClock
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall, QueryResult
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import Authenticator, NoTokens
from realtime.server.http_api import HttpApi
from realtime.server.http_messages import Outcome

UNSIGNED_TOKEN = "e30.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSJ9."


ADMIN_HEADER = {"Authorization": "Convex test|secret"}


class RecordedBackend:
    """Answers each call with what a test has put in `answer`."""

    def __init__(self) -> None:
        self.state = "running"
        self.calls: list[tuple[str, FunctionCall]] = []
        self.answer: Outcome | Exception = QueryResult(b"null", None)
        self.timestamp = 1_700_000_000_000_000_000
        self.read_at: int | None = None
        self.never_answers = False

    async def run_query(self, call: FunctionCall) -> Outcome:
        if self.never_answers:
            await asyncio.get_running_loop().create_future()
        return self._record("query", call)

    async def run_mutation(self, call: FunctionCall) -> Outcome:
        return self._record("mutation", call)

    async def run_function(self, call: FunctionCall) -> Outcome:
        return self._record("function", call)

    async def run_query_at(self, call: FunctionCall, timestamp: int) -> Outcome:
        self.read_at = timestamp
        return self._record("past query", call)

    async def run_queries(self, calls: Sequence[FunctionCall]) -> list[Outcome]:
        return [self._record("query", call) for call in calls]

    def _record(self, kind: str, call: FunctionCall) -> Outcome:
        self.calls.append((kind, call))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Api:
    """The API over a recorded backend, called without a socket."""

    def __init__(self, **options: Any) -> None:
        self.backend = RecordedBackend()
        backend = cast(Backend, self.backend)
        authenticator = Authenticator(AdminKey("test", "secret"), NoTokens(is_redacted=False))
        self._app = Starlette(
            routes=HttpApi(
                backend, authenticator, SystemClock(), "1.2.3", backend.run_function, **options
            ).routes()
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def post(self, path: str, body: Mapping[str, Any], **options: Any) -> httpx.Response:
        return self.request("POST", path, json=body, **options)

    @property
    def call(self) -> FunctionCall:
        """The one call that reached the backend."""
        ((_, call),) = self.backend.calls
        return call


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error; check its shape."""
    body = response.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return response.status_code, body["code"]
