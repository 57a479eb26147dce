"""Documents that are returned as they were read keep their bytes; whatever else is encoded."""

from __future__ import annotations

from typing import Any

import pytest

from realtime import Document, MutationCtx, QueryCtx, mutation, query
from realtime.runtime.registry import LoadedApp, Registry
from realtime.schema.schema import Schema
from realtime.schema.table import class_definition
from realtime.testing import running_backend
from tests.unit.runtime.small_app import ROOT, call, failure_of, function_of, value_of


class Tagged(Document, table="tagged"):
    """A document with something in it that can be changed in place."""

    name: str
    tags: list[str]


class Plain(Document, table="plain"):
    """Another class."""

    name: str


@mutation
async def add(ctx: MutationCtx, name: str) -> None:
    await ctx.db.insert(Tagged, name=name, tags=["a"])


@query
async def all_of_them(ctx: QueryCtx) -> list[Tagged]:
    return await ctx.db.query(Tagged).collect()


@query
async def untyped(ctx: QueryCtx) -> Any:
    return await ctx.db.query(Tagged).collect()


@query
async def first(ctx: QueryCtx) -> Tagged | None:
    return await ctx.db.query(Tagged).first()


@query
async def either(ctx: QueryCtx) -> list[Tagged | Plain]:
    return list(await ctx.db.query(Tagged).collect())


@query
async def reversed_twice(ctx: QueryCtx) -> list[Tagged]:
    found = await ctx.db.query(Tagged).collect()
    return [*reversed(found), *found]


@query
async def changed(ctx: QueryCtx) -> list[Tagged]:
    found = await ctx.db.query(Tagged).collect()
    found[0].tags.append("b")
    return found


@query
async def wrong_class(ctx: QueryCtx) -> list[Plain]:
    found: Any = await ctx.db.query(Tagged).collect()
    return found  # type: ignore[no-any-return]


@query
async def too_many(ctx: QueryCtx) -> list[Tagged]:
    return await ctx.db.query(Tagged).collect() * 8_193


FUNCTIONS = (
    *(add, all_of_them, untyped, first, either, reversed_twice, changed, wrong_class, too_many),
)


def tagged_app() -> LoadedApp:
    schema = Schema({each.__table_name__: class_definition(each) for each in (Tagged, Plain)})  # type: ignore[misc]
    functions = [function_of(function) for function in FUNCTIONS]
    return LoadedApp(ROOT, schema, Registry({each.path: each for each in functions}))


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [document["name"] for document in documents]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["allOfThem", "untyped", "either"])
async def test_documents_are_the_same_bytes_however_the_result_is_typed(path: str) -> None:
    async with running_backend(tagged_app()) as backend:
        for name in ("x", "y"):
            await value_of(backend, "add", {"name": name})
        listed = await backend.run_query(call("allOfThem"))
        result = await backend.run_query(call(path))

    assert result.value == listed.value
    assert listed.value is not None and listed.value.count(b'"name":') == 2


@pytest.mark.asyncio
async def test_one_document_none_and_repeated_ones_are_results_too() -> None:
    async with running_backend(tagged_app()) as backend:
        absent = await value_of(backend, "first")
        for name in ("x", "y"):
            await value_of(backend, "add", {"name": name})
        one = await value_of(backend, "first")
        repeated = await value_of(backend, "reversedTwice")

    assert absent is None
    assert one["name"] == "x" and one["tags"] == ["a"]
    assert names(repeated) == ["y", "x", "x", "y"]


@pytest.mark.asyncio
async def test_change_inside_of_a_document_is_seen_in_the_result() -> None:
    async with running_backend(tagged_app()) as backend:
        await value_of(backend, "add", {"name": "x"})

        assert (await value_of(backend, "changed"))[0]["tags"] == ["a", "b"]
        assert (await value_of(backend, "allOfThem"))[0]["tags"] == ["a"]


@pytest.mark.asyncio
async def test_documents_of_another_class_are_refused() -> None:
    async with running_backend(tagged_app()) as backend:
        await value_of(backend, "add", {"name": "x"})

        assert "ReturnsValidationError" in await failure_of(backend, "wrongClass")


@pytest.mark.asyncio
async def test_list_over_the_limit_is_refused_though_its_bytes_are_known() -> None:
    async with running_backend(tagged_app()) as backend:
        await value_of(backend, "add", {"name": "x"})

        assert "8192" in await failure_of(backend, "tooMany")
