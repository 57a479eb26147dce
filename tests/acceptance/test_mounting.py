"""An app inside of other programs, under uvicorn as users start it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.host_process import HostProcess
from tests.harness.server_process import ROOT
from tests.harness.sync_socket import NPM_PATH, SyncSocket
from tests.harness.waiting import wait_for

StartHost = Callable[..., HostProcess]


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    hosts: list[HostProcess] = []

    def start(target: str, *, wait: bool = True, **options: Any) -> HostProcess:
        host = HostProcess(target, tmp_path / "data", **options)
        hosts.append(host)
        if wait:
            host.start()
        else:
            host.launch()
        return host

    yield start
    for host in hosts:
        host.close()


def socket_of(host: HostProcess) -> SyncSocket:
    return SyncSocket(host.url.replace("http", "ws", 1), NPM_PATH)


@pytest.mark.parametrize(
    ("target", "prefix"),
    [("plain:app", ""), ("in_starlette:app", "/convex"), ("in_fastapi:app", "/convex")],
)
def test_app_answers_over_http_and_sockets(start_host: StartHost, target: str, prefix: str) -> None:
    host = start_host(target, prefix=prefix)
    ids = host.run("seed:demo")

    with socket_of(host).greet() as socket:
        socket.add_query(0, "messages:list", [{"sessionId": ids["sessionId"]}])
        before = socket.receive_result(0)["value"]
        args = {"sessionId": ids["sessionId"], "role": "user", "content": "hello"}
        host.run("messages:send", args)
        after = socket.receive_result(0)["value"]

    assert [len(before), len(after)] == [2, 3]
    assert host.metrics().value("realtime_commits_total") == 2
    host.terminate()
    assert "Application shutdown complete" in host.log
    assert "Traceback" not in host.log


def test_calls_of_the_host_and_sockets_see_each_other(start_host: StartHost) -> None:
    host = start_host("in_fastapi:app", prefix="/convex")
    session = {"sessionId": host.run("seed:demo")["sessionId"]}

    with socket_of(host).greet() as socket:
        socket.add_query(0, "messages:list", [session])
        socket.receive_result(0)
        params = {"session_id": session["sessionId"], "content": "from the host"}
        httpx.post(f"{host.host_url}/send", params=params, timeout=30).raise_for_status()
        pushed = socket.receive_result(0)["value"]
        socket.mutate(0, "messages:send", [{**session, "role": "user", "content": "from a socket"}])
        socket.receive_result(0)
        count = httpx.get(f"{host.host_url}/count", params=params, timeout=30).json()

    assert pushed[-1]["content"] == "from the host"
    assert count == 4


def test_second_worker_is_refused_with_the_reason(start_host: StartHost) -> None:
    host = start_host("plain:app", wait=False, options=["--workers", "2"])

    wait_for(lambda: "is in use by another server" in host.log, "the second worker to be refused")

    assert "One process at a time serves a directory" in host.log
    assert "run one worker only" in host.log
    assert "Traceback" not in host.log


def test_host_without_a_lifespan_is_told_what_to_write(start_host: StartHost) -> None:
    host = start_host("in_starlette:forgetful_app", wait=False, prefix="/convex")
    wait_for(lambda: "Uvicorn running" in host.log, "the host to listen")

    answer = httpx.get(f"{host.url}/version", timeout=30)
    with pytest.raises(Exception, match="403"), socket_of(host):
        pass

    assert answer.status_code == 503
    assert "write `async with realtime:` around the `yield`" in answer.text
    assert host.log.count("was refused: The realtime app is not running") == 2


def test_broken_app_ends_the_host_with_one_line(start_host: StartHost, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no directory")

    host = start_host("plain:app", wait=False)

    assert host.wait_for_exit() != 0
    assert "Cannot use the data directory" in host.log and "`data=`" in host.log
    assert "Traceback" not in host.log


NOTEBOOK = """
import asyncio
from realtime import Realtime

async def main():
    async with Realtime({app!r}, data={data!r}) as backend:
        ids = await backend.mutation("seed:demo")
        async for messages in backend.watch("messages:list", {{"sessionId": ids["session_id"]}}):
            print(len(messages), messages[-1].role)
            if len(messages) == 3:
                break
            await backend.mutation(
                "messages:send",
                {{"sessionId": ids["session_id"], "role": "user", "content": "hi"}},
            )

for _ in range(2):
    asyncio.run(main())
"""


def test_script_opens_a_backend_calls_and_watches(tmp_path: Path) -> None:
    code = NOTEBOOK.format(app=str(ROOT), data=str(tmp_path / "data"))

    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.stderr, ran.returncode) == ("", 0)
    assert ran.stdout.splitlines() == ["2 assistant", "3 user", "3 user"]
