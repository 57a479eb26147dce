"""The chat page in headless Chromium, as people use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.harness.example_app import copy_of_app
from tests.harness.programs import Node
from tests.harness.server_process import ServerProcess

pytestmark = [pytest.mark.node, pytest.mark.browser]

TEXTS = {
    "first": "Does the fix also cover gift cards? They go through the same code.",
    "second": "Good catch. I would add a test for a gift card and a coupon together.",
}
SEED = ("--run", "seed:demo")


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server of the page with its demo data."""
    data = tmp_path_factory.mktemp("page") / "data"
    server = ServerProcess(data, command="dev", options=SEED)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def result(
    node: Node, chromium: str, page_server: ServerProcess, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """What two tabs showed after a short chat; renews the README's picture if asked to."""
    picture: Path | None = request.config.getoption("--screenshot")
    if picture is not None:
        picture = picture.absolute()
        picture.parent.mkdir(parents=True, exist_ok=True)
    return node.run(
        "browser_tabs.mjs",
        url=page_server.url,
        executablePath=chromium,
        texts=TEXTS,
        commitSha="8f2c1d9",
        screenshot=picture and str(picture),
    )


def test_two_tabs_see_each_others_messages(result: dict[str, Any]) -> None:
    wide, phone = result["lists"]

    assert wide == phone
    assert len(wide) == 4
    assert wide[-2:] == [TEXTS["first"], TEXTS["second"]]


def test_mark_of_one_tab_is_stored(result: dict[str, Any], page_server: ServerProcess) -> None:
    session_id = page_server.run("seed:demo")["sessionId"]

    messages = page_server.run("messages:list", {"sessionId": session_id})

    (changes,) = [message["changes"] for message in messages if "changes" in message]
    assert changes["committed"] is True
    assert changes["commitSha"] == "8f2c1d9"
    assert "prUrl" not in changes


def test_page_works_without_errors_and_without_other_servers(result: dict[str, Any]) -> None:
    assert result["complaints"] == []
    assert result["foreignRequests"] == []


def test_page_keeps_a_message_while_the_server_is_away_and_sends_it_once(
    node: Node, chromium: str, start_server: StartServer
) -> None:
    server = start_server(command="dev", options=SEED)
    args = {"url": server.url, "executablePath": chromium, "text": "written offline"}
    with node.start("browser_offline.mjs", **args) as program:
        program.receive_until(ready=True)
        server.kill()
        program.send({"away": True})
        program.receive_until(written=True)
        server.restart()
        program.send({"away": False})
        contents = program.receive()["contents"]

    session_id = server.run("seed:demo")["sessionId"]
    stored = server.run("messages:list", {"sessionId": session_id})
    assert contents[-1] == "written offline"
    assert [message["content"] for message in stored].count("written offline") == 1


def test_page_shows_a_broken_file_and_follows_its_own_files(
    node: Node, chromium: str, start_server: StartServer, tmp_path: Path
) -> None:
    app = copy_of_app(tmp_path)
    server = start_server(app=app, command="dev", options=SEED)
    page, functions = app / "web" / "index.html", app / "functions" / "sessions.py"
    args = {"url": server.url, "executablePath": chromium, "label": "Your other name"}
    with node.start("browser_dev.mjs", **args) as program:
        program.receive_until(seen="live")
        source = functions.read_text()
        functions.write_text(f"{source}\n\ndef broken(:\n")
        program.send({"until": "banner"})
        shown = program.receive_until(seen="banner")
        functions.write_text(source)
        program.send({"until": "no banner"})
        mended = program.receive_until(seen="no banner")
        page.write_text(page.read_text().replace("Your name", "Your other name"))
        program.send({"until": "new page"})
        complaints = program.receive()["complaints"]

    line = len(source.splitlines()) + 3
    assert f"functions/sessions.py:{line}: SyntaxError: invalid syntax" in shown["text"]
    assert mended["text"] is None
    assert complaints == []
