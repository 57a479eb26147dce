"""The README: its Python replaces what it shows of the chat app, its programs see a real server."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from realtime.runtime.backend import Backend
from tests.docs.apps import call, run_app, run_python
from tests.docs.blocks import README, Block, claim
from tests.harness.command_line import realtime
from tests.harness.programs import CLIENTS, Node
from tests.harness.server_process import ROOT, ServerProcess


def _is_client(block: Block) -> bool:
    return "from convex import" in block.code


APP = claim(README, "python", where=lambda block: not _is_client(block))
(PYTHON_CLIENT,) = claim(README, "python", where=_is_client)
(NODE_CLIENT,) = claim(README, "js")
SHELL = claim(README, "sh")
URL = "http://127.0.0.1:3210"


def test_functions_of_the_readme_work(tmp_path: Path) -> None:
    shutil.copy(ROOT / "schema.py", tmp_path)
    shutil.copytree(
        ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__")
    )
    for block in APP:
        name = "schema.py" if "(Document" in block.code else "functions/messages.py"
        with (tmp_path / name).open("a") as file:
            file.write("\n\n" + block.code)

    async def steps(backend: Backend) -> None:
        demo = await call(backend, "seed:demo")
        session = {"sessionId": demo["sessionId"]}
        sent = await call(backend, "messages:send", **session, role="user", content="Hello")
        listed = await call(backend, "messages:list", **session)
        assert (listed[-1]["_id"], listed[-1]["content"]) == (sent, "Hello")

    run_app(tmp_path, steps)


def test_python_client_of_the_readme_sees_the_messages(
    server: ServerProcess, tmp_path: Path
) -> None:
    session_id = new_session(server)
    code = PYTHON_CLIENT.code.replace(URL, server.url)
    assert "print(messages)" in code
    once = code.replace("print(messages)", "print(len(messages), flush=True); os._exit(0)")

    shown = run_python(tmp_path, "-c", f"import os\nsession_id = {session_id!r}\n{once}")

    assert (shown.stdout, shown.stderr) == ("0\n", "")


@pytest.mark.node
def test_javascript_client_of_the_readme_sees_its_message(
    server: ServerProcess, node: Node, tmp_path: Path
) -> None:
    assert URL in NODE_CLIENT.code
    program = tmp_path / "program.mjs"
    program.write_text(
        NODE_CLIENT.code.replace(URL, server.url).replace(
            "(messages) => console.log(messages)",
            "(messages) => console.log(messages[0]?.content) ?? (messages[0] && process.exit())",
        )
    )
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    session = f"globalThis.sessionId = {json.dumps(new_session(server))};"

    shown = subprocess.run(
        [node.executable, "--import", f"data:text/javascript,{session}", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (shown.stdout.split()[-1], shown.stderr) == ("Hello", "")


def new_session(server: ServerProcess) -> str:
    """Return the id of a new session without messages."""
    repo_id = server.run("seed:demo")["repoId"]
    return str(server.run("sessions:create", {"repoId": repo_id, "userId": "ada"}))


def test_calls_of_the_readme_run(server: ServerProcess) -> None:
    lines = "".join(block.code for block in SHELL).splitlines()
    calls = [line for line in lines if "realtime run" in line]
    answers: list[Any] = []
    for line in calls:
        words = shlex.split(line.split("realtime run", 1)[1], comments=True)
        if "<" in words[-1]:
            words[-1] = json.dumps({"sessionId": answers[0]["sessionId"]})
        ran = realtime("run", *words, "--url", server.url, folder=ROOT)
        assert ran.returncode == 0, ran.stderr
        answers.append(json.loads(ran.stdout))

    assert [type(answer) for answer in answers] == [dict, list]
