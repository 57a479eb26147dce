"""The server's own queries for the `convex` command line."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.codegen.spec import function_spec
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ADMIN, ANONYMOUS, FunctionCall
from realtime.runtime.registry import load_app
from realtime.server.system_functions import with_system_functions
from realtime.testing import running_backend
from tests.harness.written_app import write_app

SCHEMA = """
    class Note(Document, table="notes"):
        text: str
    class Zebra(Document, table="zebras"):
        text: str
"""
FUNCTIONS = """
    @mutation
    async def add(ctx: MutationCtx, table: str, text: str) -> None:
        await ctx.db.insert(table, {"text": text})
    @query
    async def big(ctx: QueryCtx, n: Annotated[Int64, v.literal(Int64(5))]) -> None: ...
"""
PAGE = {"numItems": 10_000, "cursor": None}


@asynccontextmanager
async def served_app(root: Path) -> AsyncGenerator[Backend]:
    app = with_system_functions(load_app(write_app(root, FUNCTIONS, SCHEMA)), "http://here")
    async with running_backend(app) as backend:
        yield backend


async def look(backend: Backend, path: str, **args: Any) -> Any:
    call = FunctionCall(f"_system/cli/{path}", json.dumps(args).encode(), ADMIN)
    result = await backend.run_query(call)
    assert result.error is None, result.error
    assert result.value is not None
    return json.loads(result.value)


async def add(backend: Backend, table: str, text: str) -> None:
    args = json.dumps({"table": table, "text": text}).encode()
    outcome = await backend.run_mutation(FunctionCall("m:add", args))
    assert outcome.error is None


@pytest.mark.asyncio
async def test_tables_are_listed_on_one_page(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        found = await look(backend, "tables", paginationOpts=PAGE)

    assert found["page"] == [{"name": "notes"}, {"name": "zebras"}]
    assert (found["isDone"], found["continueCursor"]) == (True, "end")


@pytest.mark.asyncio
async def test_list_of_tables_has_a_table_from_its_first_document_on(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        await look(backend, "tables", paginationOpts=PAGE)
        await add(backend, "others", "a")

        found = await look(backend, "tables", paginationOpts=PAGE)

    assert [table["name"] for table in found["page"]] == ["notes", "others", "zebras"]


@pytest.mark.asyncio
async def test_write_to_a_known_table_does_not_wake_the_list_of_tables(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        await look(backend, "tables", paginationOpts=PAGE)
        await add(backend, "notes", "a")
        await look(backend, "tables", paginationOpts=PAGE)

        assert backend.counters.function_runs["_system/cli/tables", "query"] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(("order", "expected"), [("asc", ["a", "b"]), ("desc", ["c", "b"])])
async def test_documents_of_a_table_come_in_pages(
    tmp_path: Path, order: str, expected: list[str]
) -> None:
    page = {"numItems": 2, "cursor": None}
    async with served_app(tmp_path) as backend:
        for text in ("a", "b", "c"):
            await add(backend, "notes", text)

        found = await look(backend, "tableData", table="notes", order=order, paginationOpts=page)
        rest = await look(
            backend,
            "tableData",
            table="notes",
            order=order,
            paginationOpts={**page, "cursor": found["continueCursor"]},
        )

    assert [document["text"] for document in found["page"]] == expected
    assert (found["isDone"], rest["isDone"], len(rest["page"])) == (False, True, 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("table", ["_storage", "_scheduled_functions", "nowhere"])
async def test_table_without_documents_is_empty(tmp_path: Path, table: str) -> None:
    async with served_app(tmp_path) as backend:
        found = await look(backend, "tableData", table=table, order="asc", paginationOpts=PAGE)

    assert (found["page"], found["isDone"]) == ([], True)


@pytest.mark.asyncio
async def test_spec_is_that_of_the_app_alone(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        found = await look(backend, "modules:apiSpec")

        assert found == function_spec(backend.app.registry)
    assert [entry["identifier"] for entry in found] == ["m.js:add", "m.js:big"]
    literal = found[1]["args"]["value"]["n"]["fieldType"]["value"]
    assert list(literal) == ["$integer"]


@pytest.mark.asyncio
async def test_server_tells_its_address(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        assert await look(backend, "convexUrl:cloudUrl") == "http://here"


@pytest.mark.asyncio
async def test_nobody_else_reaches_them(tmp_path: Path) -> None:
    async with served_app(tmp_path) as backend:
        call = FunctionCall("_system/cli/modules:apiSpec", b"{}", ANONYMOUS)

        result = await backend.run_query(call)

    assert result.error is not None
    assert (
        "Could not find public function for '_system/cli/modules:apiSpec'" in result.error.message
    )
