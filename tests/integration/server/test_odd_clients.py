"""Clients that are too old, say nothing of themselves, or say what nobody understands."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.integration.server.running_app import RunningApp, running_app

pytestmark = pytest.mark.asyncio

STATE = "x-convex-deprecation-state"


async def first_answer(
    app: RunningApp, path: str, headers: Mapping[str, str]
) -> tuple[str | None, dict[str, Any]]:
    """Return the deprecation state and the first transition of a socket."""
    url = f"ws://127.0.0.1:{app.server.port}{path}"
    async with connect(url, additional_headers=headers) as socket:
        connect_message = {"type": "Connect", "sessionId": str(uuid.uuid4()), "connectionCount": 0}
        step = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": []}
        for message in (connect_message, step):
            await socket.send(json.dumps(message))
        assert socket.response is not None
        return socket.response.headers.get(STATE), json.loads(await socket.recv())


@pytest.mark.parametrize(
    ("path", "client", "state"),
    [
        ("/api/0.19.1/sync", None, "Deprecated"),
        ("/api/0.19.2/sync", None, None),
        ("/api/sync", "python-0.0.2", "Deprecated"),
        ("/api/sync", "python-0.8.1", None),
        ("/api/sync", None, None),
        ("/api/sync", "", None),
        ("/api/sync", "-", None),
        ("/api/sync", "\N{SNOWMAN}".encode().decode("latin-1"), None),
        ("/api/latest/sync", None, None),
        ("/api/%00%ff/sync", None, None),
        ("//some//prefix//api//1.48.0//sync", None, None),
    ],
)
async def test_client_is_served_whatever_it_says_it_is(
    serve: Any, tmp_path: Path, path: str, client: str | None, state: str | None
) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    async with running_app(serve, tmp_path) as app:
        told, answer = await first_answer(app, path, headers)

    assert (told, answer["type"]) == (state, "Transition")
