"""The React front end of `examples/react-chat`, built and used as people use it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from realtime.codegen.output import stale_files
from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import load_app
from tests.clients.conftest import missing_id
from tests.conftest import StartServer
from tests.harness.example_app import copy_of_app
from tests.harness.fault_proxy import TO_CLIENT, FaultProxy, of_type
from tests.harness.programs import Node, Program
from tests.harness.server_process import ROOT, ServerProcess

pytestmark = [pytest.mark.node, pytest.mark.browser]

EXAMPLE = ROOT / "examples" / "react-chat"
SEED = ("--run", "seed:demo")
PAGE = 20
"""How many messages the front end asks for at a time."""


@pytest.fixture(scope="session")
def app(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chat app with the built React front end as its page."""
    if not (EXAMPLE / "node_modules").is_dir():
        pytest.skip("The packages of examples/react-chat are missing; run `make node_modules`")
    app = copy_of_app(tmp_path_factory.mktemp("react"))
    shutil.rmtree(app / "web")
    built = subprocess.run(
        ["npm", "run", "build", "--", "--outDir", str(app / "web"), "--emptyOutDir"],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return app


@pytest.fixture
def server(app: Path, start_server: StartServer) -> Iterator[ServerProcess]:
    """A server of the front end with demo data."""
    yield start_server(app=app, command="dev", options=SEED)


@pytest.fixture
def act(node: Node, chromium: str) -> Any:
    """Return a function that starts a scene of `react_chat.mjs`."""

    def start(scene: str, url: str, **args: object) -> Program:
        script = "react_chat.mjs"
        return node.start(script, scene=scene, url=url, executablePath=chromium, **args)

    return start


def stored(server: ServerProcess) -> list[str]:
    session_id = server.run("seed:demo")["sessionId"]
    messages = server.run("messages:list", {"sessionId": session_id})
    return [message["content"] for message in messages]


def test_generated_types_are_those_of_the_app() -> None:
    generated = EXAMPLE / "src" / "_generated"

    assert stale_files(generated, typescript_files(load_app(ROOT))) == []


def test_two_tabs_see_each_others_messages(act: Any, server: ServerProcess) -> None:
    with act("tabs", server.url) as program:
        result = program.receive()

    one, other = result["lists"]
    assert one == other == stored(server)
    assert one[-2:] == ["from one", "from the other\nin two lines"]
    assert result["complaints"] == []


def test_message_is_shown_before_the_answer_and_stays_where_it_is(
    act: Any, server: ServerProcess
) -> None:
    with FaultProxy(server.port) as proxy:
        fault = proxy.hold(TO_CLIENT, of_type("MutationResponse"))
        with act("pending", proxy.url, text="at once") as program:
            program.receive_until(shown=True)
            fault.wait()
            fault.release()
            result = program.receive()

    assert result["copies"] == [0, 1]
    assert stored(server)[-1] == "at once"


def test_earlier_messages_come_in_pages_and_stay_live(act: Any, server: ServerProcess) -> None:
    session_id = server.run("seed:demo")["sessionId"]
    send = {"sessionId": session_id, "role": "user"}
    for number in range(2 * PAGE):
        server.run("messages:send", {**send, "content": f"message {number}"})
    everything = stored(server)

    with act("history", server.url, loads=2) as program:
        lists = program.receive()["lists"]
        server.run("messages:send", {**send, "content": "the newest"})
        program.send({"sent": "the newest"})
        last = program.receive()["last"]

    assert lists == [everything[-PAGE:], everything[-2 * PAGE :], everything]
    assert last == [*everything, "the newest"]


def test_message_that_is_written_while_the_server_is_away_is_sent_once(
    act: Any, server: ServerProcess
) -> None:
    with act("offline", server.url, text="written offline") as program:
        program.receive_until(ready=True)
        server.kill()
        program.send({"away": True})
        program.receive_until(written=True)
        server.restart()
        program.send({"away": False})
        shown = program.receive()["list"]

    assert shown == stored(server)
    assert shown.count("written offline") == 1


def test_message_that_is_refused_is_kept_until_it_is_discarded(
    act: Any, server: ServerProcess
) -> None:
    before = len(stored(server))

    with act("refused", server.url, size=1_100_000) as program:
        result = program.receive()

    assert result["before"] == before
    assert stored(server)[before:] == ["short"]


def test_address_without_a_session_leaves_the_choice(act: Any, server: ServerProcess) -> None:
    missing = missing_id(server.run("seed:demo")["sessionId"])

    with act("unknown", server.url, sessions=[missing, "nonsense"]) as program:
        texts = program.receive()["texts"]

    assert texts == ["No such session", "This conversation cannot be shown"]
