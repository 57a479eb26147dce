"""A client that stops reading: what it gets when it goes on, and when it is sent away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.server.unsent_budget import MAX_UNSENT_BYTES_PER_SOCKET
from realtime.server.websocket_protocol import RealtimeWebSocketProtocol
from tests.harness.waiting import turned_until
from tests.integration.server.running_app import (
    RunningApp,
    SyncClient,
    running_app,
)

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


def unsent_bytes(app: RunningApp) -> int:
    """Return what the sockets of a server have not taken."""
    connections = app.server.server_state.connections
    return sum(c.unsent_bytes for c in connections if isinstance(c, RealtimeWebSocketProtocol))


async def until_committed(app: RunningApp, count: int) -> None:
    await turned_until(lambda: app.backend.counters.commits == count)


async def end(client: SyncClient) -> tuple[list[dict[str, Any]], int, str]:
    """Read on to the end; return what came, and the close code and reason."""
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(await client.receive())
    except ConnectionClosed as error:
        assert error.rcvd is not None
        return messages, error.rcvd.code, error.rcvd.reason


async def test_client_that_stops_reading_costs_one_transition_at_most(
    serve: Any, tmp_path: Path
) -> None:
    size_bytes = 2 * MIB
    async with running_app(serve, tmp_path) as app, app.client("/api/sync") as client:
        await client.subscribe(0, "notes:newest", listId="a", padding=size_bytes)
        client.socket.transport.pause_reading()

        most_unsent = 0
        for number in range(30):
            await app.add("a", str(number))
            most_unsent = max(most_unsent, unsent_bytes(app))
        before = client.transition_count
        client.socket.transport.resume_reading()
        await client.until(lambda client: client.results[0][0] == "29")

    assert 0 < most_unsent < 1.1 * size_bytes
    assert client.transition_count - before < 15


async def test_client_that_stops_reading_in_a_large_transition_holds_one_chunk(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app, app.client() as client:
        await client.subscribe(0, "notes:list", listId="a")
        client.socket.transport.pause_reading()
        await client.add_query(1, "notes:newest", listId="a", padding=15 * MIB)
        await turned_until(lambda: unsent_bytes(app) > 0)

        held = unsent_bytes(app)
        client.socket.transport.resume_reading()
        await client.until(lambda client: 1 in client.results)

    assert 0 < held < 5_100_000
    assert len(client.results[1][1]) == 15 * MIB


async def test_no_response_is_lost_before_a_client_that_reads_nothing_is_sent_away(
    serve: Any, tmp_path: Path
) -> None:
    text = "x" * (900 * 1024)
    async with running_app(serve, tmp_path) as app:
        async with app.client() as client:
            client.socket.transport.pause_reading()
            count = 0
            while len(app.application.sockets):
                await client.mutate(count, "notes:echo", listId="a", text=text)
                count += 1
                await until_committed(app, count)
            client.socket.transport.resume_reading()
            messages, code, reason = await end(client)

        answered = [m["requestId"] for m in messages if m["type"] == "MutationResponse"]
        async with app.client(session_id=client.session_id) as again:
            for number in range(len(answered), count):
                await again.mutate(number, "notes:echo", listId="a", text=text)
                response = await again.receive_type("MutationResponse")
                assert (response["requestId"], response["result"]) == (number, text)

    assert (code, reason) == (1013, "TooManyConcurrentRequests")
    assert answered == list(range(len(answered)))
    assert MAX_UNSENT_BYTES_PER_SOCKET // len(text) <= len(answered) < count
    assert app.backend.counters.commits == count, "what was sent again took effect once"
