"""The app of a running backend changes in one step, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.database.database import DatabaseLimits
from realtime.errors import DefinitionError, RealtimeError, StorageFullError, UnavailableError
from realtime.runtime.app_change import RETRY_SECONDS
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import QueryCall, QueryResult
from realtime.runtime.registry import LoadedApp, load_app
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turns
from tests.integration.runtime.workshop import Store, ask, call, failure, mutate

DEADLINE_SECONDS = 30.0
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))

SCHEMA = """
from realtime import {names}

class Note(Document, table="notes"):
    text: {text}
{index}
"""
FUNCTIONS = """
import asyncio
from realtime import ActionCtx, MutationCtx, QueryCtx, action, mutation, query
from schema import Note

action_has_begun, action_may_end = asyncio.Event(), asyncio.Event()
scan_state = {{"begun": False, "released": False}}

@query
async def version(ctx: QueryCtx) -> str:
    return "{version}"

@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[str]:
    notes = await ctx.db.query(Note).{how}.collect()
    return [str(note.text) for note in notes]

@query
async def scan(ctx: QueryCtx) -> list[str]:
    '''Read all notes again and again, until a test lets it end.'''
    texts: list[str] = []
    while not scan_state["released"]:
        texts = [str(note.text) async for note in ctx.db.query(Note)]
        scan_state["begun"] = True
    return ["{version}", *texts, await ctx.run_query("notes:version")]

@action
async def wait(ctx: ActionCtx) -> list[str]:
    before = await ctx.run_query("notes:version")
    action_has_begun.set()
    await action_may_end.wait()
    return ["{version}", before, await ctx.run_query("notes:version")]

@mutation
async def add(ctx: MutationCtx, text: str) -> str:
    return await ctx.db.insert("notes", {{"text": {stored}}})

@mutation
async def fill(ctx: MutationCtx, count: int) -> list[str]:
    texts = [str(number).zfill(4) for number in range(count)]
    return [await ctx.db.insert("notes", {{"text": text}}) for text in texts]

@mutation
async def remove(ctx: MutationCtx, note: str) -> None:
    await ctx.db.delete(note)
{more}
"""
EXTRA = """
@query
async def extra(ctx: QueryCtx) -> str:
    return "extra"
"""


def app_of(
    root: Path,
    version: str,
    *,
    text: str = "str",
    stored: str = "text",
    index: str = "",
    how: str = "full_table_scan()",
    more: str = "",
) -> LoadedApp:
    """An app of notes; each is a version of the same one."""
    folder = root / version
    (folder / "functions").mkdir(parents=True)
    names = "Document, Index" if index else "Document"
    line = f"    {index}" if index else ""
    (folder / "schema.py").write_text(SCHEMA.format(names=names, text=text, index=line))
    notes = FUNCTIONS.format(version=version, how=how, stored=stored, more=more)
    (folder / "functions" / "notes.py").write_text(notes)
    return load_app(folder)


def first(root: Path) -> LoadedApp:
    return app_of(root, "first")


def indexed(root: Path) -> LoadedApp:
    """The next version: it reads by an index that the first one does not have."""
    index, how = 'by_text = Index("text")', 'with_index(Note.by_text).order("desc")'
    return app_of(root, "indexed", index=index, how=how, more=EXTRA)


def global_of(app: LoadedApp, name: str) -> Any:
    """What the handlers of an app look at to know how far a test is."""
    return app.registry.functions["notes:scan"].handler.__globals__[name]


def state_of(app: LoadedApp) -> dict[str, bool]:
    state: dict[str, bool] = global_of(app, "scan_state")
    return state


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    is_memory = request.param == "memory"
    return MemoryStore() if is_memory else SqliteStore.open(tmp_path / "data.sqlite")


@asynccontextmanager
async def running(app: LoadedApp, store: Store, **options: Any) -> AsyncIterator[Backend]:
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        running_backend(app, persistence=store, limits=LIMITS, **options) as backend,
    ):
        yield backend


class Client:
    """A live client that keeps what it is given."""

    def __init__(self, backend: Backend, *paths: str) -> None:
        self.results: dict[int, QueryResult] = {}
        self.deliveries: list[dict[int, QueryResult]] = []
        self._calls = {number: QueryCall(call(path)) for number, path in enumerate(paths)}
        self._stale = set(self._calls)
        self._backend = backend
        backend.request_update(self)

    def value(self, query_id: int) -> Any:
        result = self.results[query_id]
        return json.loads(result.value) if result.value is not None else result.error

    async def until(self, query_id: int, value: Any) -> None:
        while query_id not in self.results or self.value(query_id) != value:
            await turns(1)

    def begin_update(self) -> Mapping[int, QueryCall]:
        stale, self._stale = self._stale, set()
        return {query_id: self._calls[query_id] for query_id in stale}

    def restart_update(self) -> Mapping[int, QueryCall]:
        return {**self._calls}

    def stale_queries(self) -> list[QueryCall]:
        return [self._calls[query_id] for query_id in self._stale]

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        del timestamp
        self.results.update(results)
        self.deliveries.append(dict(results))

    def query_invalidated(self, query_id: int) -> None:
        self._stale.add(query_id)
        self._backend.request_update(self)

    def fail(self, error: RealtimeError) -> None:
        raise AssertionError(error)


@pytest.mark.asyncio
async def test_new_code_runs_and_results_of_the_old_are_not_served(
    store: Store, tmp_path: Path
) -> None:
    async with running(first(tmp_path), store) as backend:
        await mutate(backend, "notes:add", text="a")
        await mutate(backend, "notes:add", text="b")
        before = [await ask(backend, "notes:version"), await ask(backend, "notes:list")]
        await backend.change_app(indexed(tmp_path))

        assert before == ["first", ["a", "b"]]
        assert await ask(backend, "notes:version") == "indexed"
        assert await ask(backend, "notes:list") == ["b", "a"]
        assert await ask(backend, "notes:extra") == "extra"
        await mutate(backend, "notes:add", text="ab")
        assert await ask(backend, "notes:list") == ["b", "ab", "a"]


@pytest.mark.asyncio
async def test_live_queries_run_again_and_push(store: Store, tmp_path: Path) -> None:
    async with running(first(tmp_path), store) as backend:
        await mutate(backend, "notes:add", text="a")
        client = Client(backend, "notes:version", "notes:list", "notes:extra")
        await client.until(0, "first")
        missing = client.results[2]
        await backend.change_app(indexed(tmp_path))
        await client.until(0, "indexed")
        await client.until(2, "extra")

        assert missing.error is not None
        assert client.value(1) == ["a"]


@pytest.mark.asyncio
async def test_result_that_the_new_code_does_not_change_is_the_same_object(
    store: Store, tmp_path: Path
) -> None:
    async with running(first(tmp_path), store) as backend:
        await mutate(backend, "notes:add", text="a")
        client = Client(backend, "notes:version", "notes:list")
        await client.until(0, "first")
        listed = client.results[1]
        await backend.change_app(indexed(tmp_path))
        await client.until(0, "indexed")

        assert client.deliveries[-1][1] is listed


@pytest.mark.asyncio
async def test_suspended_query_ends_on_the_code_and_schema_it_began_with(
    store: Store, tmp_path: Path
) -> None:
    app = first(tmp_path)
    async with running(app, store) as backend:
        for text in ("c", "a", "b"):
            await mutate(backend, "notes:add", text=text)
        scan = asyncio.create_task(backend.run_query(call("notes:scan")))
        while not state_of(app)["begun"]:
            await turns(1)
        await backend.change_app(indexed(tmp_path))
        await mutate(backend, "notes:add", text="later")
        assert not scan.done()
        state_of(app)["released"] = True
        result = await scan

        assert result.value is not None, result.error
        assert json.loads(result.value) == ["first", "c", "a", "b", "first"]


@pytest.mark.asyncio
async def test_action_ends_on_its_code_and_calls_what_is_there(
    store: Store, tmp_path: Path
) -> None:
    old, new = first(tmp_path), indexed(tmp_path)
    async with running(old, store) as backend:
        waiting = asyncio.create_task(backend.run_action(call("notes:wait")))
        await global_of(old, "action_has_begun").wait()
        await backend.change_app(new)
        global_of(old, "action_may_end").set()
        global_of(new, "action_may_end").set()
        begun_before, begun_after = await waiting, await backend.run_action(call("notes:wait"))

        assert begun_before.value == b'["first","first","indexed"]'
        assert begun_after.value == b'["indexed","indexed","indexed"]'


@pytest.mark.asyncio
async def test_update_that_was_suspended_over_the_change_is_followed_by_another(
    store: Store, tmp_path: Path
) -> None:
    app = first(tmp_path)
    async with running(app, store) as backend:
        for text in ("c", "a", "b"):
            await mutate(backend, "notes:add", text=text)
        client = Client(backend, "notes:scan", "notes:version", "notes:extra")
        while not state_of(app)["begun"]:
            await turns(1)
        changed = indexed(tmp_path)
        state_of(changed)["released"] = True
        await backend.change_app(changed)
        delivered_early = list(client.deliveries)
        state_of(app)["released"] = True
        await client.until(1, "indexed")
        await client.until(2, "extra")

        assert delivered_early == []
        old = client.deliveries[0]
        assert old[0].value == b'["first","c","a","b","first"]'
        assert old[1].value == b'"first"' and old[2].error is not None
        assert client.value(0) == ["indexed", "indexed"]


@pytest.mark.asyncio
async def test_calls_go_on_while_the_app_changes(store: Store, tmp_path: Path) -> None:
    async with running(first(tmp_path), store) as backend:
        notes = await mutate(backend, "notes:fill", count=1_200)
        change = asyncio.create_task(backend.change_app(indexed(tmp_path)))
        versions: list[str] = []
        count = 0
        while not change.done():
            await mutate(backend, "notes:remove", note=notes[count])
            await mutate(backend, "notes:add", text=f"new {count}")
            versions.append(await ask(backend, "notes:version"))
            count += 1
        await change

        assert versions.count("first") > 2 and versions == sorted(versions)
        expected = [f"{n:04}" for n in range(count, 1_200)] + [f"new {n}" for n in range(count)]
        assert await ask(backend, "notes:list") == sorted(expected, reverse=True)


# Changes that fail


@pytest.mark.asyncio
async def test_document_that_does_not_fit_leaves_the_app_as_it_was(
    store: Store, tmp_path: Path
) -> None:
    async with running(app_of(tmp_path, "any", text="str | float"), store) as backend:
        await mutate(backend, "notes:add", text="a")
        client = Client(backend, "notes:version")
        await client.until(0, "any")
        before = backend.timestamp
        wrong = app_of(tmp_path, "wrong", text="float", stored="1.0")

        with pytest.raises(DefinitionError) as refusal:
            await backend.change_app(wrong)

        assert refusal.value.reason.startswith('Document with ID "')
        assert 'in table "notes" does not match the schema: ' in refusal.value.reason
        assert ".text" in refusal.value.reason
        assert backend.timestamp > before
        assert await ask(backend, "notes:version") == "any"
        await mutate(backend, "notes:add", text="b")
        assert await ask(backend, "notes:list") == ["a", "b"]
        assert len(client.deliveries) == 1
        assert store.recover().unlisted_indexes == ()
        await backend.change_app(indexed(tmp_path))
        assert await ask(backend, "notes:list") == ["b", "a"]


@pytest.mark.asyncio
async def test_write_that_does_not_fit_succeeds_and_the_change_fails(
    memory: MemoryStore, tmp_path: Path
) -> None:
    old = app_of(tmp_path, "old", text="str | float", stored="1.0 if text == 'one' else text")
    async with running(old, memory) as backend:
        await mutate(backend, "notes:fill", count=1_200)
        change = asyncio.create_task(backend.change_app(indexed(tmp_path)))
        await turns(1)
        await mutate(backend, "notes:add", text="one")

        with pytest.raises(DefinitionError, match='New document in table "notes"'):
            await change
        assert await ask(backend, "notes:version") == "old"
        assert "1.0" in await ask(backend, "notes:list")


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.mark.asyncio
async def test_function_that_is_gone_fails_its_callers(store: Store, tmp_path: Path) -> None:
    async with running(indexed(tmp_path), store) as backend:
        client = Client(backend, "notes:extra")
        await client.until(0, "extra")
        await backend.change_app(first(tmp_path))
        while client.results[0].error is None:
            await turns(1)

        assert "Could not find" in await failure(backend, "notes:extra")


@pytest.mark.asyncio
async def test_step_that_the_storage_refuses_is_tried_again(
    memory: MemoryStore, tmp_path: Path
) -> None:
    clock = VirtualClock()
    refusals = [StorageFullError("No room"), StorageFullError("Still no room")]

    def refuse() -> None:
        if refusals:
            raise refusals.pop()

    async with running(first(tmp_path), memory, clock=clock) as backend:
        await mutate(backend, "notes:add", text="a")
        memory.before_commit = refuse
        change = asyncio.create_task(backend.change_app(indexed(tmp_path)))
        while not change.done():
            await turns(5)
            clock.advance(RETRY_SECONDS / 5)
        await change

        assert refusals == []
        assert await ask(backend, "notes:version") == "indexed"


@pytest.mark.asyncio
async def test_cancelled_change_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    async with running(first(tmp_path), store) as backend:
        await mutate(backend, "notes:fill", count=1_200)
        change = asyncio.create_task(backend.change_app(indexed(tmp_path)))
        before = backend.timestamp
        while backend.timestamp == before:
            await turns(1)
        change.cancel()
        with pytest.raises(asyncio.CancelledError):
            await change

        assert store.recover().unlisted_indexes == ()
        assert await ask(backend, "notes:version") == "first"


@pytest.mark.asyncio
async def test_changes_follow_one_another(store: Store, tmp_path: Path) -> None:
    versions = [app_of(tmp_path, f"v{number}") for number in range(3)]
    async with running(versions[0], store) as backend:
        await asyncio.gather(*(backend.change_app(app) for app in versions[1:]))

        assert await ask(backend, "notes:version") == "v2"


@pytest.mark.asyncio
async def test_stop_during_a_change_leaves_a_file_for_either_version(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite"
    old, new = first(tmp_path), indexed(tmp_path)
    async with running(old, SqliteStore.open(path)) as backend:
        await mutate(backend, "notes:fill", count=1_200)
        change = asyncio.create_task(backend.change_app(new))
        before = backend.timestamp
        while backend.timestamp == before:
            await turns(1)
        await backend.stop()
        with pytest.raises(UnavailableError):
            await change

    async with running(old, SqliteStore.open(path)) as backend:
        assert len(await ask(backend, "notes:list")) == 1_200
    async with running(new, SqliteStore.open(path)) as backend:
        assert await ask(backend, "notes:list") == [f"{n:04}" for n in reversed(range(1_200))]


@pytest.mark.asyncio
async def test_backend_that_does_not_run_changes_nothing(tmp_path: Path) -> None:
    async with running(first(tmp_path), MemoryStore()) as backend:
        await backend.stop()

        with pytest.raises(UnavailableError):
            await backend.change_app(indexed(tmp_path))
