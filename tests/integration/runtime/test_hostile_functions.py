"""Functions whose texts and classes misbehave fail alone: everybody else is served."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.harness.written_app import written_app

HOSTILE = r"""
import dataclasses


class Texts:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


@dataclasses.dataclass
class Picky:
    size: float

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size must not be negative")
        if self.size > 100:
            raise KeyError("size")


class PickyStruct(Struct):
    size: float

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size must not be negative")


@dataclasses.dataclass(repr=False)
class Broken:
    size: float

    def __getattribute__(self, name: str) -> Any:
        if name == "size":
            raise RuntimeError("no size")
        return object.__getattribute__(self, name)


@query
async def fail_in_query(ctx) -> None:
    raise ValueError("half \ud800")

@mutation
async def fail_in_mutation(ctx) -> None:
    raise ValueError("half \ud800")

@mutation
async def fail_with_data(ctx) -> None:
    raise ApplicationError({"a": "half \ud800"})

@mutation
async def fail_with_broken_data(ctx) -> None:
    raise ApplicationError(Broken(1))

@query
async def log_half(ctx) -> int:
    ctx.log("half \ud800", {"a": "\ud800"})
    return 1

@mutation
async def return_half(ctx) -> Any:
    return {"a": "half \ud800"}

@query
async def return_half_in_query(ctx) -> str:
    return "half \ud800"

@mutation
async def store_half(ctx) -> None:
    await ctx.db.insert("notes", {"a": ["half \ud800"]})

@mutation
async def take_dataclass(ctx, picky: Picky) -> float:
    return picky.size

@query
async def take_struct(ctx, picky: PickyStruct) -> float:
    return picky.size

@mutation
async def return_broken(ctx) -> Any:
    return [Broken(1)]

@mutation
async def log_what_has_no_text(ctx) -> int:
    ctx.log("before", Texts())
    return 1
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "args", "text"),
    [
        ("failInQuery", {}, "Uncaught ValueError: half \\ud800\n    at fail_in_query"),
        ("failInMutation", {}, "Uncaught ValueError: half \\ud800\n    at fail_in_mutation"),
        ("failWithData", {}, "its data was dropped, it is not a value: Expected a string of valid"),
        ("failWithBrokenData", {}, "its data was dropped, it is not a value: no size"),
        (
            "returnHalf",
            {},
            "ReturnsValidationError: Expected a string of valid Unicode, got a lone surrogate at "
            "index 5 (at `$.a`)",
        ),
        ("returnHalfInQuery", {}, "ReturnsValidationError: Expected a string of valid Unicode"),
        ("storeHalf", {}, "Uncaught Error: Expected a string of valid Unicode"),
        (
            "takeDataclass",
            {"picky": {"size": -1}},
            "ArgumentValidationError: `Picky` does not accept this object: "
            "size must not be negative",
        ),
        ("takeDataclass", {"picky": {"size": 101}}, "Uncaught KeyError: 'size'\n"),
        (
            "takeStruct",
            {"picky": {"size": -1}},
            "ArgumentValidationError: `PickyStruct` does not accept this object: "
            "size must not be negative",
        ),
        ("returnBroken", {}, "Uncaught RuntimeError: no size"),
    ],
)
async def test_failure_is_told_and_the_next_call_is_answered(
    tmp_path: Path, path: str, args: dict[str, object], text: str
) -> None:
    async with written_app(tmp_path, HOSTILE) as app:
        failure = await app.failure(path, **args)

        assert text in failure
        assert msgspec.json.encode(failure)
        assert app.backend.state == "running"
        assert await app.value("takeDataclass", picky={"size": 5}) == 5


@pytest.mark.asyncio
async def test_log_line_can_be_sent_whatever_was_logged(tmp_path: Path) -> None:
    async with written_app(tmp_path, HOSTILE) as app:
        halves = await app.call("logHalf")
        nameless = await app.call("logWhatHasNoText")

        assert halves.log_lines == ("[LOG] 'half \\ud800' {a: \"\\ud800\"}",)
        assert nameless.log_lines == ("[LOG] 'before' <Texts without a text>",)
        assert nameless.value == b"1"
