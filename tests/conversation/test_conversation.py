"""Ten thousand random moves of clients, and the server is right in each of them.

Clients add and remove queries, ask for mutations, become somebody else, lose their sockets at any
moment and come back. A model that knows only the answers of mutations tells what each query must
have given at the timestamp of each transition: so every delivered value is checked, with the
identity that the transition says it belongs to, and a mutation that took effect twice, or as
somebody who never asked for it, contradicts the answers that came later.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime.clock import SystemClock
from realtime.database.database import DatabaseLimits
from realtime.database.generations import HoldLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.registry import load_app
from realtime.server.admin_key import AdminKey
from realtime.server.application import Application, ServerSettings
from realtime.storage.sqlite import SqliteStore
from tests.conversation.client import ConversationClient, Delivery
from tests.conversation.conftest import Forum
from tests.conversation.model import History, query_result
from tests.conversation.moves import Moves
from tests.harness.asgi_server import serving

MOVES = 10_000
CLIENTS = 4
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2, hold=HoldLimits(seconds=0.002)))
"""All scans suspend, and many lose their snapshot while they do."""

_IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
SEEDS = [secrets.randbits(32) for _ in range(20)] if _IS_LONG else [20_261_126]


@pytest.mark.hypothesis
@pytest.mark.asyncio
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_delivery_of_a_long_conversation_is_right(
    seed: int, forum: Forum, tmp_path: Path
) -> None:
    clock = SystemClock()
    backend = Backend(
        load_app(forum.root),
        SqliteStore.open(tmp_path / "data.sqlite"),
        clock,
        redact_errors=False,
        limits=LIMITS,
    )
    application = Application(backend, ServerSettings(AdminKey("test", "secret")), clock)
    async with serving(application, lifespan="on") as server:
        clients = [ConversationClient(server.url, forum.tokens) for _ in range(CLIENTS)]
        moves = Moves(clients, seed)

        for _ in range(MOVES):
            await moves.make_one()
        for client in clients:
            await client.come_to_rest()
        for client in clients:  # a last transition for each, after all that anybody did
            await client.mutate("posts:like", {"text": "no post"})
            await client.come_to_rest()
        for client in clients:
            await client.drop()

    assert min(moves.counts.values()) > MOVES // 100, moves.counts
    assert sum(client.refusals for client in clients) > MOVES // 100
    history = History([effect for client in clients for effect in client.effects.values()])
    for client in clients:
        for delivery in client.deliveries:
            assert delivery.results == results_at(history, delivery)
        last = client.deliveries[-1]
        assert last.queries == client.queries
        assert last.results == results_at(history, replace(last, timestamp=history.newest))


def results_at(history: History, delivery: Delivery) -> dict[int, Any]:
    """Return what the queries of a delivery must give at its timestamp."""
    state = history.at(delivery.timestamp)
    return {
        query_id: query_result(state, query.path, query.args, delivery.caller)
        for query_id, query in delivery.queries.items()
    }
