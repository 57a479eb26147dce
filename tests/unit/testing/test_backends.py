"""What tests of an app stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime import ValidationError
from realtime.testing import running_app
from tests.harness.written_app import write_app

SCHEMA = """
class Parent(Document, table="parents"):
    name: str

class Child(Document, table="children"):
    parent: Id[Parent]
    age: int
"""
FUNCTIONS = """
@query
async def children(ctx: QueryCtx, parent: Id[Parent]) -> list[Child]:
    return [child async for child in ctx.db.query(Child) if child.parent == parent]

@query
async def time(ctx: QueryCtx) -> float:
    return ctx.now()
"""


@pytest.mark.asyncio
async def test_loaded_documents_refer_to_each_other_by_the_ids_they_came_with(
    tmp_path: Path,
) -> None:
    lines = tmp_path / "children.jsonl"
    lines.write_text('{"parent": "p2", "age": 3, "_creationTime": 5}\n\n{"parent":"p1","age":4}\n')
    async with running_app(write_app(tmp_path, FUNCTIONS, SCHEMA)) as backend:
        parents = await backend.load("parents", '{"_id":"p1","name":"A"}\n{"_id":"p2","name":"B"}')
        ids = await backend.load("children", lines)
        more = await backend.load("children", [{"parent": parents[1], "age": 5}])

        (first,) = await backend.query("m:children", {"parent": parents[0]})
        others = await backend.query("m:children", {"parent": parents[1]})

    assert (first.id, first.age) == (ids[1], 4)
    assert [child.id for child in others] == [ids[0], *more]


@pytest.mark.asyncio
async def test_what_can_not_be_loaded_is_named_and_nothing_is_kept(tmp_path: Path) -> None:
    async with running_app(write_app(tmp_path, FUNCTIONS, SCHEMA)) as backend:
        (parent,) = await backend.load("parents", [{"name": "A"}])
        with pytest.raises(ValidationError, match="the lines, line 2"):
            await backend.load("parents", '{"name": "B"}\n["C"]')
        with pytest.raises(ValidationError, match="age"):
            await backend.load("children", [{"parent": parent, "age": 1}, {"parent": parent}])

        assert await backend.query("m:children", {"parent": parent}) == []


@pytest.mark.asyncio
async def test_functions_see_the_time_of_the_test(tmp_path: Path) -> None:
    async with running_app(
        write_app(tmp_path, FUNCTIONS, SCHEMA), file=tmp_path / "data.sqlite"
    ) as backend:
        before = await backend.query("m:time")
        backend.clock.advance(6)

        assert await backend.query("m:time") - before == 6_000
    assert (tmp_path / "data.sqlite").stat().st_size > 0
