"""Calls and live queries of the process that runs an app, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime import UNSET, ApplicationError, NotFoundError, RealtimeError, ValidationError
from realtime.errors import UnavailableError
from realtime.runtime.backend import Backend
from realtime.runtime.caller import Caller
from realtime.runtime.registry import load_app
from realtime.testing import running_backend
from tests.harness.written_app import write_app

APP = '''
class Failure(Exception):
    """One of the app's own."""

@query(name="list")
async def list_notes(ctx: QueryCtx, topic: str) -> list[Note]:
    if topic == "forbidden":
        raise ApplicationError("No", data={"topic": topic})
    return await ctx.db.query(Note).with_index(Note.by_topic, topic=topic).collect()

@mutation
async def add(ctx: MutationCtx, topic: str, lines: int, ref: Id[Note] | Unset = UNSET) -> Id[Note]:
    if lines < 0:
        raise Failure("fewer than none")
    return await ctx.db.insert(Note, topic=topic, lines=lines, author=await who(ctx))

async def who(ctx):
    identity = await ctx.auth.get_user_identity()
    return "nobody" if identity is None else identity.token_identifier

@query
async def my_email(ctx: QueryCtx) -> str | None:
    identity = await ctx.auth.get_user_identity()
    return identity and identity.email

@internal_mutation
async def clear(ctx: MutationCtx) -> int:
    notes = await ctx.db.query(Note).collect()
    for note in notes:
        await ctx.db.delete(note.id)
    return len(notes)

@query
async def at_most_one(ctx: QueryCtx, topic: str) -> int:
    found = len(await ctx.run_query(list_notes, topic=topic))
    if found > 1:
        raise ApplicationError("Too many", data=found)
    return found

@action
async def add_twice(ctx: ActionCtx, topic: str) -> list[Note]:
    await ctx.run_mutation(add, topic=topic, lines=1)
    await ctx.run_mutation(add, topic=topic, lines=2)
    return await ctx.run_query(list_notes, topic=topic)

@action
async def fail(ctx: ActionCtx) -> None:
    await ctx.run_mutation(add, topic="t", lines=-1)
'''
SCHEMA = """
class Note(Document, table="notes"):
    topic: str
    lines: int
    author: str
    by_topic = Index("topic")
"""


@asynccontextmanager
async def caller(root: Path, **options: Any) -> AsyncGenerator[tuple[Caller, Any]]:
    """Run the app; give a caller of it and the module of its functions."""
    app = load_app(write_app(root, APP, SCHEMA))
    functions: Any = type("functions", (), {})
    for function in app.registry.functions.values():
        setattr(functions, function.handler.__name__, function.registered)
    async with running_backend(app, **options) as backend:
        yield Caller(running(backend)), functions


def running(backend: Backend) -> Callable[[], Backend]:
    return lambda: backend


@pytest.mark.asyncio
async def test_results_are_what_functions_return(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        note_id = await nobody.mutation(m.add, topic="a", lines=3)

        (note,) = await nobody.query(m.list_notes, topic="a")

        assert (note.id, note.topic, note.author) == (note_id, "a", "nobody")
        assert type(note).__name__ == "Note" and type(note.lines) is int


@pytest.mark.asyncio
async def test_objects_and_paths_name_the_same_functions(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        await nobody.mutation("m:add", {"topic": "a", "lines": 1})
        await nobody.run(m.add, topic="a", lines=2, ref=UNSET)

        by_path = await nobody.query("m:list", topic="a")

        assert [note.lines for note in by_path] == [1, 2]
        assert by_path == await nobody.run(m.list_notes, {"topic": "a"})


@pytest.mark.asyncio
async def test_errors_come_as_they_were_raised(tmp_path: Path) -> None:
    async with caller(tmp_path, redact_errors=True) as (nobody, m):
        with pytest.raises(ApplicationError, match="No") as refused:
            await nobody.query(m.list_notes, topic="forbidden")
        with pytest.raises(Exception, match="fewer than none") as failed:
            await nobody.mutation(m.add, topic="a", lines=-1)
        with pytest.raises(Exception, match="fewer than none") as failed_inside:
            await nobody.action(m.fail)

    assert refused.value.data == {"topic": "forbidden"}
    for error in (failed, failed_inside):
        assert type(error.value).__name__ == "Failure"
        assert error.traceback[-1].path.name == "m.py"


@pytest.mark.asyncio
async def test_mistakes_of_the_caller_are_named(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        with pytest.raises(ValidationError, match="Unknown argument `tpic`"):
            await nobody.query(m.list_notes, tpic="a")
        with pytest.raises(ValidationError, match=r"Path: \.topic"):
            await nobody.query(m.list_notes, topic=None)
        with pytest.raises(ValidationError, match="as Query, but it is defined as Mutation"):
            await nobody.query("m:add", topic="a", lines=1)
        with pytest.raises(NotFoundError, match="m:lst"):
            nobody.watch("m:lst")


@pytest.mark.asyncio
async def test_identities_are_those_of_users_and_of_the_admin(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        ada = nobody.as_user("ada", email="ada@example.org", issuer="https://issuer.example")
        await ada.mutation(m.add, topic="a", lines=1)
        await nobody.as_user("bob").mutation(m.add, topic="a", lines=1)

        authors = [note.author for note in await nobody.query(m.list_notes, topic="a")]

        assert authors == ["https://issuer.example|ada", "https://localhost|bob"]
        assert await ada.query(m.my_email) == "ada@example.org"
        with pytest.raises(NotFoundError, match="m:clear"):
            await ada.mutation(m.clear)
        assert await ada.as_admin().mutation(m.clear) == 2


@pytest.mark.asyncio
async def test_actions_return_what_they_have_done(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        notes = await nobody.action(m.add_twice, topic="a")

        assert [note.lines for note in notes] == [1, 2]


@pytest.mark.asyncio
async def test_functions_of_an_earlier_load_stand_for_those_of_now(tmp_path: Path) -> None:
    folder = write_app(tmp_path, APP, SCHEMA)
    earlier = load_app(folder).registry.functions["m:add"].registered
    async with running_backend(load_app(folder)) as backend:
        assert await Caller(running(backend)).mutation(earlier, topic="a", lines=1)


# Live queries


@pytest.mark.asyncio
async def test_list_of_a_watch_grows_with_each_new_value(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        backend = nobody._running()
        async with nobody.watch(m.list_notes, topic="a") as values:
            assert values == [[]]
            await nobody.mutation(m.add, topic="a", lines=1)
            await nobody.mutation(m.add, topic="other", lines=1)
            await nobody.mutation(m.add, topic="a", lines=2)
            await backend.settled()

        assert [[note.lines for note in value] for value in values] == [[], [1], [1, 2]]
        assert backend.subscription_count == 0


@pytest.mark.asyncio
async def test_slow_loop_over_a_watch_gets_the_newest_value(tmp_path: Path) -> None:
    seen: list[int] = []
    async with caller(tmp_path) as (nobody, m):
        async for value in nobody.watch(m.list_notes, topic="a"):
            seen.append(len(value))
            if len(value) == 3:
                break
            for _ in range(3):
                await nobody.mutation(m.add, topic="a", lines=1)
            await nobody._running().settled()

    assert seen == [0, 3]


@pytest.mark.asyncio
async def test_failure_of_a_watched_query_ends_the_watch(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        with pytest.raises(ApplicationError, match="No"):
            async with nobody.watch(m.list_notes, topic="forbidden"):
                raise AssertionError("unreachable")
        with pytest.raises(ApplicationError, match="Too many") as failed:
            async with nobody.watch(m.at_most_one, topic="a") as values:
                for _ in range(2):
                    await nobody.mutation(m.add, topic="a", lines=1)
                    await nobody._running().settled()
        with pytest.raises(ApplicationError, match="Too many"):
            async for _ in nobody.watch(m.at_most_one, topic="a"):
                raise AssertionError("unreachable")

    assert (values, failed.value.data) == ([0, 1], 2)


@pytest.mark.asyncio
async def test_watch_ends_with_the_backend(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def watch() -> None:
            async for _ in nobody.watch(m.list_notes, topic="a"):
                begun.set_result(None)

        watching = asyncio.create_task(watch())
        await begun
        nobody.end_watches(UnavailableError("The end"))
        with pytest.raises(RealtimeError, match="The end"):
            await watching


@pytest.mark.asyncio
async def test_settled_waits_for_calls_that_nobody_has_awaited_yet(tmp_path: Path) -> None:
    async with caller(tmp_path) as (nobody, m):
        async with nobody.watch(m.list_notes, topic="a") as values:
            action = asyncio.create_task(nobody.action(m.add_twice, topic="a"))
            mutation = asyncio.create_task(nobody.mutation(m.add, topic="a", lines=3))
            await nobody._running().settled()

        assert len(values[-1]) == 3
        assert await mutation and len(await action) >= 2
