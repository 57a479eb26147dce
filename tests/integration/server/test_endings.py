"""How conversations end over a real socket: code and reason, and what is said before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.sync.messages import encode_timestamp
from tests.integration.server.running_app import SyncClient, running_app

pytestmark = pytest.mark.asyncio

CONNECT = {
    "type": "Connect",
    "sessionId": "00000000-0000-4000-8000-000000000001",
    "connectionCount": 0,
}
ADD = {"type": "Add", "queryId": 0, "udfPath": "notes:list", "args": [{"listId": "a"}]}


def step(base: int, *modifications: dict[str, Any]) -> dict[str, Any]:
    versions = {"baseVersion": base, "newVersion": base + 1}
    return {"type": "ModifyQuerySet", **versions, "modifications": modifications}


def token(base: int, value: str) -> dict[str, Any]:
    return {"type": "Authenticate", "baseVersion": base, "tokenType": "Admin", "value": value}


async def end(client: SyncClient) -> tuple[list[str], int, str]:
    """Return the types of what still came, and the close code and reason."""
    types: list[str] = []
    try:
        while True:
            types.append((await client.receive())["type"])
    except ConnectionClosed as error:
        assert error.rcvd is not None
        return types, error.rcvd.code, error.rcvd.reason


@pytest.mark.parametrize(
    ("said", "last_word", "code", "reason"),
    [
        (["{"], "FatalError", 1008, "ProtocolError"),
        ([{"type": "Unheard"}], "FatalError", 1008, "ProtocolError"),
        ([step(1)], "FatalError", 1008, "BaseVersionMismatch"),
        ([step(0), step(0)], "FatalError", 1008, "BaseVersionMismatch"),
        ([CONNECT], None, 1011, "InternalServerError"),
        ([step(0, ADD), step(1, ADD)], None, 1011, "InternalServerError"),
        ([step(0, {"type": "Remove", "queryId": 9})], None, 1011, "InternalServerError"),
        ([token(3, "test|secret")], None, 1011, "InternalServerError"),
        ([token(0, "test|wrong")], "AuthError", 1000, "AuthError"),
        ([b"\x00"], None, 1003, "Expected text messages"),
    ],
)
async def test_breach_of_the_protocol_ends_a_socket_with_a_code_that_tells_what_to_do(
    serve: Any,
    tmp_path: Path,
    said: list[Any],
    last_word: str | None,
    code: int,
    reason: str,
) -> None:
    async with running_app(serve, tmp_path) as app, app.client() as client:
        for message in said:
            is_frame = isinstance(message, (str, bytes))
            await client.socket.send(message if is_frame else json.dumps(message))

        types, got_code, got_reason = await end(client)

    assert (types[-1] if types else None) == last_word or last_word is None
    assert (got_code, got_reason[: len(reason)]) == (code, reason)


@pytest.mark.parametrize("observed", [2**63 - 1, 2**62])
async def test_clock_is_not_moved_by_a_client_that_has_seen_the_future(
    serve: Any, tmp_path: Path, observed: int
) -> None:
    async with running_app(serve, tmp_path) as app, app.client() as honest:
        await honest.subscribe(0, "notes:list", listId="a")
        async with app.client(greets=False) as traveller:
            seen = {"maxObservedTimestamp": encode_timestamp(observed)}
            await traveller.socket.send(json.dumps({**CONNECT, **seen}))
            await traveller.subscribe(0, "notes:list", listId="a")
            await traveller.mutate(0, "notes:add", listId="a", text="hello")
            response = await traveller.receive_type("MutationResponse")
            await traveller.until(lambda client: client.results[0] == ["hello"])
        await honest.until(lambda client: client.results[0] == ["hello"])

        assert app.backend.timestamp < observed
        assert encode_timestamp(app.backend.timestamp) == response["ts"]


@pytest.mark.parametrize("observed", ["AAAA", "/////////38=x", encode_timestamp(2**63)])
async def test_timestamp_that_is_none_is_refused(serve: Any, tmp_path: Path, observed: str) -> None:
    async with running_app(serve, tmp_path) as app, app.client(greets=False) as client:
        await client.socket.send(json.dumps({**CONNECT, "maxObservedTimestamp": observed}))

        _, code, reason = await end(client)

    assert code == 1011
    assert "Expected a timestamp" in reason


async def test_socket_is_served_before_and_without_a_connect(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app, app.client(greets=False) as client:
        await client.subscribe(0, "notes:list", listId="a")
        await client.mutate(0, "notes:add", listId="a", text="hello")
        response = await client.receive_type("MutationResponse")
        await client.until(lambda client: client.results[0] == ["hello"])
        await client.socket.send(json.dumps({**CONNECT, "clientTs": 0}))
        await client.mutate(1, "notes:add", listId="a", text="again")
        await client.until(lambda client: client.results[0] == ["hello", "again"])

    assert response["success"] is True


async def test_skew_of_the_clients_clock_is_told(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app, app.client(greets=False) as client:
        ahead_ms = 3_600_000
        now_ms = app.application.backend.timestamp // 1_000_000
        await client.socket.send(json.dumps({**CONNECT, "clientTs": now_ms + ahead_ms}))
        await client.socket.send(json.dumps(step(0)))
        transition = await client.receive_type("Transition")

    assert ahead_ms - 60_000 < transition["clientClockSkew"] <= ahead_ms
