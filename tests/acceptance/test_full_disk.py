"""A disk without room fails exactly what was not durable, and everything else goes on.

Two disks are filled with messages to the brim: a small file system under the real program, where
COMMIT finds no room, and a SQLite file with a page limit, where the rows find none. The first needs
the right to mount; where there is none, the second stands for both. A third kind of failure leaves
open whether a COMMIT has happened: the program must end itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from realtime.storage.persistence import GENERATION_LIMIT
from realtime.storage.sqlite import SqliteStore
from realtime.storage.sqlite_engine import EngineConnection
from realtime.storage.sqlite_file import open_engine_connection, open_reader_connection
from realtime.storage.sqlite_reader import GenerationPool, SqliteReader
from tests.acceptance.raw_client import Closed, Load, RawClient, call_as_admin
from tests.acceptance.threaded_server import serving
from tests.conftest import StartServer
from tests.harness.server_process import ROOT, ServerProcess

DISK_BYTES = 4 << 20
FILLER_BYTES = 2 << 20
MAX_PAGES = 150
WRITERS = 2
IN_FLIGHT = 10
REFUSALS = 30
CONTENT_BYTES = 500
MAX_MESSAGES = 2_000
"""More than the disks can hold."""


@dataclass
class Disk:
    """A server on a disk with little room."""

    url: str
    database: Path
    make_room: Callable[[], object]
    log: Callable[[], str]


def may_mount() -> bool:
    """Return whether this process may mount file systems."""
    with tempfile.TemporaryDirectory() as folder:
        return mount(Path(folder)) and umount(Path(folder))


def mount(folder: Path) -> bool:
    options = f"size={DISK_BYTES},mode=0700"
    return _succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))


def umount(folder: Path) -> bool:
    return _succeeds("umount", "--lazy", str(folder))


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def on_a_small_file_system(folder: Path) -> Iterator[Disk]:
    """The program on a file system of its own, half of it taken by a file that can be deleted."""
    with ExitStack() as stack:
        data = folder / "data"
        data.mkdir()
        assert mount(data)
        stack.callback(umount, data)
        filler = data / "filler"
        filler.write_bytes(bytes(FILLER_BYTES))
        server = ServerProcess(data)
        stack.callback(server.close)
        server.start()
        yield Disk(server.url, data / "data.sqlite", filler.unlink, lambda: server.log)
        assert server.terminate() == 0


@contextmanager
def with_a_page_limit(folder: Path) -> Iterator[Disk]:
    """The server in a thread, over a file that may have so many pages."""
    path = folder / "data.sqlite"
    connection = open_engine_connection(path)
    readers = [SqliteReader(open_reader_connection(path)) for _ in range(GENERATION_LIMIT)]
    store = SqliteStore(path, EngineConnection(connection), GenerationPool(readers), None)

    def limit(pages: int) -> list[Any]:
        return connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    with serving(ROOT, store) as server:
        server.call(lambda: limit(MAX_PAGES))
        yield Disk(
            server.url, path, lambda: server.call(lambda: limit(100 * MAX_PAGES)), lambda: ""
        )


MAY_MOUNT = may_mount()
DISKS = {"page limit": with_a_page_limit}
if MAY_MOUNT:
    DISKS["file system"] = on_a_small_file_system


@dataclass
class Story:
    """What happened on one disk, from empty to full and on."""

    session_id: str = ""
    acknowledged: list[str] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    over_http: httpx.Response | None = None
    """The refusal of a mutation while the disk was full."""
    queried_while_full: list[str] = field(default_factory=list)
    subscribed_while_full: list[str] = field(default_factory=list)
    watched_while_full: list[str] = field(default_factory=list)
    acknowledged_while_full: list[str] = field(default_factory=list)
    acknowledged_with_room: list[str] = field(default_factory=list)
    watched_with_room: list[str] = field(default_factory=list)
    in_the_file: list[str] = field(default_factory=list)
    log: str = ""


class Chat:
    """Sends to one session and keeps account of the answers."""

    def __init__(self, disk: Disk, story: Story) -> None:
        self._disk = disk
        self._story = story
        self._session = {"sessionId": story.session_id}

    def args(self, content: str) -> dict[str, Any]:
        return self._session | {"role": "user", "content": content.ljust(CONTENT_BYTES, ".")}

    async def watch(self, client: RawClient) -> list[str]:
        await client.subscribe("messages:list", self._session)
        return texts(client.results[0])

    async def fill(self, client: RawClient, name: str) -> None:
        """Keep messages in flight until many have been refused."""
        asked: list[str] = []
        refused = 0

        async def ask() -> None:
            asked.append(f"{name} {len(asked)}")
            await client.ask("messages:send", self.args(asked[-1]))

        for _ in range(IN_FLIGHT):
            await ask()
        answered = 0
        while answered < len(asked):
            message = await client.receive()
            if message["type"] != "MutationResponse":
                continue
            answered += 1
            if message["success"]:
                self._story.acknowledged.append(asked[message["requestId"]])
            else:
                refused += 1
                self._story.refusals.append(message)
            if refused < REFUSALS:
                assert len(asked) < MAX_MESSAGES, "The disk did not get full"
                await ask()

    async def query(self) -> list[str]:
        async with httpx.AsyncClient(base_url=self._disk.url, timeout=30) as http:
            call = {"path": "messages:list", "args": self._session}
            answer = await http.post("/api/query", json=call)
            return texts(answer.raise_for_status().json()["value"])

    async def send_over_http(self, content: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self._disk.url, timeout=30) as http:
            call = {"path": "messages:send", "args": self.args(content)}
            return await http.post("/api/mutation", json=call)


def texts(result: list[dict[str, Any]]) -> list[str]:
    return [message["content"].rstrip(".") for message in result]


async def tell(disk: Disk, story: Story) -> None:
    chat = Chat(disk, story)
    async with RawClient(disk.url) as watcher, RawClient(disk.url) as newcomer:
        assert await chat.watch(watcher) == []
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(_write(chat, disk, f"writer {number}"))

        story.over_http = await _write_over_http(chat, story)
        story.acknowledged_while_full = list(story.acknowledged)
        story.queried_while_full = await chat.query()
        story.subscribed_while_full = await chat.watch(newcomer)
        await watcher.arrived()
        story.watched_while_full = texts(watcher.results[0])

        disk.make_room()
        for number in range(3):
            response = await watcher.mutate("messages:send", chat.args(f"later {number}"))
            assert response["success"], response
            story.acknowledged_with_room.append(f"later {number}")
        story.watched_with_room = texts(watcher.results[0])


async def _write(chat: Chat, disk: Disk, name: str) -> None:
    async with RawClient(disk.url) as client:
        await chat.fill(client, name)


@pytest.fixture(scope="module", params=DISKS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A disk that was filled, and got room again."""
    story = Story()
    with DISKS[request.param](tmp_path_factory.mktemp("full")) as disk:
        repo_id = call_as_admin(disk.url, "seed:demo")["repoId"]
        session = {"repoId": repo_id, "userId": "writer"}
        story.session_id = call_as_admin(disk.url, "sessions:create", session)
        asyncio.run(tell(disk, story))
        with closing(sqlite3.connect(f"file:{disk.database}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT json FROM documents ORDER BY locator").fetchall()
        documents = [json.loads(row[0]) for row in rows]
        own = [d for d in documents if d.get("sessionId") == story.session_id]
        story.in_the_file = texts(own)
        story.log = disk.log()
    return story


def test_refused_mutation_is_told_why_and_that_it_may_be_tried_again(story: Story) -> None:
    assert len(story.refusals) >= WRITERS * REFUSALS
    for refusal in story.refusals:
        assert (refusal["success"], refusal["ts"]) == (False, None)
        assert "errorData" not in refusal
    reasons = {refusal["result"] for refusal in story.refusals}
    for reason in reasons:
        assert reason.startswith("SQLite could not ")
        assert reason.endswith("disk is full (SQLITE_FULL); free some disk space and try again")
    assert "Traceback" not in story.log


async def _write_over_http(chat: Chat, story: Story) -> httpx.Response:
    """Send until an answer is a refusal: such a call stores no answer and may still fit."""
    for number in range(MAX_MESSAGES):
        response = await chat.send_over_http(f"over HTTP {number}")
        if response.status_code != httpx.codes.OK:
            return response
        story.acknowledged.append(f"over HTTP {number}")
    raise AssertionError("The disk did not get full")


def test_refusal_over_http_is_a_503_with_a_code(story: Story) -> None:
    assert story.over_http is not None
    assert story.over_http.status_code == 503
    body = story.over_http.json()
    assert body["code"] == "StorageFull"
    assert body["message"].endswith("free some disk space and try again")


def test_queries_and_live_queries_go_on_while_the_disk_is_full(story: Story) -> None:
    assert len(story.acknowledged_while_full) > REFUSALS
    assert sorted(story.queried_while_full) == sorted(story.acknowledged_while_full)
    assert story.subscribed_while_full == story.queried_while_full
    assert story.watched_while_full == story.queried_while_full


def test_writes_work_again_when_there_is_room(story: Story) -> None:
    assert story.acknowledged_with_room == ["later 0", "later 1", "later 2"]
    assert story.watched_with_room == story.queried_while_full + story.acknowledged_with_room


def test_file_holds_what_was_acknowledged_and_nothing_that_was_refused(story: Story) -> None:
    assert sorted(story.in_the_file) == sorted(story.acknowledged + story.acknowledged_with_room)


if MAY_MOUNT:

    def test_start_on_a_full_disk_is_refused_with_a_clear_sentence(tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        assert mount(data)
        server = ServerProcess(data)
        try:
            (data / "filler").write_bytes(bytes(DISK_BYTES))
            server.launch()
            exit_code = server.wait_for_exit()
        finally:
            server.close()
            umount(data)

        assert exit_code == 1
        assert "Traceback" not in server.log
        assert re.search("full|[Nn]o space left", server.log)
        assert str(data) in server.log


def test_failed_sync_ends_the_program_and_a_restart_has_what_was_acknowledged(
    start_server: StartServer,
) -> None:
    server = start_server()
    repo_id = server.run("seed:demo")["repoId"]
    session_id = server.run("sessions:create", {"repoId": repo_id, "userId": "writer"})
    load = Load(
        "messages:send",
        lambda number: {"sessionId": session_id, "role": "user", "content": str(number)},
    )

    def forbid_larger_files() -> None:
        if len(load.responses) == 100:
            # A file that may not grow: SQLite takes it for an error of the device.
            size = (server.data / "data.sqlite-wal").stat().st_size
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, size))

    load.on_response = forbid_larger_files

    async def run() -> Closed:
        async with RawClient(server.url) as client, RawClient(server.url) as watcher:
            await load.run(client)
            return (await watcher.receive_end())[1]

    closed = asyncio.run(run())
    exit_code = server.wait_for_exit()
    server.restart()
    stored = [m["content"] for m in server.run("messages:list", {"sessionId": session_id})]

    assert closed == load.closed == Closed(1011, "InternalServerError")
    assert exit_code == 1
    assert load.acknowledged == list(range(len(load.responses)))
    assert stored == [str(number) for number in range(len(stored))]
    assert len(stored) >= len(load.acknowledged) >= 100
