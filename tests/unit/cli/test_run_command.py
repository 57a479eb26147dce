"""`realtime run` against a server that answers what a test wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.cli.run import run_function
from tests.unit.cli.answering_server import AnsweringServer

pytestmark = pytest.mark.usefixtures("empty_folder")


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
    assert "did not answer like a realtime server (200 OK)" in error


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


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("messages:lst", "There is no function `messages:lst`: did you mean `messages:list`?"),
        ("users", "There is no function `users`: did you mean `user`?"),
    ],
)
def test_nearest_function_is_suggested_also_by_a_server_that_redacts(
    server: AnsweringServer, capsys: pytest.CaptureFixture[str], path: str, told: str
) -> None:
    server.answers["_system/cli/modules:apiSpec"] = {
        "status": "success",
        "value": [
            {"identifier": "messages.js:list", "functionType": "Query"},
            {"identifier": "user.js:default", "functionType": "Query"},
            {"functionType": "HttpAction", "method": "GET", "path": "/x"},
        ],
    }
    server.answer = {"status": "error", "errorMessage": "[Request ID: 1] Server Error"}

    code = run_function(path, "{}", server.url, "app|key")

    assert (code, capsys.readouterr().err) == (1, f"realtime run: {told}\n")
