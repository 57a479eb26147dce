"""The app that `realtime init --react` makes: developed, built and used as its author does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.test_react_chat import EXAMPLE
from tests.conftest import StartServer
from tests.harness.command_line import realtime
from tests.harness.programs import Node
from tests.harness.server_process import ROOT, free_port
from tests.harness.waiting import wait_for

TEMPLATE = ROOT / "realtime" / "cli" / "new_app" / "react" / "frontend"
DEADLINE_SECONDS = 60.0
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
"""Where programs are looked for, with those of the environment that the tests run in."""

USED = {"notes": ["buy milk"], "kept": "   ", "complaints": []}


@pytest.fixture
def board(node: Node, tmp_path: Path) -> Path:
    """A new app whose npm packages are those of the example."""
    packages = EXAMPLE / "node_modules"
    if not packages.is_dir():
        pytest.skip("The packages of examples/react-chat are missing; run `make node_modules`")
    made = realtime("init", "board", "--react", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    modules = tmp_path / "board" / "frontend" / "node_modules"
    modules.mkdir()
    for package in packages.iterdir():
        if package.name not in (".vite", ".package-lock.json"):
            (modules / package.name).symlink_to(package)
    return tmp_path / "board"


class Development:
    """What `npm run dev` starts in a new app, on free ports; use it as a context manager."""

    def __init__(self, board: Path, *, path: str = PATH) -> None:
        self._folder = board / "frontend"
        self._log = board.parent / "dev.log"
        self._environment = os.environ | {"PATH": path, "NO_COLOR": "1"}
        self._environment.pop("REALTIME_URL", None)
        port, page_port, site_port = free_port(), free_port(), free_port()
        self.app_url, self.url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{page_port}"
        config = self._folder / "vite.config.ts"
        command = f'["dev", "..", "--port", "{port}", "--site-port", "{site_port}"]'
        text = config.read_text().replace('["dev", ".."]', command)
        config.write_text(text.replace("http://127.0.0.1:3210", self.app_url))
        self._page = ("--host", "127.0.0.1", "--port", str(page_port), "--strictPort")

    def __enter__(self) -> Development:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._folder / "node_modules" / ".bin" / "vite", *self._page],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: answers(self.url), f"an answer from {self.url}", DEADLINE_SECONDS)
        return self

    @property
    def log(self) -> str:
        """Return what was printed so far, by the page's program and the server."""
        return self._log.read_text()

    def end_page(self) -> None:
        """End the page's program, and nothing else."""
        self._process.terminate()
        self._process.wait(DEADLINE_SECONDS)

    def __exit__(self, *_: object) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def use_page(node: Node, chromium: str, url: str) -> dict[str, Any]:
    script = "browser_react_notes.mjs"
    return node.run(script, url=url, executablePath=chromium, text="buy milk")


@pytest.mark.node
@pytest.mark.browser
def test_page_is_built_and_served_with_the_app(
    node: Node, chromium: str, board: Path, start_server: StartServer
) -> None:
    command = ["npm", "run", "build"]
    subprocess.run(command, cwd=board / "frontend", check=True, timeout=DEADLINE_SECONDS)
    server = start_server(app=board, command="dev")

    assert use_page(node, chromium, server.url) == USED


@pytest.mark.node
@pytest.mark.browser
def test_one_command_serves_the_page_and_the_app_and_ends_both(
    node: Node, chromium: str, board: Path
) -> None:
    with Development(board) as development:
        wait_for(lambda: answers(f"{development.app_url}/version"), "the server", DEADLINE_SECONDS)
        used = use_page(node, chromium, development.url)
        development.end_page()
        wait_for(lambda: not answers(f"{development.app_url}/version"), "the server to end")

    assert used == USED


@pytest.mark.node
def test_types_follow_the_functions_while_developing(board: Path) -> None:
    functions = board / "functions" / "notes.py"
    types = board / "frontend" / "src" / "_generated" / "api.d.ts"

    with Development(board) as development:
        wait_for(lambda: "Watching" in development.log, "the server", DEADLINE_SECONDS)
        functions.write_text(functions.read_text().replace("def set_done(", "def finish("))

        wait_for(lambda: "    finish: " in types.read_text(), "types of the new function")


@pytest.mark.node
def test_page_says_what_is_missing_without_the_command(node: Node, board: Path) -> None:
    with Development(board, path=str(Path(node.executable).parent)) as development:
        wait_for(lambda: "Is `realtime` on the path?" in development.log, "a reason")


def test_packages_are_those_that_the_example_is_tested_with() -> None:
    ours, tested = (
        json.loads((folder / "package-lock.json").read_text())["packages"]
        for folder in (TEMPLATE, EXAMPLE)
    )
    wanted = json.loads((TEMPLATE / "package.json").read_text())

    assert {**ours.pop(""), "name": ""} == {**tested.pop(""), "name": ""}
    assert ours == tested
    assert wanted["dependencies"].keys() <= {name.rpartition("node_modules/")[2] for name in ours}
    assert not any("resolved" in package for package in ours.values())
