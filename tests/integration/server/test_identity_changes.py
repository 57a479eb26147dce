"""Who a client is changes while its queries run: a real backend, a recorded connection.

Scans suspend after two documents, so a test can let a run begin and change the identity before it
goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import FunctionCall
from realtime.testing import running_backend
from realtime.values.json_encoding import encode_json
from tests.unit.server.conversation import Conversation

MEMBERS = Path(__file__).parents[2] / "apps" / "members"
NOTES = 40
ACTING = {"tokenType": "Admin", "value": "test|secret"}

pytestmark = pytest.mark.asyncio


class LiveConversation(Conversation):
    """A conversation with a real backend behind it."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend=cast(Any, backend))
        self.connect()

    def act_as(self, base_version: int, name: str) -> None:
        named = {"issuer": "i", "subject": name}
        self.say("Authenticate", baseVersion=base_version, impersonating=named, **ACTING)

    def watch(self, query_id: int, path: str) -> None:
        self.modify({"type": "Add", "queryId": query_id, "udfPath": path, "args": [{}]})

    async def until_identity(self, version: int) -> list[dict[str, Any]]:
        """Return all transitions up to one of this identity version."""
        seen: list[dict[str, Any]] = []
        async with asyncio.timeout(30):
            while not seen or seen[-1]["endVersion"]["identity"] < version:
                seen += [one for one in self.taken() if one["type"] == "Transition"]
                await asyncio.sleep(0)
        return seen


@asynccontextmanager
async def conversation() -> AsyncIterator[tuple[LiveConversation, Backend]]:
    limits = Limits(database=DatabaseLimits(scan_chunk=2))
    async with running_backend(MEMBERS, limits=limits) as backend:
        for number in range(NOTES):
            await backend.run_mutation(
                FunctionCall("notes:add", encode_json({"text": str(number)}))
            )
        yield LiveConversation(backend), backend


async def until_run_is_suspended(backend: Backend, path: str, count: int) -> None:
    async with asyncio.timeout(30):
        while backend.counters.function_runs[path, "query"] < count:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0)
    assert backend._lanes.queries.has_work


@pytest.mark.parametrize("path", ["notes:mineSlowly", "notes:mineLate"])
async def test_run_that_was_suspended_across_a_change_counts_for_the_identity_before(
    path: str,
) -> None:
    async with conversation() as (client, backend):
        client.act_as(0, "ann")
        client.watch(0, path)
        await until_run_is_suspended(backend, path, 1)
        assert client.taken() == []

        client.act_as(1, "bob")  # while the run of ann is in the middle of its scan
        transitions = await client.until_identity(2)

        authors = {
            transition["endVersion"]["identity"]: transition["modifications"][0]["value"][-1]
            for transition in transitions
        }
        assert authors == {1: "i|ann", 2: "i|bob"}
        assert [one["endVersion"]["identity"] for one in transitions] == [1, 2]
        assert backend.counters.function_runs[path, "query"] == 2


async def test_client_that_becomes_nobody_while_a_run_is_suspended_sees_nothing_of_it_later() -> (
    None
):
    async with conversation() as (client, backend):
        client.act_as(0, "ann")
        client.watch(0, "notes:mineSlowly")
        await until_run_is_suspended(backend, "notes:mineSlowly", 1)

        client.say("Authenticate", baseVersion=1, tokenType="None")
        transitions = await client.until_identity(2)
        assert transitions[-1]["modifications"][0]["value"][0] == "nobody"

        await backend.run_mutation(FunctionCall("notes:add", encode_json({"text": "new"})))
        later = await client.until_identity(2)
        values = [m["value"] for one in later for m in one["modifications"]]
        assert values
        assert all(value[0] == value[-1] == "nobody" for value in values)


async def test_mutation_runs_as_who_sent_it_however_long_it_waits() -> None:
    async with conversation() as (client, _):
        client.act_as(0, "ann")
        client.say("Mutation", requestId=0, udfPath="notes:add", args=[{"text": "a"}])
        client.act_as(1, "bob")
        client.say("Mutation", requestId=1, udfPath="notes:add", args=[{"text": "b"}])
        client.say("Authenticate", baseVersion=2, tokenType="None")
        client.say("Mutation", requestId=2, udfPath="notes:add", args=[{"text": "c"}])

        answers: dict[int, str] = {}
        async with asyncio.timeout(30):
            while len(answers) < 3:
                for message in client.taken():
                    if message["type"] == "MutationResponse":
                        answers[message["requestId"]] = message["result"]
                await asyncio.sleep(0)

        assert answers == {0: "i|ann", 1: "i|bob", 2: "nobody"}
