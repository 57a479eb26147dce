"""What `ctx.db` takes and gives, and its text for everything it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from realtime.runtime.registry import load_app
from tests.harness.written_app import write_app, written_app
from tests.integration.runtime.one_mutation import (
    FILE_ID,
    JOB_ID,
    NOWHERE_ID,
    SCHEMA,
    failure_of,
    mutation_that,
    result_of,
)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return await ctx.db.get(m) == await ctx.db.get(Message, m)", True),
        ('return (await ctx.db.get("messages", m))["body"]', "x"),
        (f'return await ctx.db.get("{NOWHERE_ID}")', None),
        ("await ctx.db.delete(m); return await ctx.db.get(m)", None),
        (
            "await ctx.db.delete(m); return [d is None for d in await ctx.db.get_many([a, m, a])]",
            [False, True, False],
        ),
        # Normal ids
        ("return ctx.db.normalize_id(Message, m) == m", True),
        ('return ctx.db.normalize_id("messages", a)', None),
        ('return ctx.db.normalize_id("nothing", m)', None),
        ('return ctx.db.normalize_id("messages", "nonsense")', None),
        ('return ctx.db.normalize_id("messages", 5)', None),
        (f'return ctx.db.system.normalize_id("_storage", "{FILE_ID}")', FILE_ID),
        (f'return ctx.db.system.normalize_id(StoredFile, "{JOB_ID}")', None),
        ('return ctx.db.system.normalize_id("_storage", m)', None),
        # What the system keeps: nothing yet
        (f'return await ctx.db.system.get("{FILE_ID}")', None),
        (f'return await ctx.db.system.get("_storage", "{FILE_ID}")', None),
        (f'return await ctx.db.system.get(ScheduledFunction, "{JOB_ID}")', None),
        ('return await ctx.db.system.query("_scheduled_functions").collect()', []),
        ("return await ctx.db.system.query(StoredFile).first()", None),
        ('return await ctx.db.system.query("_other").collect()', []),
        # Tables that are not declared
        ('return await ctx.db.query("nothing").collect()', []),
        ('return await ctx.db.query("nothing").with_index("by_creation_time").first()', None),
        (
            'i = await ctx.db.insert("free", {"a": 1, "b": UNSET}); '
            'd = await ctx.db.get(i); return [d["a"], sorted(d)]',
            [1, ["_creationTime", "_id", "a"]],
        ),
        # Patches and replacements
        (
            'await ctx.db.patch(m, note="n"); await ctx.db.patch(m, note=UNSET); '
            "return (await ctx.db.get(m)).note is UNSET",
            True,
        ),
        (
            'await ctx.db.patch("messages", m, {"note": "n"}); '
            'await ctx.db.patch("messages", m, {"note": UNSET}); '
            'return "note" in await ctx.db.get("messages", m)',
            False,
        ),
        (
            'd = await ctx.db.get("messages", m); await ctx.db.replace("messages", m, '
            '{**d, "body": "y"}); return (await ctx.db.get(m)).body',
            "y",
        ),
        ('return await ctx.db.patch(m, body="y")', None),
        ('return await ctx.db.replace(m, body="y")', None),
        ("return await ctx.db.delete(m)", None),
        # Queries
        ("return len(await ctx.db.query(Message).take(1.0))", 1),
        ("return await ctx.db.query(Message).take(0)", []),
        (
            'return (await ctx.db.query(Message).with_index("by_id", id=m).unique()).body',
            "x",
        ),
        (
            "t = (await ctx.db.get(m)).creation_time; return len(await ctx.db.query(Message)"
            '.with_index("by_creation_time", gte("creation_time", t)).collect())',
            1,
        ),
        (
            "t = (await ctx.db.get(m)).creation_time; return len(await ctx.db.query(Message)"
            ".with_index(Message.by_two, Message.by_two.creation_time >= t, body='x', count=0)"
            ".collect())",
            1,
        ),
        (
            "return len(await ctx.db.query(Message).with_index("
            "Message.by_two, lte('count', 'z'), gt('count', None), body='x').collect())",
            1,
        ),
        (
            'q = ctx.db.query("messages").filter(lambda d: "note" not in d); '
            "return len(await q.collect())",
            1,
        ),
    ],
)
async def test_what_is_taken_has_its_result(tmp_path: Path, line: str, expected: Any) -> None:
    assert await result_of(tmp_path, line) == expected


@pytest.mark.asyncio
async def test_document_of_another_table_is_told_apart_by_its_id(tmp_path: Path) -> None:
    refusal = await failure_of(tmp_path, 'await ctx.db.insert("messages", {"body": "y", "_id": m})')
    own, _, given = refusal.removeprefix("Provided document ID ").partition(
        " doesn't match '_id' field "
    )

    assert own != given and len(own) == len(given) == 32


@pytest.mark.asyncio
async def test_id_of_a_system_table_is_an_argument_where_it_is_named(tmp_path: Path) -> None:
    functions = """
@query
async def take_file(ctx, file_id: Id[StoredFile]) -> str:
    return file_id

@query(args={"fileId": v.id("_storage")})
async def take_file_too(ctx, args):
    return args["fileId"]

@query
async def take_message(ctx, message_id: Id[Message]) -> str:
    return message_id
"""
    async with written_app(tmp_path, functions, SCHEMA) as app:
        assert await app.value("takeFile", fileId=FILE_ID) == FILE_ID
        assert await app.value("takeFileToo", fileId=FILE_ID) == FILE_ID
        assert (await app.failure("takeFile", fileId=JOB_ID)).startswith(
            f'ArgumentValidationError: Found ID "{JOB_ID}" from a system table, which does not '
            'match the table name in validator `v.id("_storage")`.'
        )
        assert (await app.failure("takeMessage", messageId=FILE_ID)).startswith(
            f'ArgumentValidationError: Found ID "{FILE_ID}" from a system table, which does not '
            'match the table name in validator `v.id("messages")`.'
        )


@pytest.mark.asyncio
async def test_write_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    functions = """
@mutation
async def add(ctx):
    return await ctx.db.insert(Message, body="x")

@mutation
async def change_nothing(ctx, message_id: Id[Message]):
    await ctx.db.patch(message_id, body="x")
    await ctx.db.patch(message_id)
    await ctx.db.replace(message_id, body="x", count=0)

@query
async def watch(ctx):
    return [message.body for message in await ctx.db.query(Message).collect()]
"""
    async with written_app(tmp_path, functions, SCHEMA) as app:
        message_id = await app.value("add")
        await app.value("watch")
        before = app.backend.timestamp
        await app.value("changeNothing", messageId=message_id)
        await app.value("watch")

        assert app.backend.timestamp == before
        assert app.backend.counters.function_runs["m:watch", "query"] == 1


@pytest.mark.asyncio
async def test_strict_tables_refuse_to_be_more(tmp_path: Path) -> None:
    schema = f"STRICT_TABLES = True\n{SCHEMA}"

    assert await failure_of(tmp_path, 'await ctx.db.insert("free", {})', schema=schema) == (
        "Table `free` is not declared in schema.py, which says STRICT_TABLES = True. "
        "Declared are `messages`, `authors`"
    )


@pytest.mark.asyncio
async def test_documents_may_be_deleted_while_they_are_iterated(tmp_path: Path) -> None:
    async with written_app(
        tmp_path,
        mutation_that(
            "for n in range(10): await ctx.db.insert(Message, body=str(n))",
            "async for message in ctx.db.query(Message):",
            "    await ctx.db.delete(message.id)",
            "return len(await ctx.db.query(Message).collect())",
        ),
        SCHEMA,
    ) as app:
        assert await app.value("f") == 0


@pytest.mark.asyncio
async def test_index_may_have_a_field_that_is_called_index(tmp_path: Path) -> None:
    schema = (
        "class Page(Document, table='pages'):\n    index: float\n    by_index = Index('index')\n"
    )
    functions = """
        @mutation
        async def f(ctx):
            await ctx.db.insert(Page, index=1)
            await ctx.db.insert(Page, index=2)
            found = await ctx.db.query(Page).with_index(Page.by_index, index=2).collect()
            return [page.index for page in found]
    """
    async with written_app(tmp_path, functions, schema) as app:
        assert await app.value("f") == [2]


def test_schema_may_import_the_classes_of_the_system(tmp_path: Path) -> None:
    schema = """
class Picture(Document, table="pictures"):
    file_id: Id[StoredFile]
    jobs: list[Id[ScheduledFunction]]
"""
    loaded = load_app(write_app(tmp_path, "", schema))

    assert list(loaded.schema.tables) == ["pictures"]
