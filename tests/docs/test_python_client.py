"""The document of the client for Python: its programs are clients of the guide's app."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.codegen.output import write_files as write_generated
from realtime.codegen.python_client import async_python_files
from realtime.runtime.registry import load_app
from tests.docs.apps import run_python, write_files, write_guide_app
from tests.docs.blocks import DOCS, Block, claim
from tests.harness.server_process import ServerProcess
from tests.harness.type_checkers import CHECKERS

DOCUMENT = DOCS / "python-client.md"
URL = "http://127.0.0.1:3210"

PROGRAMS = claim(DOCUMENT, "python", where=lambda block: block.file is not None)
FRAGMENTS = claim(DOCUMENT, "python", where=lambda block: block.file is None)
(TYPED,) = claim(DOCUMENT, "py")

FRAGMENT = """
import asyncio
from realtime.client import ApplicationError, Client

async def main():
    async with Client("{url}") as client:
        names = "fragment {line}"
        channel = {{"channelId": await client.mutation("channels:create", {{"name": names}})}}
        for body in "abc":
            await client.mutation("messages:send", {{**channel, "author": "ada", "body": body}})
{body}

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    app = write_guide_app(tmp_path_factory.mktemp("guide"))
    server = ServerProcess(app.with_name("data"), app=app, command="dev")
    try:
        yield server.start()
    finally:
        server.close()


def test_program_shows_the_messages(server: ServerProcess, tmp_path: Path) -> None:
    shown = 'print([message["body"] for message in messages])'
    code = PROGRAMS[0].code.replace(URL, server.url)
    assert code.count(shown) == 1

    ran = run_python(tmp_path, "-c", code.replace(shown, f"{shown}; return"))

    assert (ran.stdout, ran.stderr) == ("['Hello']\n", "")


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_fragment_does_what_it_says(server: ServerProcess, tmp_path: Path, block: Block) -> None:
    body = textwrap.indent(block.code, " " * 8)

    ran = run_python(tmp_path, "-c", FRAGMENT.format(url=server.url, line=block.line, body=body))

    assert ran.stderr == ""


def test_typed_program_shows_the_messages(server: ServerProcess, tmp_path: Path) -> None:
    app = load_app(write_guide_app(tmp_path / "app"))
    write_generated(tmp_path / "_generated", async_python_files(app))
    code = TYPED.code.replace(URL, server.url).replace("plans", "typed plans")

    ran = run_python(tmp_path, "-c", code.replace('["author"])', '["author"]); return'))

    assert (ran.stdout, ran.stderr) == ("['Hello']\nada\n", "")


@pytest.mark.parametrize("checker", CHECKERS)
def test_programs_are_typed(tmp_path: Path, checker: str) -> None:
    app = load_app(write_guide_app(tmp_path / "app"))
    folder = write_files(tmp_path / "programs", PROGRAMS)
    write_generated(folder / "_generated", async_python_files(app))
    (folder / "typed.py").write_text(TYPED.code)

    assert CHECKERS[checker](folder) == {}
