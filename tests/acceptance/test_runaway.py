"""A function that does not end is stopped at its limit, and everyone is served again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.raw_client import RawClient, is_response
from tests.conftest import StartServer
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.waiting import wait_for

APP = ROOT / "tests" / "apps" / "runaway"
LIMIT_SECONDS = 1.0
SLACK_SECONDS = 3.0
"""For a machine that is busy with other things."""
TIMED_OUT = "Function execution timed out (maximum duration: 1s)"

ENDLESS = (
    "loops:plain",
    "loops:inANestedCall",
    "loops:catchingErrors",
    "loops:whileItIsStopped",
    "loops:inAFilter",
)
STUBBORN = ("loops:repeatingANestedCall", "loops:whileItIsClosed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that tells errors openly, with one note."""
    process = ServerProcess(tmp_path_factory.mktemp("runaway") / "data", app=APP, command="dev")
    try:
        process.start().run("notes:add", {"text": "first"})
        yield process
    finally:
        process.close()


async def until_it_loops(marker: Path) -> None:
    await asyncio.to_thread(wait_for, marker.exists, "the function to run")


async def call(url: str, kind: str, path: str, marker: Path) -> tuple[dict[str, Any], float]:
    """Return the answer to a call over HTTP and how long it took."""
    started = time.monotonic()
    async with httpx.AsyncClient(timeout=LIMIT_SECONDS + SLACK_SECONDS) as http:
        body = {"path": path, "args": {"marker": str(marker)}}
        answer = await http.post(f"{url}/api/{kind}", json=body)
    return answer.raise_for_status().json(), time.monotonic() - started


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ENDLESS)
async def test_endless_query_is_stopped_and_everyone_is_served_again(
    server: ServerProcess, tmp_path: Path, path: str
) -> None:
    marker = tmp_path / "marker"
    async with RawClient(server.url) as client:
        await client.subscribe("notes:list", {})
        runaway = asyncio.create_task(call(server.url, "query", path, marker))
        await until_it_loops(marker)
        await client.ask("notes:add", {"text": path})
        answer, seconds = await runaway
        stopped = time.monotonic()
        await client.receive_until(lambda _: path in client.results[0])
        served_after = time.monotonic() - stopped

    assert answer["status"] == "error"
    assert TIMED_OUT in answer["errorMessage"]
    assert LIMIT_SECONDS <= seconds < LIMIT_SECONDS + SLACK_SECONDS
    assert served_after < LIMIT_SECONDS


@pytest.mark.asyncio
@pytest.mark.parametrize("path", STUBBORN)
async def test_query_that_resists_is_stopped_too(
    start_server: StartServer, tmp_path: Path, path: str
) -> None:
    server = start_server(app=APP, command="dev")

    await call(server.url, "query", path, tmp_path / "marker")

    assert server.run("notes:list") == []


@pytest.mark.asyncio
async def test_endless_subscription_fails_and_its_socket_goes_on(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with RawClient(server.url) as client:
        failed = await client.subscribe("loops:plain", {"marker": str(tmp_path / "marker")})
        listed = await client.subscribe("notes:list", {})

    assert client.results[failed]["type"] == "QueryFailed"
    assert f"{TIMED_OUT} in `loops:plain`" in client.results[failed]["errorMessage"]
    assert "first" in client.results[listed]


@pytest.mark.asyncio
async def test_endless_mutation_leaves_no_writes_and_keeps_nobody_elses_out(
    server: ServerProcess, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    async with RawClient(server.url) as endless, RawClient(server.url) as client:
        await client.subscribe("notes:list", {})
        await endless.ask("loops:afterAWrite", {"marker": str(marker)})
        await until_it_loops(marker)
        await endless.ask("notes:add", {"text": "behind it"})
        await client.ask("notes:add", {"text": "beside it"})
        stopped = (await endless.receive_until(lambda message: is_response(message, 0)))[-1]
        behind = (await endless.receive_until(lambda message: is_response(message, 1)))[-1]
        await client.receive_until(lambda _: {"behind it", "beside it"} <= set(client.results[0]))

    assert (stopped["requestId"], stopped["success"]) == (0, False)
    assert f"{TIMED_OUT} in `loops:afterAWrite`" in stopped["result"]
    assert (behind["requestId"], behind["success"]) == (1, True)
    assert "never committed" not in server.run("notes:list")


def test_query_that_reads_for_ever_is_stopped_by_the_limit_of_reads(
    server: ServerProcess, tmp_path: Path
) -> None:
    body = {"path": "loops:withReads", "args": {"marker": str(tmp_path / "marker")}}
    answer = httpx.post(f"{server.url}/api/query", json=body, timeout=30).json()

    assert answer["status"] == "error"
    assert "Too many reads in a single function execution" in answer["errorMessage"]
    assert "first" in server.run("notes:list")


def test_developer_is_told_which_handler_keeps_everybody_waiting(
    server: ServerProcess, tmp_path: Path
) -> None:
    httpx.post(
        f"{server.url}/api/query",
        json={"path": "loops:plain", "args": {"marker": str(tmp_path / "marker")}},
        timeout=30,
    )

    log = server.log
    assert "A handler has kept everybody waiting for 100 ms" in log
    assert "loops.py" in log and "in _loop" in log
