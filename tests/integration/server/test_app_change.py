"""Another version of the app takes over under open sockets, amid writes and a suspended scan."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Limits
from realtime.runtime.registry import load_app
from tests.integration.server.conftest import Serve
from tests.integration.server.running_app import RunningApp, SyncClient, running_app

LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))
NOTES = 1_000

SCHEMA = """
from realtime import Document, Index

class Note(Document, table="notes"):
    text: str
    {index}
"""
FUNCTIONS = """
import asyncio
from realtime import MutationCtx, QueryCtx, mutation, query
from schema import Note

scan_has_begun, scan_may_end = asyncio.Event(), asyncio.Event()

@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[str]:
    notes = await ctx.db.query(Note).{how}.take(5)
    return ["{version}", *[note.text for note in notes]]

@query
async def scan(ctx: QueryCtx) -> list[str]:
    texts: list[str] = []
    while not scan_may_end.is_set():
        texts = [note.text async for note in ctx.db.query(Note)]
        scan_has_begun.set()
    return ["{version}", *texts]

@query(name="all")
async def all_notes(ctx: QueryCtx) -> list[str]:
    return [note.text for note in await ctx.db.query(Note).{how}.collect()]

@mutation
async def fill(ctx: MutationCtx, count: int) -> list[str]:
    texts = [str(number).zfill(4) for number in range(count)]
    return [await ctx.db.insert(Note, text=text) for text in texts]

@mutation
async def add(ctx: MutationCtx, text: str) -> str:
    return await ctx.db.insert(Note, text=text)

@mutation
async def remove(ctx: MutationCtx, note: str) -> None:
    await ctx.db.delete(note)
"""
OLD_INDEX, OLD_HOW = 'by_none = Index("text")', "full_table_scan()"
NEW_INDEX, NEW_HOW = 'by_text = Index("text")', 'with_index(Note.by_text).order("desc")'


def write_app(root: Path, version: str, index: str, how: str) -> Path:
    folder = root / version
    (folder / "functions").mkdir(parents=True)
    (folder / "schema.py").write_text(SCHEMA.format(index=index))
    notes = FUNCTIONS.format(version=version, how=how)
    (folder / "functions" / "notes.py").write_text(notes)
    return folder


async def post(app: RunningApp, kind: str, path: str, **args: Any) -> Any:
    answer = await app.http.post(f"/api/{kind}", json={"path": f"notes:{path}", "args": args})
    body = answer.json()
    assert body["status"] == "success", body
    return body["value"]


async def write_until(app: RunningApp, done: asyncio.Event, notes: list[str]) -> list[str]:
    """Delete notes from both ends and add others until the change is over; return the new ones."""
    added: list[str] = []
    while not done.is_set():
        await post(app, "mutation", "remove", note=notes.pop(0))
        await post(app, "mutation", "remove", note=notes.pop())
        added.append(f"new {len(added):04}")
        await post(app, "mutation", "add", text=added[-1])
    return added


@pytest.mark.asyncio
async def test_app_changes_under_open_sockets_writes_and_a_suspended_scan(
    serve: Serve, tmp_path: Path
) -> None:
    old = write_app(tmp_path, "old", OLD_INDEX, OLD_HOW)
    new = write_app(tmp_path, "new", NEW_INDEX, NEW_HOW)
    async with running_app(serve, tmp_path, app=old, limits=LIMITS) as app:
        module = app.backend.app.registry.functions["notes:scan"].handler.__globals__
        notes = await post(app, "mutation", "fill", count=NOTES)
        async with SyncClient(f"ws://127.0.0.1:{app.server.port}/api/1.48.0/sync") as client:
            await client.subscribe(0, "notes:list")
            first = client.results[0]
            scan = asyncio.create_task(post(app, "query", "scan"))
            await module["scan_has_begun"].wait()
            done = asyncio.Event()
            writer = asyncio.create_task(write_until(app, done, notes))
            await app.backend.change_app(load_app(new))
            await client.until(lambda client: client.results[0][0] == "new")
            done.set()
            added = await writer
            scan_was_suspended = not scan.done()
            module["scan_may_end"].set()
            scanned = await scan
            newest = f"new {len(added):04}"
            await client.mutate(0, "notes:add", text=newest)
            await client.until(lambda client: client.results[0][1] == newest)

            assert first == ["old", "0000", "0001", "0002", "0003", "0004"]
            assert scan_was_suspended
            assert scanned == ["old", *(f"{number:04}" for number in range(NOTES))]
            left = [f"{number:04}" for number in range(len(added), NOTES - len(added))]
            everything = sorted([*left, *added, newest], reverse=True)
            assert client.results[0] == ["new", *everything[:5]]
            assert await post(app, "query", "all") == everything
