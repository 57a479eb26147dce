"""The guide: its blocks are one app, its fragments run in it, its mistakes get the texts shown.

A block that begins with the name of a file, such as `# schema.py`, belongs to that file; every
other one is the body of a mutation that runs in the app. Under "Common mistakes" they are what
`mistakes.py` says.
"""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path

import pytest

from realtime import CustomJwt, Oidc, UserIdentity
from realtime.codegen.output import write_files as write_generated
from realtime.codegen.python_client import python_files
from realtime.codegen.schema_stubs import stub_files
from realtime.codegen.typescript import typescript_files
from realtime.errors import DefinitionError
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import FunctionCall, Identity
from realtime.runtime.registry import load_app
from realtime.storage.memory import MemoryStore
from realtime.testing import running_backend
from tests.docs.apps import GUIDE, call, run_app, run_python, write_guide_app
from tests.docs.blocks import DOCS, Block, claim, same_text
from tests.docs.mistakes import PRELUDE, check_mistake, mistakes_of
from tests.harness.type_checkers import CHECKERS
from tests.harness.typescript import type_errors, write_project

MISTAKES = "Common mistakes"
REFERENCE = DOCS / "reference.md"

(FOLDERS,) = claim(GUIDE, "text", where=lambda block: block.section == "")
(SCHEMA_MISFIT,) = claim(GUIDE, "text", where=lambda block: block.section == "Tables")
(OPEN_ERROR,) = claim(GUIDE, "text", where=lambda block: block.section == "Errors")
(FRONT_END,) = claim(GUIDE, "tsx")
(SHAPES,) = claim(GUIDE, "ts")
(PYTHON_PROGRAM,) = claim(GUIDE, "py", where=lambda block: block.section == "Typed front ends")
(CHECKED,) = claim(GUIDE, "py", where=lambda block: block.section == "Static checks")
FRAGMENTS = [
    block
    for document in (GUIDE, REFERENCE)
    for block in claim(
        document, "python", where=lambda block: block.file is None and block.section != MISTAKES
    )
]

FRAGMENT = """
@mutation
async def fragment_{line}(ctx: MutationCtx) -> None:
    channel_id = await ctx.db.insert(Channel, name="news")
    for time, (author, body) in enumerate([("ada", "one"), ("bob", "two"), ("ada", "three")], 1):
        message_id = await ctx.db.insert(
            Message, channel_id=channel_id, author=author, body=body, sent_at=time
        )
"""


def test_functions_of_the_guide_do_what_it_says(tmp_path: Path) -> None:
    async def steps(backend: Backend) -> None:
        channel = {"channelId": await call(backend, "channels:create", name="news")}
        refusal = await call(backend, "channels:create", name="news")
        assert refusal == OPEN_ERROR.code.partition("\n")[2].rstrip("\n")
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
    shown = dict(re.findall(r"^ +([\w/]+)\.py +(\w[\w/]*:\w+)", FOLDERS.code, re.MULTILINE))
    assert shown == {"messages": "messages:list", "admin/users": "admin/users:ban"}
    functions = write_guide_app(tmp_path) / "functions"
    (functions / "admin").mkdir()
    greeting = (
        "from realtime import query\n\n@query(name='{}')\nasync def f(ctx):\n    return 'hi'\n"
    )
    for file, name in (("main", "default"), ("admin/users", "ban"), ("_shared", "hidden")):
        (functions / f"{file}.py").write_text(greeting.format(name))

    async def steps(backend: Backend) -> None:
        for path in ("main", "main:default", "main.js:default", shown["admin/users"]):
            assert await call(backend, path) == "hi"
        assert shown["messages"] in backend.app.registry.functions
        assert "Could not find" in await call(backend, "_shared:hidden")

    run_app(tmp_path, steps)


def test_schema_that_does_not_fit_gets_the_text_of_the_guide(tmp_path: Path) -> None:
    app = write_guide_app(tmp_path)
    store = MemoryStore()

    async def start_with_a_document_and_again_with_a_field_more() -> str:
        async with running_backend(app, persistence=store) as backend:
            await call(backend, "channels:create", name="news")
            schema = app / "schema.py"
            schema.write_text(schema.read_text().replace("topic:", "owner: str\n    topic:"))
            with pytest.raises(DefinitionError) as caught:
                await backend.change_app(load_app(app))
        return str(caught.value)

    refusal = asyncio.run(start_with_a_document_and_again_with_a_field_more())

    assert same_text(refusal, SCHEMA_MISFIT.code), refusal


def test_shapes_of_the_guide_have_the_types_and_answers_shown(tmp_path: Path) -> None:
    app = write_guide_app(tmp_path)

    types = typescript_files(load_app(app))["api.d.ts"]
    args, returns = SHAPES.code.splitlines()
    assert f'corners: FunctionReference<"query", "public", {args}, {returns}>;' in types

    async def steps(backend: Backend) -> None:
        circle = {"center": {"x": 5, "y": 1}}
        assert await call(backend, "shapes:corners", shape=circle) == [{"x": 4, "y": 1}]
        path = {"points": [{"x": 1, "y": 2, "labelText": "a"}]}
        scaled = await call(backend, "shapes:corners", shape=path, scale={"factor": 3})
        assert scaled == [{"x": 3, "y": 6}]
        words = await call(backend, "shapes:corners", shape={"text": "hi"})
        assert words == [{"x": 0, "y": 0, "labelText": "hi"}]
        assert "at least 1 character" in await call(backend, "shapes:corners", shape={"text": ""})

    run_app(app, steps)


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_typed_front_end_of_the_guide_compiles(tmp_path: Path) -> None:
    app = load_app(write_guide_app(tmp_path / "app"))
    front_end = tmp_path / "web"
    front_end.mkdir()

    write_project(front_end, app)
    (front_end / "channel.tsx").write_text(FRONT_END.code)

    assert type_errors(front_end) == {}


def test_typed_python_client_of_the_guide_is_correct(tmp_path: Path) -> None:
    app = load_app(write_guide_app(tmp_path / "app"))

    write_generated(tmp_path / "_generated", python_files(app))
    (tmp_path / "program.py").write_text(PYTHON_PROGRAM.code)

    result = run_python(
        tmp_path, "-m", "mypy", "--strict", "--explicit-package-bases", "program.py"
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("checker", CHECKERS)
def test_static_checks_find_what_the_guide_says(tmp_path: Path, checker: str) -> None:
    app = write_guide_app(tmp_path)
    write_generated(app, stub_files(load_app(app)))
    (app / "functions" / "checked.py").write_text(CHECKED.code)

    found = CHECKERS[checker](app)

    lines = enumerate(CHECKED.code.splitlines(), start=1)
    wrong = [number for number, line in lines if "# error: " in line]
    assert found["checked.py"] == wrong
    assert len(wrong) == 8 and "schema.pyi" not in found


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


@pytest.mark.parametrize(("block", "shown"), mistakes_of(GUIDE, MISTAKES))
def test_mistake_gets_the_text_that_is_shown(tmp_path: Path, block: Block, shown: str) -> None:
    check_mistake(write_guide_app(tmp_path), block, shown, attachments=[], sentAt=1.0)
