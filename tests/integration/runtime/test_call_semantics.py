"""What crosses the border of a function: arguments, results, errors and log lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import OverloadedError
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


# Arguments


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


# Results


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (
            'ctx.db.query("t")',
            "Return value is a Query. Results must be retrieved with .collect(), .take(n), "
            ".first(), or .unique()",
        ),
        ('ctx.db.query("t").order("asc")', "Return value is a Query."),
        (
            "UNSET",
            "ReturnsValidationError: Expected a value, got `UNSET`: only an optional field may be "
            "left unset",
        ),
        ('{"a": [UNSET]}', "ReturnsValidationError: Expected a value, got `UNSET`: "),
        ("{1}", "ReturnsValidationError: Expected a value, got `set`: use a list"),
        ("2**53 + 1", "ReturnsValidationError: Expected an integer within ±2^53, got"),
        ("[0] * 8193", "Array length is too long (8193 > maximum length 8192)"),
        (
            '["x" * 2**20] * 17',
            "Function m.js:f return value is too large (actual: 17 MiB, limit: 16 MiB)",
        ),
    ],
)
async def test_result_that_cannot_be_returned_undoes_the_mutation(
    tmp_path: Path, returned: str, text: str
) -> None:
    functions = f"""
@mutation
async def f(ctx):
    await ctx.db.insert("t", {{}})
    return {returned}

@query
async def how_many(ctx):
    return len(await ctx.db.query("t").collect())
"""
    async with written_app(tmp_path, functions) as app:
        assert (await app.failure("f")).startswith(text)
        assert await app.value("howMany") == 0


@pytest.mark.asyncio
async def test_result_of_the_wrong_type_undoes_the_mutation(tmp_path: Path) -> None:
    functions = """
@mutation
async def f(ctx) -> list[str]:
    await ctx.db.insert("t", {})
    return ["a", 5]

@query
async def how_many(ctx):
    return len(await ctx.db.query("t").collect())
"""
    async with written_app(tmp_path, functions) as app:
        assert await app.failure("f") == (
            "ReturnsValidationError: Value does not match validator.\nPath: [1]\n"
            "Value: 5.0\nValidator: v.string()"
        )
        assert await app.value("howMany") == 0


TYPES = """
import dataclasses
import msgspec

class Part(Struct):
    file_name: str

class Plain(msgspec.Struct):
    file_name: str

@dataclasses.dataclass
class Data:
    file_name: str

class Typed(TypedDict):
    file_name: str

class Cat(Struct):
    kind: Literal["cat"]
    lives: int

class Dog(Struct):
    kind: Literal["dog"]
    lives: float

@query
async def objects(ctx, part: Part, plain: Plain, data: Data, typed: Typed) -> list[dict[str, Any]]:
    assert part.file_name == plain.file_name == data.file_name == typed["file_name"] == "x"
    return [part, plain, data, typed]

@query
async def told_apart(ctx, pet: Cat | Dog) -> str:
    return type(pet).__name__ + type(pet.lives).__name__

@query
async def int64_or_text(ctx, x: Int64 | str) -> list[Any]:
    return [type(x).__name__, x]

@query
async def under_any(ctx, x: Any) -> list[str]:
    return [type(item).__name__ for item in x]

@query
async def literal(ctx, x: Annotated[int, v.literal(1)], y: Annotated[Int64, v.literal(Int64(2))]):
    return [x, y]

@query
async def names(ctx, list: Annotated[str, Name("from")], type: list[str], set: int, id_: str):
    return [list, type, set, id_]

@query
async def nothing(ctx):
    pass
"""
PART = {"fileName": "x"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "args", "expected"),
    [
        (
            "objects",
            {"part": PART, "plain": PART, "data": PART, "typed": PART},
            # A dictionary is data: its keys are not renamed under `Any`.
            [PART, PART, PART, {"file_name": "x"}],
        ),
        ("toldApart", {"pet": {"kind": "dog", "lives": 1}}, "Dogfloat"),
        ("toldApart", {"pet": {"kind": "cat", "lives": 1}}, "Catint"),
        (
            "int64OrText",
            {"x": {"$integer": "AQAAAAAAAAA="}},
            ["Int64", {"$integer": "AQAAAAAAAAA="}],
        ),
        ("int64OrText", {"x": "y"}, ["str", "y"]),
        (
            "underAny",
            {"x": [5, 5.5, {"$integer": "AQAAAAAAAAA="}, {"$bytes": ""}, None, True]},
            ["float", "float", "Int64", "bytes", "NoneType", "bool"],
        ),
        (
            "literal",
            {"x": 1, "y": {"$integer": "AgAAAAAAAAA="}},
            [1, {"$integer": "AgAAAAAAAAA="}],
        ),
        ("names", {"from": "a", "type": ["b"], "set": 1, "id": "c"}, ["a", ["b"], 1, "c"]),
        ("nothing", {}, None),
    ],
)
async def test_values_arrive_as_their_annotations_say(
    tmp_path: Path, path: str, args: dict[str, Any], expected: Any
) -> None:
    async with written_app(tmp_path, TYPES) as app:
        assert await app.value(path, **args) == expected


# Errors

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


# Log lines

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


# Nesting

DEEP = """
@mutation
async def deep(ctx, calls: int):
    await ctx.db.insert("t", {"calls": calls})
    return 0 if calls == 0 else 1 + await ctx.run_mutation(deep, calls=calls - 1)

@query
async def how_many(ctx):
    return len(await ctx.db.query("t").collect())

@mutation
async def half(ctx):
    await ctx.db.insert("t", {})
    try:
        await ctx.run_mutation(fail)
    except ApplicationError as error:
        return error.data

@mutation
async def fail(ctx):
    await ctx.db.insert("t", {})
    await ctx.db.insert("created", {})
    raise ApplicationError("caught")
"""


@pytest.mark.asyncio
async def test_calls_nest_eight_deep(tmp_path: Path) -> None:
    async with written_app(tmp_path, DEEP) as app:
        assert await app.value("deep", calls=8) == 8
        assert (await app.failure("deep", calls=9)).startswith(
            "Uncaught Error: Cross component call depth limit exceeded. Do you have an infinite "
            "loop in your app?\n"
        )
        assert await app.value("howMany") == 9


@pytest.mark.asyncio
async def test_failed_nested_mutation_undoes_its_own_writes_alone(tmp_path: Path) -> None:
    async with written_app(tmp_path, DEEP) as app:
        assert await app.value("half") == "caught"
        assert await app.value("howMany") == 1
