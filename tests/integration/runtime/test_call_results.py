"""Results on their way out of a function, and the types in which values arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.written_app import written_app


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
