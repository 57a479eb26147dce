"""From the text of a call to its outcome: what is counted, and what is no arguments."""

from __future__ import annotations

import pytest

from realtime import ConflictError, MutationCtx, QueryCtx, mutation, query
from realtime.errors import OverloadedError
from realtime.runtime.function_runner import MAX_RUNS
from realtime.runtime.outcome import FunctionCall
from realtime.testing import running_backend
from tests.unit.runtime.small_app import app_of, call


@query
async def echo(ctx: QueryCtx, text: str = "nothing") -> str:
    return text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("args", "value"),
    [
        (b"", b'"nothing"'),
        (b"{}", b'"nothing"'),
        (b"[]", b'"nothing"'),
        (b"[{}]", b'"nothing"'),
        (b'{"text":"a"}', b'"a"'),
        (b' [ { "text" : "a" } ] ', b'"a"'),
    ],
)
async def test_arguments_are_an_object_or_a_list_with_one_or_nothing(
    args: bytes, value: bytes
) -> None:
    async with running_backend(app_of(echo)) as backend:
        assert (await backend.run_query(FunctionCall("t:echo", args))).value == value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("args", "text"),
    [
        (b"[{},{}]", "a single object as the function's argument. Instead received 2 arguments"),
        (b"[1]", "an object as the function's argument. Instead received: [1]"),
        (b"null", "Instead received: null"),
        (b'"text"', 'Instead received: "text"'),
        (b"{", "Invalid arguments for t.js:echo"),
        (b"[" + b"1" * 300 + b"]", "1" * 199 + "…"),
    ],
)
async def test_what_is_no_arguments_object_is_shown_in_short(args: bytes, text: str) -> None:
    async with running_backend(app_of(echo)) as backend:
        result = await backend.run_query(FunctionCall("t:echo", args))

    assert result.error is not None and text in result.error.message


@pytest.mark.asyncio
async def test_each_run_and_each_encoded_result_is_counted_by_path() -> None:
    runs = 0

    @mutation
    async def conflicts(ctx: MutationCtx) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ConflictError("again")

    @query
    async def fails(ctx: QueryCtx) -> None:
        raise ValueError("no")

    async with running_backend(app_of(conflicts, fails, echo)) as backend:
        for path in ("conflicts", "fails", "echo", "echo"):
            await backend.run_function(call(path))
        counters = backend.counters

    assert counters.function_runs == {
        ("t:conflicts", "mutation"): 2,
        ("t:fails", "query"): 1,
        ("t:echo", "query"): 1,
    }
    assert counters.result_encodings == {"t:conflicts": 1, "t:echo": 1}


@pytest.mark.asyncio
async def test_conflict_that_does_not_end_is_told_with_the_number_of_runs() -> None:
    runs: list[int] = []

    @query
    async def conflicts(ctx: QueryCtx) -> None:
        runs.append(1)
        raise ConflictError("somebody was faster")

    async with running_backend(app_of(conflicts)) as backend:
        with pytest.raises(OverloadedError) as refusal:
            await backend.run_query(call("conflicts"))

    assert len(runs) == MAX_RUNS == 5
    assert "5 times: somebody was faster" in refusal.value.message


@pytest.mark.asyncio
async def test_each_run_after_a_conflict_has_a_transaction_time_and_log_of_its_own() -> None:
    moments: list[float] = []

    @mutation
    async def conflicts(ctx: MutationCtx) -> float:
        ctx.log("run", len(moments))
        await ctx.db.insert("other", {"run": float(len(moments))})
        moments.append(ctx.random.random())
        if len(moments) < 3:
            raise ConflictError("again")
        return float(len(await ctx.db.query("other").collect()))

    async with running_backend(app_of(conflicts)) as backend:
        outcome = await backend.run_mutation(call("conflicts"))

    assert outcome.value == b"1"
    assert outcome.log_lines == ("[LOG] 'run' 2.0",)
    assert len(set(moments)) == 3
