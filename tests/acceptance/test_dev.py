"""`realtime dev` as its user meets it: the program, a file, a socket that stays open."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import StartServer
from tests.harness.example_app import copy_of_app
from tests.harness.server_process import ServerProcess
from tests.harness.sync_socket import SyncSocket
from tests.harness.waiting import wait_for

SEED = ("--run", "seed:demo")


def start(start_server: StartServer, tmp_path: Path) -> tuple[ServerProcess, Path]:
    app = copy_of_app(tmp_path)
    return start_server(app=app, command="dev", options=SEED), app


def exchange(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_saved_function_is_pushed_over_the_socket_that_was_open(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, app = start(start_server, tmp_path)
    session_id = server.run("seed:demo")["sessionId"]
    with SyncSocket(server.url).greet() as socket:
        socket.add_query(0, "messages:list", [{"sessionId": session_id}])
        before = socket.receive_result(0)["value"]

        exchange(app / "functions" / "messages.py", 'order("asc")', 'order("desc")')
        after = socket.receive_result(0)["value"]

    tables = server.run("_system/cli/tables", {"paginationOpts": {"numItems": 9, "cursor": None}})
    assert len(before) > 1
    assert {"name": "messages"} in tables["page"]
    assert after == before[::-1]
    wait_for(lambda: "Reloaded in" in server.log, "a line about the reload")
    assert re.search(r"^Reloaded in \d+ ms: messages:list$", server.log, re.MULTILINE)
    assert re.search(r"^Serving app at http://127.0.0.1:\d+$", server.log, re.MULTILINE)


def test_broken_file_and_schema_that_does_not_fit_stop_nothing(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, app = start(start_server, tmp_path)
    session_id = server.run("seed:demo")["sessionId"]
    with SyncSocket(server.url).greet() as socket:
        socket.add_query(0, "messages:list", [{"sessionId": session_id}])
        before = socket.receive_result(0)["value"]

        exchange(app / "functions" / "messages.py", "async def send(", "async def send((")
        wait_for(lambda: "functions/messages.py:" in server.log, "file and line of the mistake")
        exchange(app / "functions" / "messages.py", "async def send((", "async def send(")
        wait_for(lambda: "Reloaded in" in server.log, "a reload of the mended file")
        exchange(app / "schema.py", "timestamp: float", "timestamp: str")
        wait_for(lambda: server.log.count("Not reloaded") == 2, "a line about the schema")
        send = {"sessionId": session_id, "role": "user", "content": "still there"}
        server.run("messages:send", send)
        contents = [message["content"] for message in socket.receive_result(0)["value"]]

    assert contents == [*(message["content"] for message in before), "still there"]
    assert re.search(r"Not reloaded, .*: functions/messages\.py:\d+: SyntaxError", server.log)
    assert re.search(r'Not reloaded, .* in table "messages" does not match the schema', server.log)
    assert "Traceback" not in server.log


def test_dev_server_that_watches_stops_in_order(start_server: StartServer, tmp_path: Path) -> None:
    server, _ = start(start_server, tmp_path)

    assert server.terminate() == 0
