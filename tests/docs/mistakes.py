"""Mistakes that a document shows, each with the text that its user gets for it.

In a section of mistakes, each block of Python is a file of functions, and the block of text below
it is what its last function answers, or why the app does not load.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from realtime.errors import DefinitionError
from realtime.runtime.backend import Backend
from realtime.runtime.registry import load_app
from tests.docs.apps import call, run_app
from tests.docs.blocks import Block, claim, same_text

PRELUDE = """
from __future__ import annotations
import asyncio, datetime, time
from typing import Any
import httpx
from realtime import *
from schema import *
"""
_MAKE_CHANNEL = """

@mutation
async def make_channel(ctx: MutationCtx) -> Id[Channel]:
    channel_id = await ctx.db.insert(Channel, name="news")
    fields = {{"channelId": channel_id, "author": "ada", "body": "hi", "kind": "text", **{more!r}}}
    await ctx.db.insert("messages", fields)
    return channel_id
"""


def mistakes_of(document: Path, section: str) -> list[Any]:
    """Return each mistake of a document with the text below it, as parameters of a test."""
    blocks = claim(document, "python", "text", where=lambda block: block.section == section)
    pairs = list(zip(blocks[::2], blocks[1::2], strict=True))
    assert {(code.language, text.language) for code, text in pairs} == {("python", "text")}
    return [pytest.param(code, text.code, id=str(code)) for code, text in pairs]


def check_mistake(
    app: Path, block: Block, shown: str, *, file: str = "messages.py", **more: Any
) -> None:
    """Make a mistake in an app, and compare what comes of it.

    Args:
        app: The folder of an app, with channels and messages if a mistake needs them; its
            functions are replaced.
        block: The functions of the mistake; the last one is called.
        shown: The text that the document shows.
        file: The file of the mistake, below `functions/`.
        more: Fields that its messages have besides.
    """
    functions = app / "functions"
    functions.mkdir(exist_ok=True)
    for each in functions.glob("*.py"):
        each.unlink()
    (functions / file).write_text(PRELUDE + block.code)
    try:
        last = list(load_app(app).registry.functions.values())[-1]
    except DefinitionError as error:
        assert same_text(str(error).replace(f"{app}/", ""), shown), error
        return
    needs_channel = "channelId" in str(last.signature.args_validator)
    if needs_channel:
        (functions / "made.py").write_text(PRELUDE + _MAKE_CHANNEL.format(more=more))

    async def steps(backend: Backend) -> None:
        args = {"channelId": await call(backend, "made:makeChannel")} if needs_channel else {}
        answer = await call(backend, last.path, **args)
        assert same_text(answer, shown), answer

    run_app(app, steps)
