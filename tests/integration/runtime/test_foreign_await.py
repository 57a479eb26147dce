"""A query or mutation that awaits what is not of its `ctx` is told so, however it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.written_app import written_app

pytestmark = pytest.mark.asyncio

AWAITING = """
import asyncio, httpx

@mutation
async def sleep(ctx) -> None:
    await asyncio.sleep(1)

@mutation
async def fetch(ctx) -> None:
    async with httpx.AsyncClient() as web:
        await web.get("http://127.0.0.1:1/")

@query
async def time_out(ctx) -> None:
    async with asyncio.timeout(1):
        return None

@query
async def run_a_loop(ctx) -> None:
    coroutine = asyncio.sleep(0)
    try:
        asyncio.run(coroutine)
    finally:
        coroutine.close()

@query
async def call_the_other(ctx) -> None:
    await ctx.run_query(time_out)

@query
async def catch(ctx) -> str:
    try:
        async with asyncio.timeout(1):
            return "never"
    except RuntimeError as error:
        return str(error)

@query
async def fail(ctx) -> None:
    raise RuntimeError("of its own")

@action
async def wait(ctx) -> str:
    async with asyncio.timeout(1):
        await asyncio.sleep(0)
    return "waited"
"""


@pytest.mark.parametrize(
    ("function", "kind", "named"),
    [
        ("sleep", "mutation", "sleep"),
        ("fetch", "mutation", "fetch"),
        ("timeOut", "query", "timeOut"),
        ("runALoop", "query", "runALoop"),
        ("callTheOther", "query", "timeOut"),
    ],
)
async def test_text_says_what_may_be_awaited_and_where_it_happened(
    tmp_path: Path, function: str, kind: str, named: str
) -> None:
    async with written_app(tmp_path, AWAITING) as app:
        text = await app.failure(function)

    assert text.startswith(
        f"Uncaught Error: The {kind} `m:{named}` awaited something that is not of its `ctx` "
        "(at functions/m.py:"
    )
    assert "use `realtime.gather` for several of them, and an action" in text


async def test_what_the_function_catches_itself_is_its_affair(tmp_path: Path) -> None:
    async with written_app(tmp_path, AWAITING) as app:
        assert await app.value("catch") == "Timeout should be used inside a task"


async def test_errors_of_the_function_itself_stay_what_they_are(tmp_path: Path) -> None:
    async with written_app(tmp_path, AWAITING) as app:
        assert (await app.failure("fail")).startswith("Uncaught RuntimeError: of its own")


async def test_actions_may_await_anything(tmp_path: Path) -> None:
    async with written_app(tmp_path, AWAITING) as app:
        assert await app.value("wait") == "waited"
