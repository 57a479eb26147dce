"""The program `realtime`, from its start to its end, in a process of its own."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.sync_socket import SyncSocket
from tests.harness.waiting import wait_for
from tests.integration.server.running_app import write_app

StartServer = Any


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write_app(tmp_path)


def test_program_says_what_it_serves_and_where(start_server: StartServer, app: Path) -> None:
    server: ServerProcess = start_server(app=app)

    assert f"Serving notes_app at {server.url}\n" in server.log


def test_data_is_private_to_its_owner(start_server: StartServer, app: Path) -> None:
    server: ServerProcess = start_server(app=app)

    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in server.data.iterdir()}
    assert set(modes.values()) == {0o600}


def test_second_server_on_a_data_directory_is_refused(start_server: StartServer, app: Path) -> None:
    first: ServerProcess = start_server(app=app)

    second: ServerProcess = start_server(app=app, data=first.data, wait=False)

    assert second.wait_for_exit() == 1
    assert f"The data directory `{first.data}` is in use by another server" in second.log
    assert f"(process {first.pid})" in second.log
    assert "Traceback" not in second.log
    assert httpx.get(f"{first.url}/ready").status_code == 200


def test_port_in_use_is_refused(start_server: StartServer, app: Path, tmp_path: Path) -> None:
    first: ServerProcess = start_server(app=app)

    options = ("--port", str(first.port))
    second: ServerProcess = start_server(app=app, data=tmp_path / "d2", wait=False, options=options)

    assert second.wait_for_exit() == 1
    assert f"Cannot listen on 127.0.0.1:{first.port}: Address already in use" in second.log
    assert "--port" in second.log
    assert "Traceback" not in second.log


def test_folder_that_is_no_app_is_refused(start_server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    server: ServerProcess = start_server(app=tmp_path / "empty", wait=False)

    assert server.wait_for_exit() == 1
    assert "is not an app" in server.log
    assert "Traceback" not in server.log


def test_mistake_in_a_function_file_is_told_with_file_and_line(
    start_server: StartServer, app: Path
) -> None:
    broken = app / "functions" / "broken.py"
    broken.write_text("from realtime import query\n\nasync def f(:\n")

    server: ServerProcess = start_server(app=app, wait=False)

    assert server.wait_for_exit() == 1
    assert f"{broken}:3: " in server.log
    assert "Traceback" not in server.log


def test_bad_admin_key_in_the_environment_is_refused(
    start_server: StartServer, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: ServerProcess = start_server(app=app, wait=False)
    server.terminate()
    server.admin_key = "no-separator"
    server.launch()

    assert server.wait_for_exit() == 1
    assert "REALTIME_ADMIN_KEY: Expected an admin key of the form `name|secret`" in server.log


def test_function_is_run_before_serving(start_server: StartServer, app: Path) -> None:
    server: ServerProcess = start_server(app=app, command="dev", options=("--run", "seed:demo"))

    assert httpx.get(f"{server.url}/demo.json").json() == {"listId": "demo"}
    assert server.run("notes:list", {"listId": "demo"}) == ["hello"]


def test_function_that_fails_before_serving_ends_the_program(
    start_server: StartServer, app: Path
) -> None:
    server: ServerProcess = start_server(
        app=app, command="dev", options=("--run", "notes:list"), wait=False
    )

    assert server.wait_for_exit() == 1
    assert "Running notes:list failed: " in server.log
    assert "missing the required field `listId`" in server.log
    assert "Traceback" not in server.log
    assert "Serving" not in server.log


def test_error_texts_are_shown_by_dev_and_not_by_serve(
    start_server: StartServer, app: Path
) -> None:
    call = {"path": "notes:add", "args": {"listId": "a", "text": ""}}
    messages = {}
    for command in ("dev", "serve"):
        server: ServerProcess = start_server(app=app, command=command)
        messages[command] = httpx.post(f"{server.url}/api/mutation", json=call).json()
        server.terminate()

    assert "A note needs a text" in messages["dev"]["errorMessage"]
    assert "A note needs a text" not in messages["serve"]["errorMessage"]
    assert messages["serve"]["errorData"] == {"code": "NoText"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_program_in_order(
    start_server: StartServer, app: Path, number: signal.Signals
) -> None:
    server: ServerProcess = start_server(app=app)
    with SyncSocket(server.url).greet() as socket:
        socket.add_query(0, "notes:list", [{"listId": "a"}])
        socket.receive_result(0)
        socket.mutate(0, "notes:add", [{"listId": "a", "text": "hello"}])
        socket.receive_result(0)

        os.kill(server.pid, number)
        _, closed = socket.receive_end()

    assert closed.code == 1001
    assert server.wait_for_exit() == 0
    assert "Traceback" not in server.log
    wal = server.data / "data.sqlite-wal"
    assert not wal.exists() or wal.stat().st_size == 0

    server.restart()
    assert server.run("notes:list", {"listId": "a"}) == ["hello"]


def test_second_signal_ends_the_program_at_once(
    start_server: StartServer, app: Path, tmp_path: Path
) -> None:
    (app / "functions" / "slow.py").write_text(
        "import time\nfrom realtime import QueryCtx, query\n\n"
        "@query\nasync def wait(ctx: QueryCtx) -> None:\n"
        f"    open({str(tmp_path / 'running')!r}, 'w').close()\n"
        "    time.sleep(60)\n"
    )
    server: ServerProcess = start_server(app=app)
    with SyncSocket(server.url).greet() as socket:
        socket.send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": 0,
                "newVersion": 1,
                "modifications": [
                    {"type": "Add", "queryId": 0, "udfPath": "slow:wait", "args": [{}]}
                ],
            }
        )
        wait_for((tmp_path / "running").exists, "the query to run")

        for _ in range(2):
            os.kill(server.pid, signal.SIGTERM)
            wait_for(
                lambda: server.exit_code is not None or _has_handled_signal(server.pid),
                "the signal to be handled",
            )

        assert server.wait_for_exit() == 128 + signal.SIGTERM


def _has_handled_signal(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
    return int(pending.split()[1], 16) == 0


def test_run_calls_a_function_of_the_server(start_server: StartServer, app: Path) -> None:
    server: ServerProcess = start_server(app=app)
    command = [sys.executable, "-m", "realtime.cli.main", "run", "notes:count"]
    environment = os.environ | {"REALTIME_ADMIN_KEY": server.admin_key}

    result = subprocess.run(
        [*command, "{}", "--url", server.url],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")
