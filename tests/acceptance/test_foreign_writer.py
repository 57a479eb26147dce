"""A program that writes to the file of a running server ends the server, and a restart serves."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from tests.acceptance.raw_client import Closed, RawClient
from tests.conftest import StartServer


def test_foreign_write_ends_the_server_at_the_next_mutation(start_server: StartServer) -> None:
    server = start_server()
    repo_id = server.run("seed:demo")["repoId"]
    session = {"sessionId": server.run("sessions:create", {"repoId": repo_id, "userId": "w"})}
    message = {**session, "role": "user"}

    async def write_beside_the_server() -> tuple[list[dict[str, object]], Closed]:
        async with RawClient(server.url) as client, RawClient(server.url) as watcher:
            await watcher.subscribe("messages:list", session)
            assert (await client.mutate("messages:send", {**message, "content": "1"}))["success"]
            file = server.data / "data.sqlite"
            with closing(sqlite3.connect(file, isolation_level=None)) as program:
                program.execute("INSERT INTO settings VALUES ('foreign', 'x')")
            await client.ask("messages:send", {**message, "content": "2"})
            messages, closed = await client.receive_end()
            assert (await watcher.receive_end())[1] == closed
            return messages, closed

    messages, closed = asyncio.run(write_beside_the_server())
    exit_code = server.wait_for_exit()
    critical = [line for line in server.log.splitlines() if " CRITICAL " in line]
    server.restart()
    server.run("messages:send", {**message, "content": "3"})
    stored = server.run("messages:list", session)

    assert [m for m in messages if m["type"] == "MutationResponse"] == []
    assert closed == Closed(1011, "InternalServerError")
    assert exit_code == 1
    assert len(critical) == 1
    assert "Another program has written to the data file" in critical[0]
    assert "stop that program" in critical[0]
    assert [m["content"] for m in stored] == ["1", "3"]
