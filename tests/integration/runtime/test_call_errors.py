"""Failures of functions: what their callers and the log are told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import OverloadedError
from tests.harness.written_app import written_app

ERRORS = """
class FooError(ApplicationError):
    pass

@mutation
async def fail(ctx, case: str):
    match case:
        case "plain":
            raise Exception("boom")
        case "class":
            raise ValueError("boom")
        case "data":
            raise ConvexError({"b": 1, "a": [2, {"d": 3, "c": Int64(4)}]})
        case "text":
            raise ApplicationError("boom")
        case "text and data":
            raise ApplicationError("boom", data={"code": 1})
        case "subclass":
            raise FooError("boom", data=None)
        case "no data":
            raise ApplicationError()
        case "conflict":
            raise ConflictError("somebody was faster")
        case "overload":
            raise OverloadedError("too much")

@mutation
async def nested(ctx, case: str, depth: int):
    if depth == 0:
        return await ctx.run_mutation(fail, case=case)
    return await ctx.run_mutation(nested, case=case, depth=depth - 1)

@query
async def fail_in_query(ctx):
    raise ApplicationError("boom", data={"code": 1})
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("case", "first_line", "data"),
    [
        ("plain", "Uncaught Error: boom", None),
        ("class", "Uncaught ValueError: boom", None),
        (
            "data",
            'Uncaught ConvexError: {"b":1,"a":[2,{"d":3,"c":{"$integer":"BAAAAAAAAAA="}}]}',
            b'{"a":[2,{"c":{"$integer":"BAAAAAAAAAA="},"d":3}],"b":1}',
        ),
        ("text", "Uncaught ConvexError: boom", b'"boom"'),
        ("text and data", "Uncaught ConvexError: boom", b'{"code":1}'),
        ("subclass", "Uncaught FooError: boom", b"null"),
        ("no data", "Uncaught ConvexError: null", b"null"),
    ],
)
async def test_failure_has_text_place_and_data(
    tmp_path: Path, case: str, first_line: str, data: bytes | None
) -> None:
    async with written_app(tmp_path, ERRORS) as app:
        outcome = await app.call("fail", case=case)

        assert outcome.error is not None
        assert re.fullmatch(
            rf"\[Request ID: [0-9a-f]{{16}}\] Server Error\n{re.escape(first_line)}\n"
            r"    at fail \(\.\./functions/m\.py:\d+\)\n",
            outcome.error.message,
        )
        assert outcome.error.data == data


@pytest.mark.asyncio
async def test_nested_call_adds_a_prefix_per_level_and_keeps_the_data(tmp_path: Path) -> None:
    async with written_app(tmp_path, ERRORS) as app:
        outcome = await app.call("nested", case="text and data", depth=1)
        plain = await app.failure("nested", case="class", depth=1)

        assert outcome.error is not None
        assert f"\n{'Uncaught ConvexError: ' * 3}boom\n" in outcome.error.message
        assert outcome.error.message.count("Server Error") == 1
        assert outcome.error.message.count("    at nested (../functions/m.py:") == 2
        assert outcome.error.data == b'{"code":1}'
        assert plain.startswith("Uncaught ValueError: boom\n")


@pytest.mark.asyncio
async def test_exception_object_that_is_raised_again_has_the_same_text(tmp_path: Path) -> None:
    functions = """
REFUSED = ApplicationError("refused")

@query
async def inner(ctx):
    raise REFUSED

@query
async def outer(ctx, call: int):
    return await ctx.run_query(inner)
"""
    async with written_app(tmp_path, functions) as app:
        texts = {await app.failure("outer", call=call) for call in range(3)}

        (text,) = texts
        assert text.count("Uncaught ConvexError: ") == 2
        assert text.count("    at ") == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["fail", "nested"])
async def test_conflict_of_a_handler_ends_like_one_of_the_engine(tmp_path: Path, path: str) -> None:
    args: dict[str, Any] = {"case": "conflict"} | ({} if path == "fail" else {"depth": 0})
    async with written_app(tmp_path, ERRORS) as app:
        with pytest.raises(OverloadedError) as refused:
            await app.call(path, **args)

        assert refused.value.code == "OptimisticConcurrencyControlFailure"
        assert refused.value.message == (
            f"What `m:{path}` read or wrote was changed by others while it ran, 5 times: "
            "somebody was faster"
        )
        assert app.backend.counters.function_runs[f"m:{path}", "mutation"] == 5


@pytest.mark.asyncio
async def test_overload_of_a_handler_is_not_run_again(tmp_path: Path) -> None:
    async with written_app(tmp_path, ERRORS) as app:
        with pytest.raises(OverloadedError, match="too much"):
            await app.call("fail", case="overload")

        assert app.backend.counters.function_runs["m:fail", "mutation"] == 1


@pytest.mark.asyncio
async def test_log_of_the_server_has_what_a_client_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "realtime.functions")
    async with written_app(tmp_path, ERRORS, redact_errors=True) as app:
        outcome = await app.call("failInQuery")

        assert outcome.error is not None
        found = re.fullmatch(r"\[Request ID: ([0-9a-f]{16})\] Server Error", outcome.error.message)
        assert found is not None
        assert outcome.error.data == b'{"code":1}'
        assert outcome.log_lines == ()
        (record,) = caplog.records
        assert found[1] in record.getMessage()
        assert "Uncaught ConvexError: boom" in record.getMessage()
