"""Nothing is answered or pushed before it is on disk, and what was answered is there for good.

The first half holds COMMITs open: a storage that takes as long as the test wants. What must not
have come is looked for after round trips on every socket and over HTTP, made while the COMMIT is
held. The second half kills the program while it acknowledges.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from realtime.storage.sqlite import SqliteStore
from tests.acceptance.raw_client import Closed, Load, RawClient, decode_timestamp, is_response
from tests.acceptance.threaded_server import serving
from tests.harness.server_process import ROOT, ServerProcess

APP = ROOT / "tests" / "apps" / "ledger"
LIST = {"listName": "one"}
DEADLINE_SECONDS = 30.0
SLOW_SYNC_SECONDS = 0.02
"""More than what makes the server wait for the disk in a thread of its own."""

KILLS = 3
CLIENTS = 4
ACKNOWLEDGED_BEFORE_KILL = 200


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
    """A server with a COMMIT to hold, and everybody who might learn too early of what is in it."""

    url: str
    disk: Disk
    http: httpx.AsyncClient
    stack: AsyncExitStack
    clients: list[RawClient] = field(default_factory=list)

    async def connect(self, **options: Any) -> RawClient:
        """Return a client that watches the list."""
        client = await self.stack.enter_async_context(RawClient(self.url, **options))
        self.clients.append(client)
        await client.subscribe("ledger:list", LIST)
        return client

    async def begin(self, writer: RawClient) -> None:
        """Hold a COMMIT with something else, so that what is asked now shares the next one."""
        self.disk.stop()
        await writer.ask("ledger:add", {"listName": "another", "text": "first"})
        await self.disk.until_a_commit_is_held()

    async def go_on(self, writer: RawClient) -> None:
        """Let the first COMMIT through and hold the second; take in what is said of the first."""
        for client in self.clients:
            assert await client.arrived() == []
        self.disk.let_one_commit_through()
        (response, _) = await writer.receive_until(lambda m: m["type"] == "Transition")
        assert response["requestId"] == 0
        await self.disk.until_a_commit_is_held()

    async def listed(self) -> list[str]:
        """Return the list as a query over HTTP has it."""
        call = {"path": "ledger:list", "args": LIST}
        answer = await self.http.post("/api/query", json=call)
        texts: list[str] = answer.raise_for_status().json()["value"]
        return texts

    async def told(self) -> list[dict[str, Any]]:
        """Return what anybody has been told since; the server's loop turns many times."""
        for _ in range(5):
            await self.listed()
        return [message for client in self.clients for message in await client.arrived()]


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A server on a slow disk, with one entry in the list."""
    async with AsyncExitStack() as stack:
        disk = Disk()
        store = SqliteStore.open(tmp_path / "data.sqlite", before_commit=disk)
        server = stack.enter_context(serving(APP, store))
        stack.callback(disk.run)
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=server.url, timeout=DEADLINE_SECONDS)
        )
        call = {"path": "ledger:add", "args": LIST | {"text": "before"}}
        assert (await http.post("/api/mutation", json=call)).is_success
        yield Scene(server.url, disk, http, stack)


def responses(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == "MutationResponse"]


@pytest.mark.asyncio
async def test_result_waits_for_the_sync_and_its_transition_follows(scene: Scene) -> None:
    writer = await scene.connect()
    await scene.begin(writer)
    request_id = await writer.ask("ledger:add", LIST | {"text": "new"})
    await scene.go_on(writer)

    told = await scene.told()
    scene.disk.let_one_commit_through()
    response, transition = await writer.receive(), await writer.receive()

    assert told == []
    assert (response["type"], response["requestId"]) == ("MutationResponse", request_id)
    assert response["result"] == ["before", "new"]
    assert transition["type"] == "Transition"
    assert writer.timestamp >= decode_timestamp(response["ts"])
    assert writer.results[0] == ["before", "new"]


@pytest.mark.asyncio
async def test_application_error_waits_for_the_sync_of_what_it_saw(scene: Scene) -> None:
    writer = await scene.connect()
    await scene.begin(writer)
    await writer.ask("ledger:add", LIST | {"text": "new"})
    refused = await writer.ask("ledger:refuse", LIST)
    await scene.go_on(writer)

    told = await scene.told()
    scene.disk.let_one_commit_through()
    response = (await writer.receive_until(lambda m: is_response(m, refused)))[-1]

    assert told == []
    assert (response["success"], response["ts"]) == (False, None)
    assert response["errorData"] == {"seen": ["before", "new"]}


@pytest.mark.asyncio
async def test_mutation_without_writes_waits_for_the_sync_of_what_it_saw(scene: Scene) -> None:
    writer = await scene.connect()
    await scene.begin(writer)
    await writer.ask("ledger:add", LIST | {"text": "new"})
    looked = await writer.ask("ledger:look", LIST)
    await scene.go_on(writer)

    told = await scene.told()
    scene.disk.let_one_commit_through()
    messages = await writer.receive_until(lambda m: m["type"] == "Transition")
    added, response = responses(messages)

    assert told == []
    assert (response["requestId"], response["result"]) == (looked, ["before", "new"])
    assert decode_timestamp(response["ts"]) >= decode_timestamp(added["ts"])
    assert writer.timestamp >= decode_timestamp(response["ts"])


@pytest.mark.asyncio
async def test_stored_result_of_a_resend_waits_for_the_sync(scene: Scene) -> None:
    writer = await scene.connect()
    resender = await scene.connect(session_id=writer.session_id)
    await scene.begin(writer)
    request_id = await writer.ask("ledger:add", LIST | {"text": "new"})
    await resender.ask("ledger:add", LIST | {"text": "new"}, request_id)
    await scene.go_on(writer)

    told = await scene.told()
    scene.disk.let_one_commit_through()
    answers = [await client.receive() for client in (writer, resender)]
    await resender.receive()

    assert told == []
    assert answers[0] == answers[1]
    assert answers[0]["result"] == ["before", "new"]
    assert resender.results[0] == ["before", "new"]
    assert resender.timestamp >= decode_timestamp(answers[1]["ts"])


@pytest.mark.asyncio
async def test_http_mutation_is_not_answered_before_the_sync(scene: Scene) -> None:
    writer = await scene.connect()
    await scene.begin(writer)
    call = {"path": "ledger:add", "args": LIST | {"text": "new"}}
    answer = asyncio.create_task(scene.http.post("/api/mutation", json=call))
    await scene.go_on(writer)

    await scene.told()
    was_answered = answer.done()
    scene.disk.let_one_commit_through()
    body = (await answer).json()

    assert not was_answered
    assert (body["status"], body["value"]) == ("success", ["before", "new"])


@pytest.mark.asyncio
async def test_queries_answer_with_the_old_state_until_the_sync(scene: Scene) -> None:
    writer = await scene.connect()
    await scene.begin(writer)
    await writer.ask("ledger:add", LIST | {"text": "new"})
    await scene.go_on(writer)

    over_http = await scene.listed()
    newcomer = await scene.connect()
    subscribed = list(newcomer.results[0])
    scene.disk.let_one_commit_through()
    response = (await writer.receive_until(lambda m: m["type"] == "MutationResponse"))[-1]
    await newcomer.receive()

    assert over_http == ["before"]
    assert subscribed == ["before"]
    assert newcomer.results[0] == ["before", "new"]
    assert newcomer.timestamp >= decode_timestamp(response["ts"])
    assert await scene.listed() == ["before", "new"]


@pytest.mark.asyncio
async def test_watchers_get_one_transition_and_only_after_the_sync(scene: Scene) -> None:
    writer = await scene.connect()
    watchers = [await scene.connect() for _ in range(5)]
    await scene.begin(writer)
    await writer.ask("ledger:add", LIST | {"text": "new"})
    await scene.go_on(writer)

    told = await scene.told()
    scene.disk.let_one_commit_through()
    response = (await writer.receive_until(lambda m: m["type"] == "Transition"))[0]
    received = [await watcher.receive() for watcher in watchers]

    assert told == []
    assert [message["type"] for message in received] == ["Transition"] * 5
    assert [watcher.results[0] for watcher in watchers] == [["before", "new"]] * 5
    for watcher in watchers:
        assert watcher.timestamp >= decode_timestamp(response["ts"])
        assert await watcher.arrived() == []


@dataclass
class Round:
    """What happened between a start of the program and its kill."""

    session_ids: list[str]
    loads: list[Load]

    @property
    def timestamps(self) -> list[int]:
        """Return those of all acknowledgements."""
        return [decode_timestamp(answer["ts"]) for load in self.loads for answer in load.responses]


@dataclass
class History:
    """A server after its kills."""

    server: ServerProcess
    rounds: list[Round] = field(default_factory=list)

    async def run_round(self, repo_id: str) -> None:
        """Load the server, kill it in the middle, start it again."""
        server = self.server
        session_ids = [
            server.run("sessions:create", {"repoId": repo_id, "userId": f"user {number}"})
            for number in range(CLIENTS)
        ]
        loads = [Load("messages:send", message_args(session_id)) for session_id in session_ids]
        self.rounds.append(Round(session_ids, loads))

        def kill_when_it_is_time() -> None:
            acknowledged = sum(len(load.responses) for load in loads)
            if acknowledged == CLIENTS * ACKNOWLEDGED_BEFORE_KILL:
                server.kill()

        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for load in loads:
                load.on_response = kill_when_it_is_time
                client = await stack.enter_async_context(RawClient(server.url))
                group.create_task(load.run(client))
        server.restart()


def message_args(session_id: str) -> Callable[[int], dict[str, Any]]:
    return lambda number: {"sessionId": session_id, "role": "user", "content": str(number)}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A chat server that was killed several times while it acknowledged messages."""
    server = ServerProcess(tmp_path_factory.mktemp("killed") / "data")
    try:
        repo_id = server.start().run("seed:demo")["repoId"]
        history = History(server)
        for _ in range(KILLS):
            asyncio.run(history.run_round(repo_id))
        yield history
    finally:
        server.close()


def test_every_acknowledged_message_is_there_after_kills(history: History) -> None:
    for finished in history.rounds:
        for session_id, load in zip(finished.session_ids, finished.loads, strict=True):
            stored = history.server.run("messages:list", {"sessionId": session_id})
            contents = [message["content"] for message in stored]

            assert contents == [str(number) for number in range(len(contents))]
            assert load.acknowledged == list(range(len(load.responses)))
            assert len(contents) >= len(load.acknowledged) > 0


def test_each_kill_came_while_mutations_were_in_flight(history: History) -> None:
    for finished in history.rounds:
        assert sum(load.asked - len(load.responses) for load in finished.loads) > 0
        assert [load.closed for load in finished.loads] == [Closed(None, "")] * CLIENTS


def test_timestamps_go_on_increasing_after_kills(history: History) -> None:
    for finished in history.rounds:
        for load in finished.loads:
            timestamps = [decode_timestamp(answer["ts"]) for answer in load.responses]
            assert timestamps == sorted(set(timestamps))
    for before, after in pairwise(history.rounds):
        assert max(before.timestamps) < min(after.timestamps)
