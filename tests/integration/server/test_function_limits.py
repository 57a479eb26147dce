"""Each limit of a function run, passed by a client: its text, and nothing else happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.written_app import write_app
from tests.integration.server.running_app import running_app

MIB = 1 << 20
ADVICE = (
    "Consider using smaller limits in your queries, paginating your queries, or using indexed "
    "queries with a selective index range expressions."
)

SCHEMA = """
class Item(Document, table="items"):
    group: float
    padding: str

    by_group = Index("group")
"""

FUNCTIONS = """
@mutation
async def add(ctx, count: int, size: int) -> None:
    for _ in range(count):
        await ctx.db.insert("items", {"group": 0, "padding": "x" * size})

@query
async def read_all(ctx) -> float:
    return len(await ctx.db.query("items").collect())

@query
async def read_filtered(ctx) -> float:
    return len(await ctx.db.query("items").filter(lambda item: False).collect())

@query
async def read_ranges(ctx, count: int) -> None:
    for group in range(count):
        await ctx.db.query("items").with_index("by_group", group=group).first()

@query
async def catch(ctx, count: int) -> str:
    try:
        await ctx.run_query(read_ranges, count=count)
    except LimitError as error:
        return error.code
    return "none"

@query
async def echo(ctx, x: Any) -> float:
    return len(x)

@query
async def answer(ctx, count: int, size: int) -> list[str]:
    return ["x" * size] * count

@mutation
async def write_and_answer(ctx, count: int, size: int) -> list[str]:
    await ctx.db.insert("items", {"group": 0, "padding": ""})
    return ["x" * size] * count

@query
async def log(ctx, count: int, size: int) -> None:
    for _ in range(count):
        ctx.log("x" * size)

@query
async def nest(ctx, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value

@query
async def deep(ctx, calls: int) -> float:
    return 0 if calls == 0 else 1 + await ctx.run_query(deep, calls=calls - 1)

@query
async def spin(ctx) -> None:
    while True:
        pass
"""

Serve = Callable[..., Any]


class Client:
    """Calls functions over HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def call(self, kind: str, path: str, **args: Any) -> dict[str, Any]:
        body = {"path": f"m:{path}", "args": args, "format": "json"}
        response = await self._http.post(f"/api/{kind}", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def value(self, kind: str, path: str, **args: Any) -> Any:
        answer = await self.call(kind, path, **args)
        assert answer["status"] == "success", answer
        return answer["value"]

    async def failure(self, kind: str, path: str, **args: Any) -> str:
        answer = await self.call(kind, path, **args)
        assert answer["status"] == "error", answer
        return str(answer["errorMessage"]).partition("\n")[2]


@asynccontextmanager
async def client_of(serve: Serve, root: Path) -> AsyncGenerator[Client, None]:
    async with running_app(serve, root, app=write_app(root, FUNCTIONS, SCHEMA)) as served:
        yield Client(served.http)


@pytest.mark.asyncio
async def test_documents_read_are_limited_filtered_ones_too(serve: Serve, tmp_path: Path) -> None:
    text = (
        "Uncaught Error: Too many documents read in a single function execution (limit: 32000). "
        f"{ADVICE}\n"
    )
    async with client_of(serve, tmp_path) as client:
        for _ in range(4):
            await client.value("mutation", "add", count=8_000, size=1)
        at_limit = await client.value("query", "readAll")
        await client.value("mutation", "add", count=1, size=1)

        assert at_limit == 32_000
        assert (await client.failure("query", "readAll")).startswith(text)
        assert (await client.failure("query", "readFiltered")).startswith(text)


@pytest.mark.asyncio
async def test_bytes_read_are_limited(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        for _ in range(2):
            await client.value("mutation", "add", count=9, size=MIB - 1_000)

        assert (await client.failure("query", "readAll")).startswith(
            "Uncaught Error: Too many bytes read in a single function execution "
            f"(limit: 16777216 bytes). {ADVICE}\n"
        )


@pytest.mark.asyncio
async def test_reads_are_limited_and_the_error_can_be_caught(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        await client.value("mutation", "add", count=1, size=1)
        await client.value("query", "readRanges", count=4_096)

        assert (await client.failure("query", "readRanges", count=4_097)).startswith(
            "Uncaught Error: Too many reads in a single function execution (limit: 4096). "
            f"{ADVICE}\n"
        )
        assert await client.value("query", "catch", count=4_097) == "TooManyReads"


@pytest.mark.asyncio
async def test_writes_are_limited_and_undone(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        assert (await client.failure("mutation", "add", count=16_001, size=1)).startswith(
            "Uncaught Error: Too many writes in a single function execution (limit: 16000)\n"
        )
        assert await client.value("query", "readAll") == 0


@pytest.mark.asyncio
async def test_bytes_written_are_limited_and_undone(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        assert (await client.failure("mutation", "add", count=17, size=MIB - 1_000)).startswith(
            "Uncaught Error: Too many bytes written in a single function execution "
            "(limit: 16777216 bytes)\n"
        )
        assert await client.value("query", "readAll") == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "args", "text"),
    [
        (
            "echo",
            {"x": ["x" * MIB] * 16},
            "Arguments for m.js:echo are too large (actual: 16 MiB, limit: 16 MiB)",
        ),
        (
            "echo",
            {"x": [0] * 8_193},
            "Invalid arguments for m.js:echo: Array length is too long "
            "(8193 > maximum length 8192)",
        ),
        (
            "echo",
            {"x": {f"f{number}": 0 for number in range(1_025)}},
            "Invalid arguments for m.js:echo: Object has too many fields "
            "(1025 > maximum number 1024)",
        ),
        (
            "answer",
            {"count": 16, "size": MIB},
            "Function m.js:answer return value is too large (actual: 16 MiB, limit: 16 MiB)",
        ),
        (
            "answer",
            {"count": 8_193, "size": 1},
            "Array length is too long (8193 > maximum length 8192)",
        ),
        (
            "nest",
            {"depth": 65},
            "Value is too nested (nested 65 levels deep > maximum nesting 64)",
        ),
        (
            "deep",
            {"calls": 9},
            "Uncaught Error: Cross component call depth limit exceeded. Do you have an infinite "
            "loop in your app?",
        ),
        ("spin", {}, "Function execution timed out (maximum duration: 1s) in `m:spin`"),
    ],
    ids=lambda item: item if isinstance(item, str) and " " not in item else "",
)
async def test_limit_of_a_query_has_its_text(
    serve: Serve, tmp_path: Path, path: str, args: dict[str, Any], text: str
) -> None:
    async with client_of(serve, tmp_path) as client:
        assert (await client.failure("query", path, **args)).startswith(text)
        assert await client.value("query", "echo", x=[1]) == 1


@pytest.mark.asyncio
async def test_document_is_limited_in_size(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        assert (await client.failure("mutation", "add", count=1, size=2 * MIB)).startswith(
            "Uncaught Error: Value is too large (2 MiB > maximum size 1 MiB)\n"
        )


@pytest.mark.asyncio
async def test_mutation_with_too_large_a_result_is_undone(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        failure = await client.failure("mutation", "writeAndAnswer", count=17, size=MIB)

        assert "return value is too large" in failure
        assert await client.value("query", "readAll") == 0


@pytest.mark.asyncio
async def test_log_lines_are_limited_in_number_and_length(serve: Serve, tmp_path: Path) -> None:
    async with client_of(serve, tmp_path) as client:
        many = await client.call("query", "log", count=257, size=1)
        long = await client.call("query", "log", count=1, size=MIB)

        assert many["logLines"] == ["[LOG] 'x'"] * 256
        (line,) = long["logLines"]
        assert len(line) == 32 * 1024
        assert line.endswith("x (truncated due to length)")
