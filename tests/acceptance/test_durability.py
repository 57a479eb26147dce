"""Nothing is answered or pushed before it is on disk, and what was answered is there for good.

The first half holds COMMITs open: a storage that takes as long as the test wants. What must not
have come is looked for after round trips on every socket and over HTTP, made while the COMMIT is
held. The second half kills the program while it acknowledges.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from realtime.storage.sqlite import SqliteStore
from tests.acceptance.raw_client import Load, RawClient, call_as_admin, decode_timestamp
from tests.acceptance.threaded_server import ThreadedServer, serving
from tests.conftest import StartServer
from tests.harness.server_process import ROOT, ServerProcess

APP = ROOT / "tests" / "apps" / "ledger"
LIST = {"listName": "one"}
DEADLINE_SECONDS = 30.0
SLOW_SYNC_SECONDS = 0.02
"""More than what makes the server wait for the disk in a thread of its own."""

KILLS = 3
CLIENTS = 4
ACKNOWLEDGED_BEFORE_KILL = 100


class Disk:
    """A slow disk, whose syncs the test can hold: the hook of a store, called in each COMMIT."""

    def __init__(self) -> None:
        self._never = threading.Event()
        self._is_stopped = False
        self._held = threading.Semaphore(0)
        self._allowed = threading.Semaphore(0)

    def __call__(self) -> None:
        """Take its time, or as long as the test wants."""
        if self._is_stopped:
            self._held.release()
            assert self._allowed.acquire(timeout=DEADLINE_SECONDS), "The test left a COMMIT held"
        else:
            self._never.wait(SLOW_SYNC_SECONDS)

    def stop(self) -> None:
        """Hold each COMMIT from now on."""
        self._is_stopped = True

    async def until_a_commit_is_held(self) -> None:
        """Return when a COMMIT has begun that was not awaited here before."""
        assert await asyncio.to_thread(self._held.acquire, timeout=DEADLINE_SECONDS)

    def let_one_commit_through(self) -> None:
        """Let the held COMMIT go on; the next one is held."""
        self._allowed.release()

    def run(self) -> None:
        """Hold no COMMIT any more."""
        self._is_stopped = False
        self._allowed.release(1_000)


@dataclass
class Scene:
    """A server with a held COMMIT, and everybody who might learn too early of what is in it."""

    server: ThreadedServer
    disk: Disk
    http: httpx.AsyncClient
    writer: RawClient
    """Watches the list and sends mutations."""
    watcher: RawClient
    """Watches the list, nothing else."""
    stack: AsyncExitStack
    clients: list[RawClient] = field(default_factory=list)

    async def connect(self, **options: Any) -> RawClient:
        client = await self.stack.enter_async_context(RawClient(self.server.url, **options))
        self.clients.append(client)
        return client

    async def hold_a_first_batch(self, text: str) -> None:
        """Have one mutation in a held COMMIT: what comes now is in the next batch, together."""
        self.disk.stop()
        await self.writer.ask("ledger:add", LIST | {"text": text})
        await self.disk.until_a_commit_is_held()

    async def hold_the_second_batch(self) -> None:
        """Go on to the next COMMIT, with everything that was asked while the first was held."""
        for client in self.clients:
            assert await client.arrived() == []
        self.disk.let_one_commit_through()
        await self.disk.until_a_commit_is_held()

    async def listed(self) -> list[str]:
        """Return the list as a query over HTTP has it."""
        call = {"path": "ledger:list", "args": LIST}
        answer = await self.http.post("/api/query", json=call)
        texts: list[str] = answer.raise_for_status().json()["value"]
        return texts

    async def arrived(self) -> list[dict[str, Any]]:
        """Return what anybody has been told up to now; the loop has turned many times."""
        for _ in range(5):
            await self.listed()
        return [message for client in self.clients for message in await client.arrived()]


@asynccontextmanager
async def staged(url_and_disk: tuple[ThreadedServer, Disk]) -> AsyncIterator[Scene]:
    server, disk = url_and_disk
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=server.url, timeout=DEADLINE_SECONDS)
        )
        stack.callback(disk.run)
        scene = Scene(server, disk, http, None, None, stack)  # type: ignore[arg-type]
        scene.writer = await scene.connect()
        scene.watcher = await scene.connect()
        for client in scene.clients:
            await client.subscribe("ledger:list", LIST)
        yield scene


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[tuple[ThreadedServer, Disk]]:
    """A server on a slow disk, with one entry in the list."""
    disk = Disk()
    store = SqliteStore.open(tmp_path / "data.sqlite", before_commit=disk)
    with serving(APP, store) as server:
        call_as_admin(server.url, "ledger:add", LIST | {"text": "before"})
        yield server, disk
