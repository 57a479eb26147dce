"""A server stops in order under load, is alone on its data, and keeps it private."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.raw_client import MAX_RESPONSES, Closed, Load, RawClient, decode_timestamp
from tests.conftest import StartServer
from tests.harness.server_process import ROOT, ServerProcess, free_port
from tests.harness.waiting import wait_for

CLIENTS = 4
WATCHERS = 20
ANSWERS_BEFORE_STOP = 400
CONTENT_BYTES = 10_000
"""Much to write to disk, so that the stop often comes while a COMMIT is in flight."""
DEADLINE_SECONDS = 30.0


@dataclass
class HttpLoad:
    """A caller that sends one message after another over HTTP until the server is gone."""

    acknowledged: list[str] = field(default_factory=list)
    refusals: list[httpx.Response] = field(default_factory=list)

    async def run(self, url: str, session_id: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS) as http:
            for number in range(MAX_RESPONSES):
                args = {"sessionId": session_id, "role": "user", "content": str(number)}
                call = {"path": "messages:send", "args": args}
                try:
                    answer = await http.post("/api/mutation", json=call)
                except httpx.TransportError:
                    return  # no answer at all: nothing may have happened
                if answer.status_code == 200:
                    assert answer.json()["status"] == "success"
                    self.acknowledged.append(str(number))
                else:
                    self.refusals.append(answer)


@dataclass
class Stop:
    """A server that was asked to stop while it was busy, and what everybody has of it."""

    exit_code: int = -1
    log: str = ""
    loads: list[Load] = field(default_factory=list)
    http_load: HttpLoad = field(default_factory=HttpLoad)
    watched: list[list[str]] = field(default_factory=list)
    """What each watcher was last told to be the messages that came over HTTP."""
    watchers_closed: list[Closed] = field(default_factory=list)
    stored: list[list[str]] = field(default_factory=list)
    """The messages of each session after a new start: those of the loads, then over HTTP."""


async def stop_under_load(server: ServerProcess, session_ids: list[str]) -> Stop:
    stop = Stop()
    *load_sessions, http_session = session_ids

    def stop_when_it_is_time() -> None:
        if sum(len(load.responses) for load in stop.loads) == ANSWERS_BEFORE_STOP:
            os.kill(server.pid, signal.SIGTERM)

    async def watch(client: RawClient) -> None:
        stop.watchers_closed.append((await client.receive_end())[1])

    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(RawClient(server.url))
            for _ in range(CLIENTS + WATCHERS)
        ]
        watchers = clients[CLIENTS:]
        for watcher in watchers:
            await watcher.subscribe("messages:list", {"sessionId": http_session})
        async with asyncio.TaskGroup() as group:
            for watcher in watchers:
                group.create_task(watch(watcher))
            group.create_task(stop.http_load.run(server.url, http_session))
            for client, session_id in zip(clients, load_sessions, strict=False):
                load = Load("messages:send", message_args(session_id), stop_when_it_is_time)
                stop.loads.append(load)
                group.create_task(load.run(client))
        stop.watched = [contents(watcher.results[0]) for watcher in watchers]
    return stop


def message_args(session_id: str) -> Any:
    def args(number: int) -> dict[str, Any]:
        content = str(number).ljust(CONTENT_BYTES, ".")
        return {"sessionId": session_id, "role": "user", "content": content}

    return args


def contents(result: list[dict[str, Any]]) -> list[str]:
    return [message["content"].rstrip(".") for message in result]


@pytest.fixture(scope="module")
def stop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stop]:
    """A chat server that got SIGTERM under load, and was started again."""
    server = ServerProcess(tmp_path_factory.mktemp("stopped") / "data")
    try:
        repo_id = server.start().run("seed:demo")["repoId"]
        session_ids = [
            server.run("sessions:create", {"repoId": repo_id, "userId": f"user {number}"})
            for number in range(CLIENTS + 1)
        ]
        stop = asyncio.run(stop_under_load(server, session_ids))
        stop.exit_code = server.wait_for_exit()
        stop.log = server.log
        server.restart()
        for session_id in session_ids:
            stop.stored.append(contents(server.run("messages:list", {"sessionId": session_id})))
        yield stop
    finally:
        server.close()


def test_stop_under_load_ends_with_code_0(stop: Stop) -> None:
    assert stop.exit_code == 0
    assert "Traceback" not in stop.log


def test_stop_closes_all_sockets_with_1001(stop: Stop) -> None:
    assert [load.closed for load in stop.loads] == [Closed(1001, "")] * CLIENTS
    assert stop.watchers_closed == [Closed(1001, "")] * WATCHERS


def test_stop_came_while_mutations_were_in_flight(stop: Stop) -> None:
    assert sum(load.asked - len(load.responses) for load in stop.loads) > 0


def test_what_was_acknowledged_is_in_the_file_and_nothing_else(stop: Stop) -> None:
    for load, stored in zip(stop.loads, stop.stored[:CLIENTS], strict=True):
        assert load.acknowledged == list(range(len(load.responses)))
        assert stored == [str(number) for number in load.acknowledged]
    assert stop.stored[CLIENTS] == stop.http_load.acknowledged


def test_refused_http_calls_are_told_that_nothing_was_done(stop: Stop) -> None:
    for refusal in stop.http_load.refusals:
        assert refusal.status_code == 503
        assert "nothing was done" in refusal.json()["message"]


def test_answers_are_covered_by_a_transition_before_the_end(stop: Stop) -> None:
    for load in stop.loads:
        assert load.covered >= max(decode_timestamp(answer["ts"]) for answer in load.responses)


def test_watchers_have_seen_everything_before_the_end(stop: Stop) -> None:
    assert stop.watched == [stop.stored[CLIENTS]] * WATCHERS


@pytest.mark.asyncio
async def test_stop_sends_the_transition_that_waits_for_a_slow_query(
    start_server: StartServer,
) -> None:
    server = start_server(app=ROOT / "tests" / "apps" / "runaway")
    async with RawClient(server.url) as client:
        await client.subscribe("notes:listSlowly", {})
        await client.mutate("notes:add", {"text": "first"})
        await client.ask("notes:add", {"text": "second"})
        response = await client.receive()

        os.kill(server.pid, signal.SIGTERM)
        _, closed = await client.receive_end()

    assert response["success"]
    assert client.results[0] == ["first", "second"]
    assert client.timestamp >= decode_timestamp(response["ts"])
    assert closed == Closed(1001, "")


def test_second_server_on_the_same_data_is_refused_and_the_first_goes_on(
    start_server: StartServer,
) -> None:
    first = start_server()
    repo_id = first.run("seed:demo")["repoId"]
    before = first.run("sessions:listByRepo", {"repoId": repo_id})
    log_before = first.log  # both servers write to the log beside the directory

    second = start_server(data=first.data, wait=False)
    exit_code = second.wait_for_exit()
    refusal = second.log.removeprefix(log_before)
    first.run("sessions:create", {"repoId": repo_id, "userId": "later"})

    assert exit_code == 1
    assert f"The data directory `{first.data}` is in use by another server" in refusal
    assert f"(process {first.pid})" in refusal
    assert "Traceback" not in refusal
    assert len(first.run("sessions:listByRepo", {"repoId": repo_id})) == len(before) + 1
    assert first.terminate() == 0


@pytest.fixture
def permissive_umask() -> Iterator[None]:
    """Let this process, and what it starts, make files that anybody may read."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("permissive_umask")
def test_new_data_directory_and_admin_key_are_private(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    command = [sys.executable, "-m", "realtime.cli.main", "serve", str(ROOT), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    with subprocess.Popen(
        [*command, "--data", str(data)],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/ready"), "the server to be ready")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.iterdir()}
            key = (data / "admin_key").read_text().strip()
            accepted = check_key(port, key)
            refused = check_key(port, f"{key}0")
        finally:
            process.terminate()

    assert process.returncode == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {"admin_key", "data.sqlite", "lock"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode != 0o600} == {}
    assert re.fullmatch(r"[a-z0-9-]+\|[0-9a-f]{64}", key)
    assert (accepted, refused) == (200, 403)


KEY_VARIABLE = "REALTIME_ADMIN_KEY"


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def check_key(port: int, key: str) -> int:
    url = f"http://127.0.0.1:{port}/api/check_admin_key"
    return httpx.get(url, headers={"Authorization": f"Convex {key}"}, timeout=30).status_code
