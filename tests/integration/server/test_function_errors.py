"""How clients get the failures of functions, over HTTP and over a socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.written_app import write_app
from tests.integration.server.running_app import running_app

FUNCTIONS = """
@mutation
async def conflict(ctx):
    raise ConflictError("somebody was faster")

@mutation
async def overload(ctx):
    raise OverloadedError("too much")

@query
async def overloaded_query(ctx):
    raise OverloadedError("too much")

@query
async def half(ctx):
    ctx.log("half \\ud800")
    raise ApplicationError("half \\ud800", data={"code": 1})

@mutation
async def half_too(ctx):
    raise ValueError("half \\ud800")

@query
async def fine(ctx):
    return 1
"""
Serve = Callable[..., Any]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "path", "code", "text"),
    [
        (
            "mutation",
            "m:conflict",
            "OptimisticConcurrencyControlFailure",
            "What `m:conflict` read or wrote was changed by others while it ran, 5 times: "
            "somebody was faster",
        ),
        ("mutation", "m:overload", "TooManyConcurrentRequests", "too much"),
        ("query", "m:overloadedQuery", "TooManyConcurrentRequests", "too much"),
    ],
)
async def test_call_that_may_succeed_later_is_unavailable_over_http(
    serve: Serve, tmp_path: Path, kind: str, path: str, code: str, text: str
) -> None:
    async with running_app(serve, tmp_path, app=write_app(tmp_path, FUNCTIONS)) as app:
        response = await app.http.post(f"/api/{kind}", json={"path": path, "args": {}})
        fine = await app.http.post("/api/query", json={"path": "m:fine", "args": {}})

        assert response.status_code == 503
        assert response.json() == {"code": code, "message": text}
        assert fine.json()["value"] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("m:conflict", "OptimisticConcurrencyControlFailure"),
        ("m:overload", "TooManyConcurrentRequests"),
    ],
)
async def test_mutation_that_may_succeed_later_closes_its_socket_alone(
    serve: Serve, tmp_path: Path, path: str, reason: str
) -> None:
    async with (
        running_app(serve, tmp_path, app=write_app(tmp_path, FUNCTIONS)) as app,
        app.client() as client,
        app.client() as other,
    ):
        await client.mutate(0, path)
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive_type("MutationResponse")
        await other.subscribe(0, "m:fine")

        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, reason)
        assert other.results[0] == 1


@pytest.mark.asyncio
async def test_texts_that_are_no_unicode_are_told_with_escapes(
    serve: Serve, tmp_path: Path
) -> None:
    async with (
        running_app(serve, tmp_path, app=write_app(tmp_path, FUNCTIONS)) as app,
        app.client() as client,
    ):
        body = {"path": "m:half", "args": {}}
        answer = (await app.http.post("/api/query", json=body)).json()
        await client.mutate(0, "m:halfToo")
        response = await client.receive_type("MutationResponse")

        assert "Uncaught ConvexError: half \\ud800\n" in answer["errorMessage"]
        assert answer["errorData"] == {"code": 1}
        assert answer["logLines"] == ["[LOG] 'half \\ud800'"]
        assert "Uncaught ValueError: half \\ud800\n" in response["result"]
