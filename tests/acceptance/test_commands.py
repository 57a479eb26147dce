"""The commands as their users meet them: what they print and what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.harness.command_line import RunningCommand, realtime
from tests.harness.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the chat app that tells errors openly."""
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", command="dev")
    try:
        yield process.start()
    finally:
        process.close()


def test_new_app_is_served_as_it_is(start_server: StartServer, tmp_path: Path) -> None:
    made = realtime("init", "board", "--json", folder=tmp_path)
    server = start_server(app=tmp_path / "board", command="dev")
    note = server.run("notes:add", {"text": " first "})
    server.run("notes:setDone", {"noteId": note, "done": True})

    (listed,) = server.run("notes:list")

    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout) == {
        "folder": str(tmp_path / "board"),
        "files": [
            ".gitignore",
            "functions/notes.py",
            "schema.py",
            "web/app.css",
            "web/app.js",
            "web/index.html",
        ],
    }
    assert (listed["text"], listed["done"]) == ("first", True)


def test_init_says_what_to_do_next(tmp_path: Path) -> None:
    made = realtime("init", "board", folder=tmp_path)

    assert made.returncode == 0
    assert made.stdout.splitlines()[-1] == "Serve it with: realtime dev board"


def test_init_makes_a_front_end_in_react_with_its_types(tmp_path: Path) -> None:
    made = realtime("init", "my board", "--react", folder=tmp_path)
    types = ("codegen", "my board", "--out", "my board/frontend/src/_generated", "--check")
    checked = realtime(*types, folder=tmp_path)

    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.splitlines()[-1] == "Serve it with: npm start --prefix 'my board/frontend'"
    assert "frontend/src/_generated/api.d.ts" in made.stdout
    assert not (tmp_path / "my board" / "web").exists()
    assert "node_modules/" in (tmp_path / "my board" / ".gitignore").read_text().splitlines()
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("options", [[], ["--react"]])
def test_init_leaves_a_folder_alone_that_is_not_empty(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    refused = realtime("init", *options, folder=tmp_path)

    assert_refused(refused, 1, "is not empty")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_init_accepts_what_git_keeps_and_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("mine\n")

    made = realtime("init", folder=tmp_path)

    assert made.returncode == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert (tmp_path / "schema.py").exists()


def test_watch_prints_each_new_value_over_restarts_until_ctrl_c(
    start_server: StartServer, tmp_path: Path
) -> None:
    realtime("init", "board", folder=tmp_path)
    server = start_server(app=tmp_path / "board")
    arguments = ("watch", "notes:list", "{}", "--json", "--url", server.url)
    with RunningCommand(*arguments, folder=tmp_path) as watch:
        values = [json.loads(watch.line())]
        server.run("notes:add", {"text": "first"})
        values.append(json.loads(watch.line()))
        server.kill()
        interruption = watch.error_line()
        server.restart()
        server.run("notes:add", {"text": "second"})
        values.append(json.loads(watch.line()))
        code = watch.interrupt()
        errors = watch.rest_of_errors()

    texts = [[note["text"] for note in value] for value in values]
    assert texts == [[], ["first"], ["second", "first"]]
    assert interruption.startswith("The connection was lost (")
    assert (code, errors) == (0, [])


def test_watch_without_the_key_sees_what_anybody_may(
    start_server: StartServer, tmp_path: Path
) -> None:
    realtime("init", "board", folder=tmp_path)
    server = start_server(app=tmp_path / "board")
    arguments = ("watch", "notes:list", "--url", server.url)

    with RunningCommand(*arguments, folder=tmp_path, admin_key=None) as watch:
        first = watch.line()

    assert first == "[]"


def test_watch_ends_when_its_key_is_taken_away(start_server: StartServer, tmp_path: Path) -> None:
    realtime("init", "board", folder=tmp_path)
    server = start_server(app=tmp_path / "board")
    arguments = ("watch", "notes:list", "--url", server.url)
    with RunningCommand(*arguments, folder=tmp_path) as watch:
        assert watch.line() == "[]"
        server.kill()
        server.admin_key = "test|another"
        server.restart()
        errors = [watch.error_line(), watch.error_line()]

    assert errors[0].startswith("The connection was lost (")
    assert errors[1] == (
        "realtime watch: The server refused: the admin key is not accepted any more"
    )


def test_data_shows_what_is_stored(server: ServerProcess, tmp_path: Path) -> None:
    server.run("seed:demo")
    options = ("--url", server.url, "--json")

    tables = realtime("data", *options, folder=tmp_path)
    newest = realtime("data", "messages", "--limit", "1", *options, folder=tmp_path)
    oldest = realtime("data", "messages", "--order", "asc", *options, folder=tmp_path)
    shown = realtime("data", "teams", "--url", server.url, folder=tmp_path)

    assert {"messages", "sessions", "teams"} <= set(json.loads(tables.stdout))
    messages = [json.loads(line) for line in oldest.stdout.splitlines()]
    assert len(messages) > 1
    assert [json.loads(line) for line in newest.stdout.splitlines()] == messages[-1:]
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "_creationTime" in shown.stdout


def test_run_as_json_prints_one_line(server: ServerProcess, tmp_path: Path) -> None:
    ran = realtime("run", "seed:demo", "{}", "--json", "--url", server.url, folder=tmp_path)

    assert ran.returncode == 0
    assert ran.stdout.count("\n") == 1
    assert set(json.loads(ran.stdout)) == {"repoId", "sessionId", "teamId"}


def assert_refused(refused: object, code: int, *texts: str) -> None:
    """Check that a command ended with this code and said these things in one line."""
    returncode, output, error = (
        getattr(refused, name) for name in ("returncode", "stdout", "stderr")
    )
    assert (returncode, output) == (code, ""), error
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    for text in texts:
        assert text in error
