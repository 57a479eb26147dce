"""Paths as clients spell them, and calls from pages of other origins."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from realtime.server.cors import ApiGate, normal_path

ORIGIN = "https://app.example.com"


async def echo_path(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 418, "headers": headers})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def call(method: str, path: str, **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(ApiGate(echo_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=names)

    return asyncio.run(request())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/app.js", "/app.js"),
        ("/api/query", "/api/query"),
        ("//api/query", "/api/query"),
        ("/api//1.48.0///sync", "/api/1.48.0/sync"),
        ("/team/backend/api/1.48.0/sync", "/api/1.48.0/sync"),
        ("//team//api/query", "/api/query"),
        ("/api/run/api/list", "/api/run/api/list"),
        ("/apiary/honey", "/apiary/honey"),
        ("/docs/api", "/docs/api"),
    ],
)
def test_double_slashes_and_prefixes_of_the_api_are_tolerated(path: str, expected: str) -> None:
    assert normal_path(path) == expected
    assert call("GET", f"http://server{path}").text == expected


def test_preflight_is_answered_without_the_application() -> None:
    response = call(
        "OPTIONS",
        "/api/mutation",
        Origin=ORIGIN,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,convex-client,content-type",
    )

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert (
        response.headers["access-control-allow-headers"]
        == "authorization,convex-client,content-type"
    )
    methods = set(response.headers["access-control-allow-methods"].split(", "))
    assert methods == {"GET", "POST", "OPTIONS", "PATCH", "DELETE", "PUT"}
    assert response.headers["access-control-max-age"] == "86400"


def test_answers_of_the_api_mirror_the_origin_whatever_their_status() -> None:
    response = call("POST", "/api/query", Origin=ORIGIN)

    assert response.status_code == 418
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in response.headers["vary"]
    assert response.headers["content-type"] == "text/plain"


def test_call_without_an_origin_gets_no_leave() -> None:
    response = call("POST", "/api/query")

    assert "access-control-allow-origin" not in response.headers
    assert "Origin" in response.headers["vary"]


def test_paths_outside_of_the_api_are_left_alone() -> None:
    response = call("GET", "/page.html", Origin=ORIGIN)

    assert "access-control-allow-origin" not in response.headers
    assert call("OPTIONS", "/page.html", Origin=ORIGIN).status_code == 418


def test_other_events_than_requests_pass_through() -> None:
    seen: list[Any] = []

    async def record(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope["type"], scope.get("path")))

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    gate = ApiGate(record)
    asyncio.run(gate({"type": "lifespan"}, nothing, nothing))
    asyncio.run(gate({"type": "websocket", "path": "//x/api/sync"}, nothing, nothing))

    assert seen == [("lifespan", None), ("websocket", "/api/sync")]
