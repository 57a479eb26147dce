"""The programs of the documents on mounting, on FastAPI and on testing are run as they stand."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.docs.apps import run_python, write_files, write_guide_app
from tests.docs.blocks import DOCS, Block, claim
from tests.docs.mistakes import check_mistake, mistakes_of

MOUNTING = claim(DOCS / "mounting.md", "python")
FASTAPI_DOCUMENT = DOCS / "coming-from-fastapi.md"
FASTAPI_MISTAKES = "The commonest mistakes"
FROM_FASTAPI = claim(
    FASTAPI_DOCUMENT, "python", where=lambda block: block.section != FASTAPI_MISTAKES
)
TESTING = claim(DOCS / "testing.md", "python")

HOST_STEPS = """
import asyncio, httpx, main, routes

async def steps():
    async with routes.realtime:
        channel_id = await routes.realtime.mutation("channels:create", {"name": "news"})
        transport = httpx.ASGITransport(routes.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            sent = await client.post(f"/channels/{channel_id}", params={"body": "hi"})
            counted = await client.get(f"/channels/{channel_id}/count")
            version = await client.get("/convex/version")
        (message,) = await routes.realtime.query("messages:list", {"channelId": channel_id})
        print(sent.json() == message.id, counted.json(), version.status_code)
        print(type(message) is routes.messages.Message, type(main.app).__name__)

asyncio.run(steps())
"""


def test_programs_of_the_mounting_document_work(tmp_path: Path) -> None:
    app = write_files(write_guide_app(tmp_path), MOUNTING)
    notebook = textwrap.indent((app / "notebook.py").read_text(), "    ")
    (app / "steps.py").write_text(HOST_STEPS)
    (app / "script.py").write_text(
        f"import asyncio\n\nasync def cells():\n{notebook}\nasyncio.run(cells())\n"
    )

    host, script = (run_python(app, name) for name in ("steps.py", "script.py"))

    assert (host.stderr, host.stdout) == ("", "True 1 200\nTrue Realtime\n")
    assert (script.stderr, script.stdout) == ("", "0\n1\n")


BOTH_STEPS = """
import asyncio, httpx, both

async def steps():
    async with both.lifespan(both.routes):
        transport = httpx.ASGITransport(both.routes)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            for path in ("/notes", "/live-notes"):
                answer = await client.post(path, json={"text": "hi"})
                print(answer.status_code)
            print((await client.get("/notes")).json())
            body = {"path": "notes:list", "args": {}, "format": "json"}
            listed = (await client.post("/convex/api/query", json=body)).json()
            print([note["text"] for note in listed["value"]])
            refused = (await client.post("/convex/api/mutation", json={
                "path": "notes:add", "args": {"text": ""}, "format": "json"})).json()
            print(refused["errorData"])

asyncio.run(steps())
"""


def test_programs_for_users_of_fastapi_work(tmp_path: Path) -> None:
    app = write_files(tmp_path, FROM_FASTAPI)
    (app / "steps.py").write_text(BOTH_STEPS)

    ran = run_python(app, "steps.py")

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == ["200", "200", "['hi']", "['hi']", "{'field': 'text'}"]


@pytest.mark.parametrize(("block", "shown"), mistakes_of(FASTAPI_DOCUMENT, FASTAPI_MISTAKES))
def test_mistake_gets_the_text_that_is_shown(tmp_path: Path, block: Block, shown: str) -> None:
    schema = [block for block in FROM_FASTAPI if block.name == "schema.py"]

    check_mistake(write_files(tmp_path, schema), block, shown, file="notes.py")


def test_tests_of_the_testing_document_pass(tmp_path: Path) -> None:
    app = write_files(write_guide_app(tmp_path), TESTING)

    ran = run_python(app, "-m", "pytest", "-q", "--rootdir", str(app), "-p", "no:cacheprovider")

    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr
