"""Actions of the real program: they run beside everything, outlive their callers, and end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.raw_client import Closed, RawClient
from tests.conftest import StartServer
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.waiting import wait_for

APP = ROOT / "tests" / "apps" / "courier"
STRETCH_LIMIT = "Function execution timed out (maximum duration without an await: 1s)"
MOST_SECONDS = 8.0
"""For what must not wait for the ten seconds that a stop gives to actions."""


class Delivery:
    """One delivery that waits until the test lets it go on."""

    def __init__(self, folder: Path, to: str, content: str = "book") -> None:
        self.to = to
        self.content = content
        self._began = folder / f"{to} {content} began"
        self._until = folder / f"{to} {content} until"

    @property
    def args(self) -> dict[str, Any]:
        """Return the arguments of `parcels:deliverWhen`."""
        files = {"began": str(self._began), "until": str(self._until)}
        return {"to": self.to, "content": self.content, **files}

    async def until_it_runs(self) -> None:
        await asyncio.to_thread(wait_for, self._began.exists, "the action to run")

    def let_go(self) -> None:
        self._until.touch()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of couriers that tells errors openly."""
    process = ServerProcess(tmp_path_factory.mktemp("courier") / "data", app=APP, command="dev")
    try:
        yield process.start()
    finally:
        process.close()


async def start(client: RawClient, request_id: int, path: str, args: dict[str, Any]) -> None:
    await client.send("Action", requestId=request_id, udfPath=path, args=[args])


async def response_to(client: RawClient, request_id: int) -> dict[str, Any]:
    def is_it(message: dict[str, Any]) -> bool:
        return message["type"] == "ActionResponse" and message["requestId"] == request_id

    return (await client.receive_until(is_it))[-1]


def delivered(server: ServerProcess, to: str) -> Any:
    return server.run("parcels:list", {"to": to})


async def until_delivered(server: ServerProcess, to: str, contents: list[str]) -> None:
    await asyncio.to_thread(wait_for, lambda: delivered(server, to) == contents, "the delivery")


@pytest.mark.asyncio
async def test_actions_of_one_client_run_at_once_and_beside_its_mutations(
    server: ServerProcess, tmp_path: Path
) -> None:
    first, second = (Delivery(tmp_path, "ann", content) for content in ("first", "second"))
    async with RawClient(server.url) as client:
        await client.subscribe("parcels:list", {"to": "ann"})
        await start(client, 10, "parcels:deliverWhen", first.args)
        await start(client, 11, "parcels:deliverWhen", second.args)
        await first.until_it_runs()
        await second.until_it_runs()
        mutated = await client.mutate("parcels:record", {"to": "ann", "content": "beside"})
        second.let_go()
        later = await response_to(client, 11)
        transitions = client.transition_count
        await client.receive_until(lambda _: client.transition_count > transitions)
        first.let_go()
        earlier = await response_to(client, 10)
        await client.receive_until(lambda _: len(client.results[0]) == 3)

        assert mutated["success"] is True
        assert later == {
            "type": "ActionResponse",
            "requestId": 11,
            "success": True,
            "result": "second",
            "logLines": [],
        }
        assert earlier["result"] == "first"
        assert client.results[0] == ["beside", "second", "first"]


@pytest.mark.asyncio
async def test_action_goes_on_when_its_socket_is_gone(
    server: ServerProcess, tmp_path: Path
) -> None:
    delivery = Delivery(tmp_path, "bob")
    async with RawClient(server.url) as client:
        await start(client, 0, "parcels:deliverWhen", delivery.args)
        await delivery.until_it_runs()
    delivery.let_go()

    await until_delivered(server, "bob", ["book"])


@pytest.mark.asyncio
async def test_action_goes_on_when_its_http_client_is_gone(
    server: ServerProcess, tmp_path: Path
) -> None:
    delivery = Delivery(tmp_path, "cy")
    body = {"path": "parcels:deliverWhen", "args": delivery.args}
    async with httpx.AsyncClient() as http:
        waiting = asyncio.create_task(http.post(f"{server.url}/api/action", json=body))
        await delivery.until_it_runs()
        waiting.cancel()
    delivery.let_go()

    await until_delivered(server, "cy", ["book"])


def test_action_answers_over_http_and_by_path_for_the_admin(server: ServerProcess) -> None:
    body = {"path": "parcels:deliver", "args": {"to": "dan", "content": "lamp"}}
    answer = httpx.post(f"{server.url}/api/action", json=body, timeout=30).json()
    empty = {"path": "parcels:deliver", "args": {"to": "dan", "content": ""}}
    failure = httpx.post(f"{server.url}/api/action", json=empty, timeout=30).json()

    assert answer == {
        "status": "success",
        "value": ["lamp"],
        "logLines": ["[LOG] 'delivering' 'lamp'"],
    }
    assert failure["errorData"] == {"code": "Empty", "to": "dan"}
    assert server.run("parcels:deliver", {"to": "dan", "content": "rug"}) == ["lamp", "rug"]


@pytest.mark.asyncio
async def test_action_that_keeps_the_loop_is_stopped_and_everyone_is_served_again(
    server: ServerProcess, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    async with RawClient(server.url) as endless, RawClient(server.url) as client:
        await start(endless, 0, "parcels:driveInCircles", {"began": str(began)})
        await asyncio.to_thread(wait_for, began.exists, "the action to run")
        beside = await client.mutate("parcels:record", {"to": "eve", "content": "meanwhile"})
        stopped = await response_to(endless, 0)

    assert beside["success"] is True
    assert stopped["success"] is False
    assert f"{STRETCH_LIMIT} in `parcels:driveInCircles`" in stopped["result"]
    assert "A handler has kept everybody waiting for 100 ms" in server.log
    assert "in drive_in_circles" in server.log


# The end of the server


def answers(server: ServerProcess) -> bool:
    try:
        httpx.get(f"{server.url}/version", timeout=5)
    except httpx.TransportError:
        return False
    return True


async def until_it_stops(server: ServerProcess) -> None:
    await asyncio.to_thread(wait_for, lambda: not answers(server), "the server to stop")


@pytest.mark.asyncio
async def test_stop_waits_for_an_action_and_hands_its_answer_over(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(app=APP)
    delivery = Delivery(tmp_path, "flo")
    async with RawClient(server.url) as client:
        await start(client, 0, "parcels:deliverWhen", delivery.args)
        await delivery.until_it_runs()
        os.kill(server.pid, signal.SIGTERM)
        await until_it_stops(server)
        await start(client, 1, "parcels:deliver", {"to": "flo", "content": "too late"})
        refused = await response_to(client, 1)
        delivery.let_go()
        finished = await response_to(client, 0)
        _, closed = await client.receive_end()
    exit_code = await asyncio.to_thread(server.wait_for_exit)
    server.restart()

    assert (refused["success"], finished["success"]) == (False, True)
    assert "nothing was done" in refused["result"]
    assert closed == Closed(1001, "")
    assert exit_code == 0
    assert delivered(server, "flo") == ["book"]


@pytest.mark.asyncio
async def test_second_signal_does_not_wait_for_actions(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(app=APP)
    delivery = Delivery(tmp_path, "gus")
    async with RawClient(server.url) as client:
        await start(client, 0, "parcels:deliverWhen", delivery.args)
        await delivery.until_it_runs()
        started = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        await until_it_stops(server)
        os.kill(server.pid, signal.SIGTERM)
        exit_code = await asyncio.to_thread(server.wait_for_exit)

    assert exit_code == 128 + signal.SIGTERM
    assert time.monotonic() - started < MOST_SECONDS


@pytest.mark.asyncio
async def test_stop_leaves_a_blocked_thread_behind(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(app=APP)
    began = tmp_path / "began"
    async with RawClient(server.url) as client:
        await start(client, 0, "parcels:sleepInAThread", {"began": str(began)})
        await asyncio.to_thread(wait_for, began.exists, "the action to run")
        os.kill(server.pid, signal.SIGTERM)
        exit_code = await asyncio.to_thread(server.wait_for_exit)

    assert exit_code == 0
    assert "`parcels:sleepInAThread` was still running at the stop and was cancelled" in server.log
    assert "Traceback" not in server.log
