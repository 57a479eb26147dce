"""`realtime dev` as its user meets it: the program, a file, a socket that stays open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx

from bench.reload import measure
from tests.conftest import StartServer
from tests.harness.command_line import RunningCommand
from tests.harness.example_app import copy_of_app
from tests.harness.server_process import ServerProcess
from tests.harness.sync_socket import SyncSocket
from tests.harness.terminal import TerminalCommand
from tests.harness.waiting import wait_for

SAVES = 5
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


def test_save_is_pushed_before_one_notices(tmp_path: Path) -> None:
    times, _ = measure(copy_of_app(tmp_path), tmp_path / "data", SAVES)

    assert min(times) < 0.3


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


def test_events_are_lines_of_json_for_programs(tmp_path: Path) -> None:
    app = copy_of_app(tmp_path)
    messages = app / "functions" / "messages.py"
    messages.write_text(messages.read_text() + '\nprint("printed")\n')
    arguments = ("dev", str(app), "--port", "0", "--json", "--codegen")
    with RunningCommand(*arguments, folder=tmp_path) as dev:
        events = [json.loads(dev.line()), json.loads(dev.line())]
        exchange(messages, "async def send(", "async def post(")
        events += [json.loads(dev.line()), json.loads(dev.line())]
        exchange(messages, "async def post(", "async def post((")
        events.append(json.loads(dev.line()))
        code = dev.interrupt()

    serving, first, reloaded, second, refused = events
    assert (code, dev.rest_of_output()) == (0, [])
    assert "printed" in dev.rest_of_errors()
    assert serving == {
        "event": "serving",
        "app": app.name,
        "url": serving["url"],
        "dataDirectory": str(app / ".realtime"),
        "isWatching": True,
    }
    names = ["_generated/api.d.ts", "_generated/api.js", "_generated/dataModel.d.ts"]
    assert first == {"event": "generated", "files": names}
    assert reloaded.pop("milliseconds") > 0
    assert reloaded == {"event": "reloaded", "functions": ["messages:post", "messages:send"]}
    assert second == {"event": "generated", "files": ["_generated/api.d.ts"]}
    assert refused["event"] == "notReloaded"
    assert refused["reason"].startswith("functions/messages.py:")


def test_serve_tells_programs_where_it_serves(tmp_path: Path) -> None:
    app = copy_of_app(tmp_path)
    with RunningCommand("serve", str(app), "--port", "0", "--json", folder=tmp_path) as serve:
        serving = json.loads(serve.line())
        version = httpx.get(f"{serving['url']}/version", timeout=30)
        code = serve.interrupt()

    assert (serving["event"], serving["isWatching"], version.status_code) == ("serving", False, 200)
    assert (code, serve.rest_of_output()) == (0, [])


def test_terminal_has_a_line_that_tells_the_state(tmp_path: Path) -> None:
    app = copy_of_app(tmp_path)
    with TerminalCommand("dev", str(app), "--port", "0", folder=tmp_path) as dev:
        wait_for(lambda: re.search(rf"{app.name}  http://\S+  serving", dev.output), "its state")
        exchange(app / "functions" / "messages.py", 'order("asc")', 'order("desc")')
        wait_for(lambda: "  reloaded in" in dev.output, "the new state")
        exchange(app / "functions" / "messages.py", "async def send(", "async def send((")
        wait_for(lambda: "  not reloaded: functions/messages.py:" in dev.output, "the mistake")
        code = dev.interrupt()

    assert code == 0
    assert "Traceback" not in dev.output


def test_dev_server_that_watches_stops_in_order(start_server: StartServer, tmp_path: Path) -> None:
    server, _ = start(start_server, tmp_path)

    assert server.terminate() == 0
