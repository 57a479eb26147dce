"""Log lines of functions: their form, their limits, and those of nested calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.written_app import written_app

LOGS = """
@query
async def levels(ctx):
    ctx.log()
    ctx.log("text", 1, 1.5, Int64(1), None, True, ["a"], {"b": "c"}, b"x")
    ctx.log.debug("d")
    ctx.log.info("i")
    ctx.log.warn("w")
    ctx.log.error("e")

@query
async def many(ctx, count: int):
    for number in range(count):
        ctx.log(number)

@query
async def long(ctx, text: str, count: int):
    ctx.log(text * count)

@mutation
async def inner(ctx, fails: bool):
    ctx.log("inner")
    if fails:
        raise ValueError("boom")

@mutation
async def outer(ctx, fails: bool):
    ctx.log("before")
    try:
        await ctx.run_mutation(inner, fails=fails)
    except ValueError:
        ctx.log("caught")
    ctx.log("after")

@mutation
async def retried(ctx):
    ctx.log("run")
    if ctx.random.random() < 2 and len(RUNS) < 3:
        RUNS.append(1)
        raise ConflictError("again")

RUNS = []
"""


@pytest.mark.asyncio
async def test_log_lines_have_level_and_values(tmp_path: Path) -> None:
    async with written_app(tmp_path, LOGS) as app:
        outcome = await app.call("levels")

        assert outcome.log_lines == (
            "[LOG] ",
            '[LOG] \'text\' 1.0 1.5 1 null true ["a"] {b: "c"} b"78"',
            "[DEBUG] 'd'",
            "[INFO] 'i'",
            "[WARN] 'w'",
            "[ERROR] 'e'",
        )


@pytest.mark.asyncio
async def test_log_lines_over_the_limit_are_dropped(tmp_path: Path) -> None:
    async with written_app(tmp_path, LOGS) as app:
        outcome = await app.call("many", count=300)

        assert outcome.log_lines == tuple(f"[LOG] {number}.0" for number in range(256))


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["x", "é", "\U0001f600"])
async def test_log_line_over_the_limit_is_cut_and_says_so(tmp_path: Path, text: str) -> None:
    limit = 32 * 1024
    fits = (limit - len("[LOG] ''")) // len(text.encode())
    async with written_app(tmp_path, LOGS) as app:
        (whole,) = (await app.call("long", text=text, count=fits)).log_lines
        (cut,) = (await app.call("long", text=text, count=fits + 4)).log_lines

        assert whole == f"[LOG] '{text * fits}'"
        assert limit - 3 <= len(cut.encode()) <= limit
        assert cut.endswith(f"{text} (truncated due to length)")


@pytest.mark.asyncio
async def test_log_lines_of_nested_calls_stand_in_order_and_failed_runs_leave_none(
    tmp_path: Path,
) -> None:
    async with written_app(tmp_path, LOGS) as app:
        good = await app.call("outer", fails=False)
        bad = await app.call("outer", fails=True)
        retried = await app.call("retried")

        assert good.log_lines == ("[LOG] 'before'", "[LOG] 'inner'", "[LOG] 'after'")
        assert bad.log_lines == (
            "[LOG] 'before'",
            "[LOG] 'inner'",
            "[LOG] 'caught'",
            "[LOG] 'after'",
        )
        assert retried.log_lines == ("[LOG] 'run'",)
