"""Functions that do not end by themselves.

Each makes the file `marker` when it is about to begin its loop.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from realtime import MutationCtx, QueryCtx, mutation, query
from schema import Note


@query
async def plain(ctx: QueryCtx, marker: str) -> None:
    """Loop."""
    _loop(marker)


@query
async def in_a_filter(ctx: QueryCtx, marker: str) -> None:
    """Loop while the server reads."""
    await ctx.db.query(Note).full_table_scan().filter(lambda _: _loop(marker)).collect()


@query
async def with_reads(ctx: QueryCtx, marker: str) -> None:
    """Read for ever."""
    _mark(marker)
    while True:
        await ctx.db.query(Note).full_table_scan().first()


@query
async def in_a_nested_call(ctx: QueryCtx, marker: str) -> None:
    """Loop in a function that this one calls."""
    await ctx.run_query(plain, marker=marker)


@query
async def catching_errors(ctx: QueryCtx, marker: str) -> None:
    """Loop, and pass over every error."""
    while True:
        try:
            _loop(marker)
        except Exception:
            continue


@query
async def catching_everything(ctx: QueryCtx, marker: str) -> None:
    """Loop, and pass over whatever should end it."""
    while True:
        try:
            _loop(marker)
        except BaseException:
            continue


@query
async def repeating_a_nested_call(ctx: QueryCtx, marker: str) -> None:
    """Call a function that loops, again after each failure."""
    while True:
        try:
            return await ctx.run_query(plain, marker=marker)
        except Exception:
            continue


@query
async def while_it_is_stopped(ctx: QueryCtx, marker: str) -> None:
    """Loop, and again when that is ended."""
    try:
        _loop(marker)
    finally:
        _loop(marker)


@query
async def while_it_is_closed(ctx: QueryCtx, marker: str) -> None:
    """Await what may not be awaited, and loop when that is refused."""
    try:
        await asyncio.sleep(0)
    finally:
        _loop(marker)


@mutation
async def after_a_write(ctx: MutationCtx, marker: str) -> None:
    """Write a note, then loop."""
    await ctx.db.insert(Note, text="never committed")
    _loop(marker)


def _mark(marker: str) -> None:
    Path(marker).touch()


def _loop(marker: str) -> bool:
    _mark(marker)
    while True:
        pass
