"""A server killed while it fills a new index leaves the old schema, or the new one, whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.conftest import StartServer
from tests.harness.server_process import ServerProcess
from tests.harness.waiting import wait_for
from tests.harness.written_app import write_app

WORDS = 12_000
DIFFERENT = 40
CALL = 3_000
"""Words of one mutation."""

SCHEMA = """
class Word(Document, table="words"):
    word: str
"""
INDEXED = """
class Word(Document, table="words"):
    word: str

    by_word = Index("word")
"""
FUNCTIONS = f"""
@mutation
async def fill(ctx: MutationCtx, first: int, count: int) -> None:
    for number in range(first, first + count):
        await ctx.db.insert(Word, word=f"w{{number % {DIFFERENT}}}")

@query
async def total(ctx: QueryCtx) -> int:
    return len(await ctx.db.query(Word).collect())
"""
LOOKUP = """
@query
async def found(ctx: QueryCtx, word: str) -> int:
    return len(await ctx.db.query(Word).with_index("by_word", word=word).collect())
"""


def entries_of_new_index(data: Path) -> tuple[int, int]:
    """Return how many new indexes are being filled, and how many entries they have."""
    file = f"file:{data / 'data.sqlite'}?mode=ro"
    with closing(sqlite3.connect(file, uri=True)) as connection:
        found = connection.execute("SELECT value FROM settings WHERE name = 'unlisted_indexes'")
        index_ids = json.loads((found.fetchone() or ["[]"])[0])
        counts = [
            connection.execute(
                "SELECT count(*) FROM index_entries WHERE index_id = ?", [index_id]
            ).fetchone()[0]
            for index_id in index_ids
        ]
    return len(index_ids), sum(counts)


def kill_while_filling(server: ServerProcess, app: Path) -> int:
    """Save the schema with the index, kill the server in the middle; return the entries made."""
    (app / "schema.py").write_text((app / "schema.py").read_text().replace(SCHEMA, INDEXED))

    def is_in_the_middle() -> bool:
        return 0 < entries_of_new_index(server.data)[1]

    wait_for(is_in_the_middle, "entries of the new index")
    server.kill()
    return entries_of_new_index(server.data)[1]


def all_found(server: ServerProcess) -> list[Any]:
    return [server.run("m:found", {"word": f"w{number}"}) for number in range(DIFFERENT)]


def test_kill_in_the_middle_of_a_schema_change_leaves_one_schema_whole(
    start_server: StartServer, tmp_path: Path
) -> None:
    app = write_app(tmp_path, FUNCTIONS, SCHEMA)
    server = start_server(app=app, command="dev")
    for first in range(0, WORDS, CALL):
        server.run("m:fill", {"first": first, "count": CALL})

    made = kill_while_filling(server, app)
    before = tmp_path / "before"
    shutil.copytree(server.data, before)

    assert 0 < made < WORDS

    # With the schema of before, which lay in the file when it was killed.
    old_app = write_app(tmp_path / "old", FUNCTIONS, SCHEMA)
    old = start_server(app=old_app, data=before)
    assert (old.run("m:total"), entries_of_new_index(before)) == (WORDS, (0, 0))

    # With the new one: the index is complete, and the words that come later are in it.
    functions = app / "functions" / "m.py"
    functions.write_text(functions.read_text() + LOOKUP)
    server.restart()
    assert all_found(server) == [WORDS / DIFFERENT] * DIFFERENT
    server.run("m:fill", {"first": 0, "count": DIFFERENT})
    assert all_found(server) == [WORDS / DIFFERENT + 1] * DIFFERENT
    assert server.run("m:total") == WORDS + DIFFERENT
    assert entries_of_new_index(server.data) == (0, 0)
