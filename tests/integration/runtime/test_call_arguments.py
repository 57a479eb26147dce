"""Arguments on their way into a function, and what is refused of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.written_app import written_app

ECHO = """
@mutation
async def echo(ctx, x):
    return x

@mutation
async def count(ctx, x):
    return len(x)

@mutation(args=v.any())
async def take_any(ctx, args):
    return args

@mutation(args={"a": v.optional(v.number()), "b": v.optional(v.string())})
async def take_two(ctx, args):
    return args

@mutation
async def take_args(ctx, args: dict[str, Any]):
    return args

@query
async def is_unset(ctx, a: str | Unset) -> bool:
    return a is UNSET
"""


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([0] * 8193, "Array length is too long (8193 > maximum length 8192)"),
        (
            {f"f{number}": 0 for number in range(1025)},
            "Object has too many fields (1025 > maximum number 1024)",
        ),
        (nested(64), "Value is too nested (nested 65 levels deep > maximum nesting 64)"),
        ({"a": {"$integer": "?"}}, "Expected base64 text in `$integer`, got something else"),
        ({"$x": 1}, "Field name $x starts with '$', which is reserved."),
    ],
)
async def test_argument_that_is_no_value_is_refused(tmp_path: Path, value: Any, text: str) -> None:
    async with written_app(tmp_path, ECHO) as app:
        failure = await app.failure("count", x=value)

        assert failure.startswith(f"Invalid arguments for m.js:count: {text}")


@pytest.mark.asyncio
@pytest.mark.parametrize("value", [[0] * 8192, nested(63), {f"f{n}": 0 for n in range(1024)}])
async def test_argument_at_a_limit_is_taken(tmp_path: Path, value: Any) -> None:
    async with written_app(tmp_path, ECHO) as app:
        assert await app.value("echo", x=value) == value


CALLS = (
    ECHO
    + """
async def outcome(operation):
    try:
        return await operation
    except (ValidationError, NotFoundError, LimitError) as error:
        return error.message

@mutation
async def call(ctx, case: str):
    match case:
        case "mapping":
            return await outcome(ctx.run_mutation(take_two, {"a": 1}))
        case "keywords":
            return await outcome(ctx.run_mutation(take_two, a=1))
        case "mapping by keyword":
            return await outcome(ctx.run_mutation(take_two, args={"a": 1}))
        case "any by keyword":
            return await outcome(ctx.run_mutation(take_any, args={"args": 1}))
        case "parameter called args":
            return await outcome(ctx.run_mutation(take_args, args={"a": 1}))
        case "None":
            return await outcome(ctx.run_mutation(take_two, None))
        case "unset member":
            return await outcome(ctx.run_mutation(take_two, {"a": UNSET, "b": "x"}))
        case "unset keyword":
            return await outcome(ctx.run_mutation(take_two, a=UNSET, b="x"))
        case "unset optional":
            return await outcome(ctx.run_query(is_unset, a=UNSET))
        case "both":
            return await outcome(ctx.run_mutation(take_two, {"a": 1}, b="x"))
        case "a list":
            return await outcome(ctx.run_mutation(take_two, [1]))
        case "unknown keyword":
            return await outcome(ctx.run_mutation(echo, y=1))
        case "ill-typed":
            return await outcome(ctx.run_mutation(take_two, {"a": "x"}))
        case "too long":
            return await outcome(ctx.run_mutation(echo, x=[0] * 8193))
        case "too large":
            return await outcome(ctx.run_mutation(echo, x=["x" * 2**20] * 17))
        case "missing":
            return await outcome(ctx.run_mutation("m:nothing"))
        case "no path":
            return await outcome(ctx.run_mutation("m:no thing"))
        case "no reference":
            return await outcome(ctx.run_mutation(outcome))
        case "query as mutation":
            return await outcome(ctx.run_mutation(is_unset, a="x"))
"""
)


ONE_WAY = "Pass the arguments as keywords in Python names, or as one mapping in wire names"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("mapping", {"a": 1}),
        ("keywords", {"a": 1}),
        ("mapping by keyword", {"a": 1}),
        ("any by keyword", {"args": 1}),
        ("parameter called args", {"a": 1}),
        ("None", {}),
        ("unset member", {"b": "x"}),
        ("unset keyword", {"b": "x"}),
        ("unset optional", True),
        ("both", ONE_WAY),
        ("a list", ONE_WAY),
        ("unknown keyword", "Unknown argument `y`; the arguments are `x`"),
        (
            "ill-typed",
            "ArgumentValidationError: Value does not match validator.\nPath: .a\n"
            'Value: "x"\nValidator: v.float64()',
        ),
        ("too long", "Array length is too long (8193 > maximum length 8192)"),
        (
            "too large",
            "Arguments for m.js:echo are too large (actual: 17 MiB, limit: 16 MiB)",
        ),
        (
            "missing",
            "Could not find function for 'm:nothing'. Did you forget to run `npx convex dev`?",
        ),
        (
            "no path",
            "m:no thing is not a valid path to a Convex function. "
            "Expected `module:function` or `dir/module:function`",
        ),
        (
            "no reference",
            "Expected a registered function or a path such as `messages:list`, got function",
        ),
        (
            "query as mutation",
            "Trying to execute m.js:isUnset as Mutation, but it is defined as Query.",
        ),
    ],
)
async def test_nested_call_takes_one_mapping_or_keywords(
    tmp_path: Path, case: str, expected: Any
) -> None:
    async with written_app(tmp_path, CALLS) as app:
        assert await app.value("call", case=case) == expected
