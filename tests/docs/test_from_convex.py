"""Coming from Convex: the TypeScript compiles with npm `convex`, the Python is an app that runs.

The component of the front end compiles against both apps. What `npx convex codegen` would generate
for the functions in TypeScript is written here, from types that the package has for it.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from realtime import Oidc
from realtime.codegen.output import write_files as write_generated
from realtime.codegen.typescript import typescript_files
from realtime.runtime.backend import Backend
from realtime.runtime.registry import load_app
from tests.docs.apps import call, run_app, run_python, write_files
from tests.docs.blocks import DOCS, Block, claim
from tests.docs.mistakes import check_mistake, mistakes_of
from tests.harness.typescript import make_project, type_errors

DOCUMENT = DOCS / "coming-from-convex.md"
MISTAKES = "The commonest mistakes"

THEIRS = claim(DOCUMENT, "ts")
(COMPONENT,) = claim(DOCUMENT, "tsx")
OURS = claim(DOCUMENT, "python", where=lambda block: block.section != MISTAKES)
APP = [block for block in OURS if not block.name.startswith("test_")]

SERVER_TYPES = """
import type { ActionBuilder, MutationBuilder, QueryBuilder } from "convex/server";
import type { DataModel } from "./dataModel";
export declare const query: QueryBuilder<DataModel, "public">;
export declare const mutation: MutationBuilder<DataModel, "public">;
export declare const internalMutation: MutationBuilder<DataModel, "internal">;
export declare const action: ActionBuilder<DataModel, "public">;
"""
DATA_MODEL = """
import type { DataModelFromSchemaDefinition, DocumentByName } from "convex/server";
import type { GenericId } from "convex/values";
import type schema from "../schema";
export type DataModel = DataModelFromSchemaDefinition<typeof schema>;
export type Doc<T extends keyof DataModel & string> = DocumentByName<DataModel, T>;
export type Id<T extends keyof DataModel & string> = GenericId<T>;
"""
API = """
import type { ApiFromModules, FilterApi, FunctionReference } from "convex/server";
import type * as history from "../history";
import type * as messages from "../messages";
type Modules = { history: typeof history; messages: typeof messages };
type Public = FunctionReference<any, "public">;
export declare const api: FilterApi<ApiFromModules<Modules>, Public>;
"""


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_functions_in_typescript_and_the_component_compile(tmp_path: Path) -> None:
    generated = {"server": SERVER_TYPES, "dataModel": DATA_MODEL, "api": API}
    (tmp_path / "convex" / "_generated").mkdir(parents=True)
    for name, code in generated.items():
        (tmp_path / "convex" / "_generated" / f"{name}.d.ts").write_text(code)

    make_project(write_files(tmp_path, [*THEIRS, COMPONENT]), "src/*", "convex/**/*")

    assert type_errors(tmp_path) == {}


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_the_same_component_compiles_against_the_app_in_python(tmp_path: Path) -> None:
    app = load_app(write_files(tmp_path / "app", APP))
    front_end = write_files(tmp_path / "web", [COMPONENT])

    write_generated(front_end / "convex" / "_generated", typescript_files(app))
    make_project(front_end, "src/*", "convex/_generated/*")

    assert type_errors(front_end) == {}


FUNCTION = re.compile(r"^export const (\w+) = (?:internal)?(\w+)\(\{\n  args: \{ (.*) \},$", re.M)


def test_both_apps_have_the_same_functions_and_arguments(tmp_path: Path) -> None:
    app = load_app(write_files(tmp_path, [b for b in APP if b.name != "functions/ported.py"]))

    declared = {
        f"{Path(block.name).stem}:{name}": (kind.lower(), args)
        for block in THEIRS
        for name, kind, args in FUNCTION.findall(block.code)
    }

    assert declared.keys() == app.registry.functions.keys()
    for path, function in app.registry.functions.items():
        kind, args = declared[path]
        assert function.kind == kind
        validator = str(function.signature.args_validator)
        for argument in args.split(", "):
            assert argument == "paginationOpts: paginationOptsValidator" or argument in validator


def test_both_apps_have_the_same_tables_and_providers(tmp_path: Path) -> None:
    app = load_app(write_files(tmp_path, APP))
    theirs = "".join(block.code for block in THEIRS)

    assert set(re.findall(r"(\w+): defineTable", theirs)) == {*app.schema.tables}
    indexes = {name for table in app.schema.tables.values() for name in table.indexes}
    assert set(re.findall(r'\.index\("(\w+)"', theirs)) == indexes
    (provider,) = app.auth_providers
    assert isinstance(provider, Oidc)
    assert f'domain: "{provider.domain}", applicationID: "{provider.application_id}"' in theirs


def test_functions_in_python_do_what_the_document_says(tmp_path: Path) -> None:
    async def steps(backend: Backend) -> None:
        (channel_id,) = [await call(backend, "made:channel")]
        said = {"channelId": channel_id, "author": "ada"}
        one = await call(backend, "messages:send", **said, body="one")
        two = await call(backend, "ported:send", **said, body="two")
        await call(backend, "messages:edit", messageId=one, body="One")
        listed = await call(backend, "messages:list", channelId=channel_id)
        assert [m["body"] for m in listed] == ["two", "One"]
        assert "editedAt" in listed[1] and "editedAt" not in listed[0]
        options = {"numItems": 1, "cursor": None}
        page = await call(backend, "history:page", channelId=channel_id, paginationOpts=options)
        assert page["page"] == listed[:1]
        thread = await call(backend, "threads:both", channelId=channel_id, messageIds=[one, two])
        assert (thread["name"], thread["newest"]) == ("news", listed[0])
        assert thread["messages"] == listed[::-1]
        await call(backend, "messages:clear", channelId=channel_id)
        assert await call(backend, "messages:list", channelId=channel_id) == []
        for path in ("messages:send", "ported:send"):
            refusal = await call(backend, path, **{**said, "channelId": one}, body="")
            assert refusal.startswith("ArgumentValidationError: Found ID")
        missing = await call(backend, "made:missing")
        for path in ("messages:send", "ported:send"):
            refusal = await call(backend, path, **{**said, "channelId": missing}, body="")
            assert '{"code":"NoChannel"}' in refusal

    app = write_files(tmp_path, APP)
    (app / "functions" / "made.py").write_text(MADE)
    run_app(app, steps)


MADE = """
from realtime import MutationCtx, mutation
from schema import Channel

@mutation
async def channel(ctx: MutationCtx) -> str:
    return await ctx.db.insert(Channel, name="news")

@mutation
async def missing(ctx: MutationCtx) -> str:
    channel_id = await ctx.db.insert(Channel, name="gone")
    await ctx.db.delete(channel_id)
    return channel_id
"""


def test_action_posts_what_it_has_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = httpx.MockTransport(lambda request: httpx.Response(200, text=f"{request.url}: sun"))
    client = httpx.AsyncClient
    app = write_files(tmp_path, APP)
    (app / "functions" / "made.py").write_text(MADE)

    async def steps(backend: Backend) -> None:
        monkeypatch.setattr(httpx, "AsyncClient", lambda: client(transport=answers))
        channel_id = await call(backend, "made:channel")
        await call(backend, "weather:post", channelId=channel_id, url="http://weather.test/")
        (message,) = await call(backend, "messages:list", channelId=channel_id)
        assert message["body"] == "http://weather.test/: sun"

    run_app(app, steps)


def test_tests_of_the_document_pass(tmp_path: Path) -> None:
    app = write_files(tmp_path, OURS)

    ran = run_python(app, "-m", "pytest", "-q", "--rootdir", str(app), "-p", "no:cacheprovider")

    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize(("block", "shown"), mistakes_of(DOCUMENT, MISTAKES))
def test_mistake_gets_the_text_that_is_shown(tmp_path: Path, block: Block, shown: str) -> None:
    schema = [block for block in APP if block.name == "schema.py"]
    check_mistake(write_files(tmp_path, schema), block, shown)
