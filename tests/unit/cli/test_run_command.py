"""`realtime run` against a server that answers what a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from realtime.cli.run import run_function


class AnsweringServer(HTTPServer):
    """Keeps the last request and gives a prepared answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer: Any = {"status": "success", "value": None}
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer

    def do_POST(self) -> None:
        self.server.path = self.path
        self.server.headers = dict(self.headers)
        self.server.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.answer
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with AnsweringServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REALTIME_ADMIN_KEY", raising=False)


def test_value_is_printed_as_json(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = {"status": "success", "value": {"id": "é", "n": 1}}

    code = run_function("seed:demo", '{"a": 1}', server.url, "app|key")

    output = capsys.readouterr()
    assert (code, output.err) == (0, "")
    assert output.out == '{\n  "id": "é",\n  "n": 1\n}\n'


def test_call_is_made_as_the_admin(server: AnsweringServer) -> None:
    run_function("seed:demo", '{"a": 1}', f"{server.url}/team/", "app|key")

    assert server.path == "/team/api/function"
    assert server.headers["Authorization"] == "Convex app|key"
    assert server.body == {"path": "seed:demo", "args": {"a": 1}, "format": "json"}


def test_key_comes_from_the_environment_before_the_folder(
    server: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".realtime").mkdir()
    (tmp_path / ".realtime" / "admin_key").write_text("folder|key\n")

    run_function("m:f", "{}", server.url, None)
    assert server.headers["Authorization"] == "Convex folder|key"

    monkeypatch.setenv("REALTIME_ADMIN_KEY", "environment|key")
    run_function("m:f", "{}", server.url, None)
    assert server.headers["Authorization"] == "Convex environment|key"


def test_without_a_key_it_says_where_keys_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_function("m:f", "{}", "http://127.0.0.1:1", None)

    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    for place in ("--admin-key", "REALTIME_ADMIN_KEY", ".realtime/"):
        assert place in error


def test_log_lines_do_not_mix_with_the_value(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = {"status": "success", "value": 1, "logLines": ["[LOG] 'seeding'"]}

    run_function("m:f", "{}", server.url, "app|key")

    output = capsys.readouterr()
    assert (output.out, output.err) == ("1\n", "[LOG] 'seeding'\n")


def test_failed_function_prints_its_error_and_data(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = {"status": "error", "errorMessage": "Server Error\nboom\n", "errorData": [1]}

    code = run_function("m:f", "{}", server.url, "app|key")

    output = capsys.readouterr()
    assert (code, output.out) == (1, "")
    assert output.err == "Server Error\nboom\nData: [1]\n"


def test_refused_call_prints_the_servers_reason(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 403
    server.answer = {"code": "BadDeployKey", "message": "The provided deploy key was invalid"}

    code = run_function("m:f", "{}", server.url, "app|key")

    error = capsys.readouterr().err
    assert code == 1
    assert error == (
        f"realtime run: {server.url} refused the call: The provided deploy key was invalid\n"
    )


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b""])
def test_server_of_another_kind_is_reported_in_one_line(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    server.answer = answer

    code = run_function("m:f", "{}", server.url, "app|key")

    error = capsys.readouterr().err
    assert (code, error.count("\n")) == (1, 1)
    assert "refused the call: 200 OK" in error


def test_server_that_is_not_there_is_reported_in_one_line(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.server_close()

    code = run_function("m:f", "{}", server.url, "app|key")

    error = capsys.readouterr().err
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith(f"realtime run: Cannot reach a server at {server.url}")
    assert "realtime dev" in error


@pytest.mark.parametrize("arguments", ["{", "[1]", "1", ""])
def test_arguments_that_are_no_object_are_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    assert run_function("m:f", arguments, "http://127.0.0.1:1", "app|key") == 2
    assert capsys.readouterr().err.startswith("realtime run: ")


@pytest.mark.parametrize("url", ["127.0.0.1:3210", "ftp://host", "http://", "http://host:port"])
def test_address_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert run_function("m:f", "{}", url, "app|key") == 2
    assert capsys.readouterr().err.count("\n") == 1
