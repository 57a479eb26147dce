"""What the documents say is true: code runs, commands exist, links lead somewhere.

The Python blocks of `docs/guide.md` make one app: a block that begins with the name of a file, such
as `# schema.py` or `# functions/….py`, belongs to that file, every other one is the body of a
mutation that runs in the app. Under "Common mistakes" each block is a file of functions, and the
text below it is what its last function answers, or why the app does not load. Those of `README.md`
replace what they show of the chat app.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import typer

import realtime
from realtime import CustomJwt, Oidc, UserIdentity
from realtime.cli.main import app as command_line
from realtime.codegen.output import write_files
from realtime.codegen.python_client import python_files
from realtime.errors import DefinitionError
from realtime.runtime.backend import Backend
from realtime.runtime.context import ActionCtx, MutationCtx
from realtime.runtime.outcome import ADMIN, FunctionCall, Identity
from realtime.runtime.registry import load_app
from realtime.testing import running_backend
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.typescript import type_errors, write_project

README = ROOT / "README.md"
DOCS = ROOT / "docs"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
GUIDE = DOCS / "guide.md"
REFERENCE = DOCS / "reference.md"
MOUNTING = DOCS / "mounting.md"
FROM_FASTAPI = DOCS / "coming-from-fastapi.md"
TESTING = DOCS / "testing.md"
OPERATIONS = DOCS / "operations.md"
COMPATIBILITY = DOCS / "compatibility.md"
MISTAKES = "Common mistakes"

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")

PRELUDE = """
from __future__ import annotations
import asyncio, datetime
from typing import Any
from realtime import *
from schema import *
"""
FRAGMENT = """
@mutation
async def fragment_{line}(ctx: MutationCtx) -> None:
    channel_id = await ctx.db.insert(Channel, name="news")
    for time, (author, body) in enumerate([("ada", "one"), ("bob", "two"), ("ada", "three")], 1):
        message_id = await ctx.db.insert(
            Message, channel_id=channel_id, author=author, body=body, sent_at=time
        )
"""
MAKE_CHANNEL = """

@mutation
async def make_channel(ctx: MutationCtx) -> Id[Channel]:
    return await ctx.db.insert(Channel, name="news")
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of a document; `line` is that of its first line of code."""

    document: Path
    line: int
    section: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file of an app that the block belongs to, by its first line."""
        found = re.match(r"# (schema\.py|auth_config\.py|functions/\S+\.py)\n", self.code)
        return found[1] if found else None


def blocks_of(document: Path, *languages: str) -> list[Block]:
    """Return the blocks of a document in some languages, in order."""
    text = document.read_text()
    blocks: list[Block] = []
    for found in FENCED.finditer(text):
        before = text[: found.start(2)]
        sections = re.findall(r"^## (.*)$", before, re.MULTILINE)
        section = sections[-1] if sections else ""
        blocks.append(Block(document, before.count("\n") + 1, section, found[1], found[2]))
    return [block for block in blocks if block.language in languages]


def anchors_of(document: Path) -> set[str]:
    """Return the names by which links reach the headings of a document."""
    headings = HEADING.findall(FENCED.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(document: Path, *, pattern: str) -> list[str]:
    """Return the first cells of a document's tables that match a pattern."""
    cells = re.findall(r"^\| (.+?) \|", document.read_text(), re.MULTILINE)
    return [cell for cell in cells if re.search(pattern, cell)]


def write_guide_app(folder: Path) -> Path:
    """Write the app of the guide into a folder, and return that."""
    files: dict[str, str] = {}
    for block in blocks_of(GUIDE, "python"):
        if block.file is not None:
            files[block.file] = files.get(block.file, "") + block.code
    (folder / "functions").mkdir()
    for name, code in files.items():
        (folder / name).write_text(code)
    return folder


async def call(backend: Backend, path: str, **args: Any) -> Any:
    """Run a function and return its value, or the text of its error without the request id."""
    outcome = await backend.run_function(FunctionCall(path, json.dumps(args).encode(), ADMIN))
    if outcome.error is not None:
        return outcome.error.message.partition("Server Error\n")[2].rstrip("\n")
    assert outcome.value is not None
    return json.loads(outcome.value)


def run_app(folder: Path, steps: Callable[[Backend], Awaitable[None]]) -> None:
    """Run steps on the app in a folder, over a store in memory."""

    async def run() -> None:
        async with running_backend(folder) as backend:
            await steps(backend)

    asyncio.run(run())


def same_text(actual: str, shown: str) -> bool:
    """Compare texts; lines may be broken anywhere, and lines of files are not counted."""
    return _flat(actual) == _flat(shown)


def _flat(text: str) -> str:
    return " ".join(re.sub(r"\.py:\d+", ".py:N", text).split())


@pytest.mark.parametrize("block", [b for d in DOCUMENTS for b in blocks_of(d, "python")], ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.code, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# The guide


def test_functions_of_the_guide_do_what_it_says(tmp_path: Path) -> None:
    async def steps(backend: Backend) -> None:
        channel = {"channelId": await call(backend, "channels:create", name="news")}
        (shown,) = (b.code for b in blocks_of(GUIDE, "text") if "Request ID" in b.code)
        refusal = await call(backend, "channels:create", name="news")
        assert refusal == shown.partition("\n")[2].rstrip("\n")
        assert (await call(backend, "channels:get", **channel))["topic"] == "anything"
        for author, body in (("ada", "hi"), ("bob", "a long message"), ("ada", "bye")):
            await call(backend, "messages:send", **channel, author=author, body=body)
        listed = await call(backend, "messages:list", **channel)
        assert [message["body"] for message in listed] == ["hi", "a long message", "bye"]
        since = await call(backend, "messages:since", **channel, time=0)
        assert since == listed[::-1]
        assert await call(backend, "messages:countLong", **channel, length=5) == 1
        assert await call(backend, "messages:overview", **channel) == {"ada": 2, "bob": 1}
        events = await call(backend, "channels:listEvents", kind="message", limit=2)
        assert [event["kind"] for event in events] == ["message", "message"]
        options = {"numItems": 2, "cursor": None}
        page = await call(backend, "history:newestFirst", **channel, paginationOpts=options)
        assert (page["page"], page["isDone"]) == (listed[::-1][:2], False)
        feed = tmp_path / "feed.txt"
        feed.write_text("fresh")
        channels = [channel["channelId"]]
        posted = await call(backend, "messages:postFeed", channelIds=channels, file=str(feed))
        assert (await call(backend, "messages:list", **channel))[-1]["_id"] == posted[0]
        no_channel = await call(
            backend, "messages:send", channelId=listed[0]["_id"], author="a", body=""
        )
        assert no_channel.startswith("ArgumentValidationError: Found ID")
        assert await call(backend, "profile:me") is None
        assert "Sign in first" in await call(backend, "profile:greet")
        ann = Identity(user=UserIdentity.from_wire({"issuer": "i", "subject": "ann"}))
        greeting = await backend.run_mutation(FunctionCall("profile:greet", b"{}", ann))
        assert greeting.value == b'"Hello, ann"'
        assert [type(provider) for provider in backend.app.auth_providers] == [Oidc, CustomJwt]

    run_app(write_guide_app(tmp_path), steps)


def test_paths_are_those_of_the_guide(tmp_path: Path) -> None:
    functions = write_guide_app(tmp_path) / "functions"
    (functions / "admin").mkdir()
    greeting = (
        "from realtime import query\n\n@query(name='{}')\nasync def f(ctx):\n    return 'hi'\n"
    )
    for file, name in (("main", "default"), ("admin/users", "ban"), ("_shared", "hidden")):
        (functions / f"{file}.py").write_text(greeting.format(name))

    async def steps(backend: Backend) -> None:
        for path in ("main", "main:default", "main.js:default", "admin/users:ban"):
            assert await call(backend, path) == "hi"
        assert "Could not find" in await call(backend, "_shared:hidden")

    run_app(tmp_path, steps)


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_typed_front_end_of_the_guide_compiles(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    app = load_app(write_guide_app(tmp_path / "app"))
    (block,) = blocks_of(GUIDE, "tsx")
    front_end = tmp_path / "web"
    front_end.mkdir()

    write_project(front_end, app)
    (front_end / "channel.tsx").write_text(block.code)

    assert type_errors(front_end) == {}


def test_typed_python_client_of_the_guide_is_correct(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    app = load_app(write_guide_app(tmp_path / "app"))
    (block,) = blocks_of(GUIDE, "py")

    write_files(tmp_path / "_generated", python_files(app))
    (tmp_path / "program.py").write_text(block.code)

    command = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "program.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


FRAGMENTS = [
    block
    for document in (GUIDE, REFERENCE)
    for block in blocks_of(document, "python")
    if block.file is None and block.section != MISTAKES
]


def test_fragments_run(tmp_path: Path) -> None:
    app = write_guide_app(tmp_path)
    fragments = "".join(
        FRAGMENT.format(line=f"{block.document.stem}_{block.line}")
        + textwrap.indent(block.code, "    ")
        for block in FRAGMENTS
    )
    (app / "functions" / "fragments.py").write_text(PRELUDE + fragments)

    async def steps(backend: Backend) -> None:
        paths = [path for path in backend.app.registry.functions if path.startswith("fragments:")]
        assert len(paths) == len(FRAGMENTS) > 5
        answers = {path: await call(backend, path) for path in paths}
        assert {path: answer for path, answer in answers.items() if answer is not None} == {}

    run_app(app, steps)


def mistakes() -> list[Any]:
    """Return each mistake of the guide with the text below it, as parameters of a test."""
    blocks = [b for b in blocks_of(GUIDE, "python", "text") if b.section == MISTAKES]
    pairs = list(zip(blocks[::2], blocks[1::2], strict=True))
    assert {(code.language, text.language) for code, text in pairs} == {("python", "text")}
    return [pytest.param(code, text.code, id=str(code)) for code, text in pairs]


@pytest.mark.parametrize(("block", "shown"), mistakes())
def test_mistake_gets_the_text_that_is_shown(tmp_path: Path, block: Block, shown: str) -> None:
    app = write_guide_app(tmp_path)
    for file in (app / "functions").glob("*.py"):
        file.unlink()
    functions = app / "functions" / "messages.py"
    functions.write_text(PRELUDE + block.code)
    try:
        last = list(load_app(app).registry.functions.values())[-1]
    except DefinitionError as error:
        assert same_text(str(error).replace(f"{app}/", ""), shown)
        return
    functions.write_text(PRELUDE + block.code + MAKE_CHANNEL)

    async def steps(backend: Backend) -> None:
        channel_id = await call(backend, "messages:makeChannel")
        needs_it = "channelId" in str(last.signature.args_validator)
        answer = await call(backend, last.path, **({"channelId": channel_id} if needs_it else {}))
        assert same_text(answer, shown)

    run_app(app, steps)


# Mounting

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
    app = write_guide_app(tmp_path)
    programs = {b.code.splitlines()[0][2:]: b.code for b in blocks_of(MOUNTING, "python")}
    notebook = textwrap.indent(programs.pop("notebook.py"), "    ")
    for name, code in programs.items():
        (app / name).write_text(code)
    (app / "steps.py").write_text(HOST_STEPS)
    (app / "script.py").write_text(
        f"import asyncio\n\nasync def cells():\n{notebook}\nasyncio.run(cells())\n"
    )

    host, script = (
        subprocess.run(
            [sys.executable, name], cwd=app, capture_output=True, text=True, timeout=60, check=False
        )
        for name in ("steps.py", "script.py")
    )

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
    (tmp_path / "functions").mkdir()
    for block in blocks_of(FROM_FASTAPI, "python"):
        (tmp_path / block.code.splitlines()[0][2:]).write_text(block.code)
    (tmp_path / "steps.py").write_text(BOTH_STEPS)

    ran = subprocess.run(
        [sys.executable, "steps.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == ["200", "200", "['hi']", "['hi']", "{'field': 'text'}"]


# Testing


def test_tests_of_the_testing_document_pass(tmp_path: Path) -> None:
    app = write_guide_app(tmp_path)
    for block in blocks_of(TESTING, "python"):
        (app / block.code.splitlines()[0][2:]).write_text(block.code)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", str(app), "-p", "no:cacheprovider"],
        cwd=app,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr


# The reference


def test_reference_has_every_public_name_and_no_other() -> None:
    headings = re.findall(r"^### (.*)$", REFERENCE.read_text(), re.MULTILINE)
    names = [name for heading in headings for name in CODE.findall(heading)]

    assert sorted(names) == sorted(realtime.__all__)


def test_members_in_the_reference_exist() -> None:
    spelled = set(re.findall(r"`ctx\.([a-z_.]+)", REFERENCE.read_text() + GUIDE.read_text()))
    queries = set(re.findall(r"\.([a-z_]+)\(…?\w*\)", " ".join(table_rows(GUIDE, pattern=r"^`\."))))
    scope: Any = _Scope()
    of_actions = {"run_action", "run_blocking"}

    assert {"db.get", "run_query", "log.warn"} | of_actions < spelled
    for path in spelled - {"random"}:
        member: Any = ActionCtx(scope) if path in of_actions else MutationCtx(scope)
        for name in path.split("."):
            member = getattr(member, name)
    for name in queries:
        assert hasattr(realtime.TableQuery, name)


class _Scope:
    log_lines = None


def test_validators_in_the_reference_exist() -> None:
    rows = table_rows(REFERENCE, pattern=r"^`v\.")
    names = {name for row in rows for name in re.findall(r"v\.(\w+)", row)}

    assert names == {name for name in dir(realtime.v) if not name.startswith("_")}


# The README


def test_functions_of_the_readme_work(tmp_path: Path) -> None:
    shutil.copy(ROOT / "schema.py", tmp_path)
    shutil.copytree(
        ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__")
    )
    for block in blocks_of(README, "python"):
        if "convex" not in block.code:
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


def test_python_client_of_the_readme_sees_the_messages(server: ServerProcess) -> None:
    (block,) = (block for block in blocks_of(README, "python") if "convex" in block.code)
    session_id = server.run("seed:demo")["sessionId"]
    code = block.code.replace("http://127.0.0.1:3210", server.url)
    assert "print(messages)" in code
    once = code.replace("print(messages)", "print(len(messages), flush=True); os._exit(0)")

    shown = subprocess.run(
        [sys.executable, "-c", f"import os\nsession_id = {session_id!r}\n{once}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert shown.stdout == "2\n"


def test_calls_of_the_readme_run(server: ServerProcess, tmp_path: Path) -> None:
    lines = "".join(block.code for block in blocks_of(README, "sh")).splitlines()
    calls = [line for line in lines if "realtime run" in line]
    answers: list[Any] = []
    for line in calls:
        words = shlex.split(line.split("realtime run", 1)[1], comments=True)
        if "<" in words[-1]:
            words[-1] = json.dumps({"sessionId": answers[0]["sessionId"]})
        words += ["--url", server.url, "--admin-key", server.admin_key]
        ran = subprocess.run(
            [sys.executable, "-m", "realtime.cli.main", "run", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        answers.append(json.loads(ran.stdout))

    assert [type(answer) for answer in answers] == [dict, list]


# Commands


def commands(program: str) -> list[Any]:
    """Return the command lines of all documents that start a program, as parameters of a test."""
    found: list[Any] = []
    for document in DOCUMENTS:
        for block in blocks_of(document, "sh"):
            for number, line in enumerate(block.code.splitlines()):
                words = shlex.split(line, comments=True)
                if words and words[0].removeprefix(".venv/bin/") == program:
                    found.append(pytest.param(words, id=f"{document.name}:{block.line + number}"))
    return found


@pytest.mark.parametrize("words", commands("make"))
def test_make_targets_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z._-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert [word for word in words[1:] if "=" not in word and word not in targets] == []


@pytest.mark.parametrize("words", commands("realtime"))
def test_command_lines_are_understood(words: list[str]) -> None:
    command = subcommand(words[1])

    command.make_context(words[1], words[2:])


def subcommand(name: str) -> Any:
    group = typer.main.get_command(command_line)
    command = group.get_command(click.Context(group), name)  # type: ignore[attr-defined,arg-type]
    assert command is not None, f"There is no command `{name}`"
    return command


def test_options_and_defaults_are_those_of_the_commands() -> None:
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", OPERATIONS.read_text(), re.MULTILINE)
    shown = {option: default for cell, default in rows for option in CODE.findall(cell)}

    have: dict[str, Any] = {}
    for name in ("serve", "run", "data", "codegen", "spec"):
        for parameter in subcommand(name).params:
            if parameter.param_type_name == "option":
                for option in (*parameter.opts, *parameter.secondary_opts):
                    have[option] = parameter.default
    have.pop("--help", None)
    assert set(shown) == set(have)
    for option, default in have.items():
        if default is not None and not isinstance(default, bool):
            assert shown[option] == f"`{default}`"


# A running server


def test_metrics_are_all_listed(server: ServerProcess) -> None:
    rows = table_rows(OPERATIONS, pattern=r"^`(realtime|process)_")
    listed = {re.sub(r"\{.*", "", name) for row in rows for name in CODE.findall(row)}
    labels = {row: re.findall(r"\{(.*)\}", row) for row in rows}

    server.run("seed:demo")
    text = httpx.get(f"{server.url}/metrics", timeout=30).text

    types = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert {name for name, _ in types} == listed
    for row, (names,) in ((row, found) for row, found in labels.items() if found):
        name = CODE.findall(row)[0].partition("{")[0]
        sample = re.search(rf"^{name}\{{(.*?)\}}", text, re.MULTILINE)
        assert sample is not None
        assert set(re.findall(r"(\w+)=", sample[1])) == set(names.split(","))


def test_addresses_answer(server: ServerProcess) -> None:
    server.run("seed:demo")
    rows = table_rows(OPERATIONS, pattern=r"^`/")
    addresses = [address for row in rows for address in CODE.findall(row)]

    assert len(addresses) > 5
    for address in addresses:
        assert httpx.get(f"{server.url}{address}", timeout=30).status_code == 200


def test_backup_and_queries_of_the_file_work(server: ServerProcess, tmp_path: Path) -> None:
    server.run("seed:demo")
    (backup,) = blocks_of(OPERATIONS, "python")
    (queries,) = blocks_of(OPERATIONS, "sql")
    (tmp_path / ".realtime").symlink_to(server.data)

    subprocess.run([sys.executable, "-c", backup.code], cwd=tmp_path, timeout=30, check=True)

    for file in (server.data / "data.sqlite", tmp_path / "backup.sqlite"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            newest, counts = (
                connection.execute(query).fetchall() for query in queries.code.strip().split("\n\n")
            )
        assert ("messages", 2) in counts
        assert [role for _, role, _ in newest] == ["assistant", "user"]


# Links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCED.sub("", document.read_text())
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)

    missing: list[str] = []
    for target in targets:
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            missing.append(target)
    assert missing == []


def test_tests_that_the_compatibility_table_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", COMPATIBILITY.read_text())

    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
