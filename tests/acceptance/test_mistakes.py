"""Each command, called wrongly or where it cannot work: one clear line, and its exit code."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.harness.command_line import realtime
from tests.harness.example_app import copy_of_app
from tests.harness.server_process import ServerProcess

FAILED, WRONG_USAGE = 1, 2

CALL = ("run messages:list", "watch messages:list", "data messages")
START = ("serve app", "dev app")
ALL_THAT_LOAD = ("serve", "dev", "codegen", "spec")

MISTAKES: list[tuple[tuple[str, ...], str, int, str]] = [
    # A function, a table
    (("run", "watch"), "messages:lst", FAILED, "`messages:lst`: did you mean `messages:list`?"),
    (("run", "watch"), "mesages:list", FAILED, "did you mean `messages:list`?"),
    (("run", "watch"), "{empty}", WRONG_USAGE, "a function such as `messages:list`, got ``"),
    (("run", "watch"), "messages:", WRONG_USAGE, "a function such as `messages:list`, got"),
    (("data",), "mesages", FAILED, "There is no table `mesages`: did you mean `messages`?"),
    # Arguments
    (("run messages:list", "watch messages:list"), "{{", WRONG_USAGE, "The arguments are no JSON"),
    (("run messages:list", "watch messages:list"), "[1]", WRONG_USAGE, "as a JSON object, got [1]"),
    (("run messages:list", "watch messages:list"), "{deep}", WRONG_USAGE, "are no JSON"),
    # A key
    (CALL, "--admin-key x|wrong", FAILED, "invalid"),
    (CALL, "--admin-key nonsense", WRONG_USAGE, "Expected an admin key of the form `name|secret`"),
    (CALL, "--admin-key x|✓", FAILED, "invalid"),
    # A server
    (CALL, "--url http://127.0.0.1:1", FAILED, "Cannot reach a server at http://127.0.0.1:1 ("),
    (CALL, "--url nonsense", WRONG_USAGE, "Expected an address such as"),
    (CALL, "--url ftp://127.0.0.1", WRONG_USAGE, "Expected an address such as"),
    (CALL, "--url http://[::1", WRONG_USAGE, "Expected an address"),
    (CALL, "--url http://127.0.0.1:port", WRONG_USAGE, "Expected an address"),
    (CALL, "--url http://a..b", WRONG_USAGE, "Expected an address"),
    (CALL, "--url http://a\xa0b", WRONG_USAGE, "Expected an address"),
    (CALL, "--url http://a/é", WRONG_USAGE, "Expected an address"),
    (("run a:b", "data a"), "--url {other}", FAILED, "did not answer like a realtime server (200"),
    (("watch a:b",), "--url {other}", FAILED, "Cannot reach a server at {other} ("),
    # A folder
    (ALL_THAT_LOAD, "absent", FAILED, "There is no folder `{folder}/absent`"),
    (ALL_THAT_LOAD, "file", FAILED, "There is no folder `{folder}/file`"),
    (ALL_THAT_LOAD, "empty", FAILED, "is not an app: it has no folder `functions/`"),
    (ALL_THAT_LOAD, "broken", FAILED, "broken/functions/messages.py:1: SyntaxError"),
    (("init",), "app", FAILED, "`app` is not empty"),
    (("init",), "file", FAILED, "Cannot write to `file`: Not a directory"),
    (("init",), "file/new", FAILED, "Cannot write to `file/new`: Not a directory"),
    (("codegen app",), "--out file", FAILED, "Cannot use `file`: File exists"),
    (("codegen app",), "--out file/new", FAILED, "Cannot use `file/new`: Not a directory"),
    (("codegen app",), "--check", FAILED, "Not what the app's functions and schema give"),
    # A place to serve and to store
    (START, "--port {taken}", FAILED, "Cannot listen on 127.0.0.1:{taken}: Address already in use"),
    (START, "--host no.invalid", FAILED, "Cannot listen on no.invalid:3210: "),
    (START, "--data file", FAILED, "Cannot use the data directory `{folder}/file`: File exists"),
    (START, "--data file/new", FAILED, "Cannot use the data directory `{folder}/file/new`"),
    (START, "--data foreign", FAILED, "foreign/data.sqlite`: file is not a database"),
    (START, "--data keyless", FAILED, "Cannot use the file of the admin key, `{folder}/keyless"),
    (START, "--data badkey", FAILED, "badkey/admin_key: Expected an admin key of the form"),
    (START, "--run seed:dmo", FAILED, "no function `seed:dmo`: did you mean `seed:demo`?"),
    (START, "--run :", FAILED, "Expected `module:function` or `dir/module:function`"),
]

CASES = [
    pytest.param(f"{command} {arguments}".split(" "), code, text, id=f"{command} {arguments}")
    for commands, arguments, code, text in MISTAKES
    for command in commands
]


class _OtherServer(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"<p>page\n\n")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the chat app that keeps its error texts to itself."""
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data")
    try:
        yield process.start()
    finally:
        process.close()


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    """The address of a server that is not ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OtherServer) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what commands may be pointed at by mistake."""
    folder = tmp_path_factory.mktemp("folder")
    app = copy_of_app(folder)
    if app.name != "app":
        app.rename(folder / "app")
    shutil.copytree(folder / "app", folder / "broken")
    (folder / "broken" / "functions" / "messages.py").write_text("def (\n")
    (folder / "file").write_text("")
    (folder / "empty").mkdir()
    (folder / "foreign").mkdir()
    (folder / "foreign" / "data.sqlite").write_text("no database at all")
    (folder / "keyless" / "admin_key").mkdir(parents=True)
    (folder / "badkey").mkdir()
    (folder / "badkey" / "admin_key").write_text("nonsense")
    return folder


@pytest.mark.parametrize(("words", "code", "text"), CASES)
def test_mistake_is_told_in_one_line(
    words: list[str],
    code: int,
    text: str,
    server: ServerProcess,
    other: str,
    taken: int,
    folder: Path,
) -> None:
    places = {"other": other, "taken": taken, "folder": folder, "empty": "", "deep": "[" * 60_000}
    arguments = [word.format_map(places) for word in words]
    is_call = words[0] in ("run", "watch", "data")
    if is_call and "--url" not in words:
        arguments += ["--url", server.url]

    told = realtime(*arguments, folder=folder, admin_key=server.admin_key if is_call else None)

    assert (told.returncode, told.stdout) == (code, ""), told.stderr
    assert text.format_map(places) in told.stderr
    assert "Traceback" not in told.stderr
    assert only_line(told).strip()


def only_line(told: subprocess.CompletedProcess[str]) -> str:
    """Return what a command said on its error output, which is one line."""
    (line,) = told.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["run messages:list", "data"])
def test_missing_key_is_wrong_usage(server: ServerProcess, tmp_path: Path, command: str) -> None:
    told = realtime(*command.split(), "--url", server.url, folder=tmp_path, admin_key=None)

    assert told.returncode == WRONG_USAGE
    assert "There is no admin key. Give one with --admin-key" in only_line(told)


@pytest.mark.parametrize("command", CALL)
def test_key_that_cannot_be_read_is_told(
    server: ServerProcess, tmp_path: Path, command: str
) -> None:
    (tmp_path / ".realtime" / "admin_key").mkdir(parents=True)

    told = realtime(*command.split(), "--url", server.url, folder=tmp_path, admin_key=None)

    assert told.returncode == WRONG_USAGE
    assert "Cannot use the file of the admin key" in only_line(told)


@pytest.mark.parametrize("command", START)
def test_key_of_the_environment_that_is_none_is_told(folder: Path, command: str) -> None:
    told = realtime(*command.split(), folder=folder, admin_key="nonsense")

    assert told.returncode == FAILED
    assert "REALTIME_ADMIN_KEY: Expected an admin key of the form" in only_line(told)


@pytest.mark.parametrize(
    "arguments",
    [
        "run",
        "watch",
        "run messages:list {} more",
        "data --limit 0",
        "data --order up",
        "serve --port 65536",
        "dev --port http",
        "codegen --stubs --python",
        "spec --nonsense",
        "nonsense",
    ],
)
def test_wrong_words_show_the_usage(tmp_path: Path, arguments: str) -> None:
    told = realtime(*arguments.split(), folder=tmp_path)

    assert (told.returncode, told.stdout) == (WRONG_USAGE, "")
    assert told.stderr.startswith("Usage: ")
    assert "Traceback" not in told.stderr
