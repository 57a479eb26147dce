"""An app with one mutation, of whose body a test writes a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from realtime.values.ids import encode_id
from tests.harness.written_app import written_app

SCHEMA = """
class Message(Document, table="messages"):
    body: str
    count: float = 0.0
    note: str | Unset = UNSET

    by_body = Index("body")
    by_two = Index("body", "count")

class Author(Document, table="authors"):
    name: str
"""


FILE_ID = encode_id(513, bytes(16))


JOB_ID = encode_id(514, bytes(16))


NOWHERE_ID = encode_id(20_000, bytes(16))


def mutation_that(*lines: str) -> str:
    """Return a mutation `f` in which `m` is the id of a message and `a` that of an author."""
    body = "".join(f"    {line}\n" for line in lines)
    return (
        "@mutation\n"
        "async def f(ctx):\n"
        '    m = await ctx.db.insert(Message, body="x")\n'
        '    a = await ctx.db.insert(Author, name="ada")\n'
        f"{body}"
    )


async def failure_of(root: Path, *lines: str, schema: str = SCHEMA) -> str:
    """Return the first line of the failure of a mutation with these lines."""
    async with written_app(root, mutation_that(*lines), schema) as app:
        text = await app.failure("f")
        assert text.startswith("Uncaught Error: "), text
        return text.removeprefix("Uncaught Error: ").rpartition("\n    at f ")[0]


async def result_of(root: Path, *lines: str, schema: str = SCHEMA) -> Any:
    """Return what a mutation with these lines returns."""
    async with written_app(root, mutation_that(*lines), schema) as app:
        return await app.value("f")
