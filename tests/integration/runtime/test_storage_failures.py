"""What the lane makes of a storage that fails, of other programs, and of a log at rest."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from realtime.database.commit_thread import CommitThread
from realtime.errors import OverloadedError, StorageError, UnavailableError
from realtime.runtime.checkpoints import IDLE_SECONDS, Checkpoints
from realtime.runtime.group_commit import BUSY_SECONDS
from realtime.storage.sqlite import SqliteStore
from realtime.storage.sqlite_reader import SqliteGeneration
from realtime.testing import VirtualClock
from tests.harness.waiting import turns
from tests.integration.runtime.workshop import Submissions, ask, call, mutate, workshop
from tests.unit.database.small_database import insert, open_database

DEADLINE_SECONDS = 30.0


class FailingStore(SqliteStore):
    """A store whose steps fail when a test says so."""

    on_begin: Callable[[], None] | None = None
    on_open_generation: Callable[[], None] | None = None

    def begin(self) -> None:
        if self.on_begin is not None:
            self.on_begin()
        super().begin()

    def open_generation(self, expected_timestamp: int) -> SqliteGeneration | None:
        if self.on_open_generation is not None:
            self.on_open_generation()
        return super().open_generation(expected_timestamp)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.sqlite"


@pytest.fixture
def store(path: Path) -> FailingStore:
    return FailingStore.open(path)


def other_program(path: Path) -> Any:
    """A connection of another program, closed at the end of the block."""
    return closing(sqlite3.connect(path, isolation_level=None, timeout=0))


@pytest.mark.asyncio
async def test_mutations_are_rejected_when_the_file_stays_busy(
    path: Path, store: FailingStore
) -> None:
    clock = VirtualClock()
    async with workshop(store, clock=clock) as backend, asyncio.timeout(DEADLINE_SECONDS):
        with other_program(path) as program:
            program.execute("BEGIN IMMEDIATE")
            waiting = Submissions(backend)
            waiting.submit("notes:add", label="a", text="1")
            waiting.submit("notes:add", label="a", text="2")
            while not waiting.outcomes:
                await turns(5)
                clock.advance(BUSY_SECONDS / 10)
            outcomes = await waiting.answers()
            program.execute("ROLLBACK")
        await mutate(backend, "notes:add", label="a", text="3")

        assert [type(outcome.rejection) for outcome in outcomes] == [OverloadedError] * 2
        assert await ask(backend, "notes:labelled", label="a") == ["3"]


@pytest.mark.asyncio
async def test_mutations_are_rejected_when_no_batch_can_begin(store: FailingStore) -> None:
    def fail() -> None:
        raise StorageError("The disk is gone")

    async with workshop(store) as backend, asyncio.timeout(DEADLINE_SECONDS):
        store.on_begin = fail
        waiting = Submissions(backend)
        waiting.submit("notes:add", label="a", text="1")
        waiting.submit("notes:add", label="a", text="2")
        outcomes = await waiting.answers()
        store.on_begin = None
        await mutate(backend, "notes:add", label="a", text="3")

        assert [str(outcome.rejection) for outcome in outcomes] == ["The disk is gone"] * 2
        assert await ask(backend, "notes:labelled", label="a") == ["3"]


@pytest.mark.asyncio
async def test_commit_that_cannot_be_shown_fences(store: FailingStore) -> None:
    def fail() -> None:
        raise StorageError("The disk is gone")

    async with workshop(store) as backend, asyncio.timeout(DEADLINE_SECONDS):
        store.on_open_generation = fail
        with pytest.raises(UnavailableError):
            await backend.run_mutation(call("notes:add", label="a", text="1"))

        assert backend.state == "fenced"


# Other programs that write to the file


def writes(path: Path, statement: str) -> None:
    with other_program(path) as program:
        program.execute(statement)


@pytest.mark.asyncio
async def test_next_mutation_after_a_foreign_write_fences(
    path: Path, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    async with workshop(store) as backend, asyncio.timeout(DEADLINE_SECONDS):
        await mutate(backend, "notes:add", label="a", text="1")
        writes(path, "INSERT INTO settings VALUES ('a', 'b')")
        with pytest.raises(UnavailableError):
            await backend.run_mutation(call("notes:add", label="a", text="2"))

        assert backend.state == "fenced"
        with pytest.raises(UnavailableError):
            await backend.run_query(call("notes:labelled", label="a"))
    (record,) = [r for r in caplog.records if r.levelname == "CRITICAL"]
    assert record.getMessage() == (
        "Another program has written to the data file while the server was running; stop that "
        "program. The server takes no more calls; start it again to recover from the file"
    )
    reopened = SqliteStore.open(path)
    async with workshop(reopened) as backend:
        assert await ask(backend, "notes:labelled", label="a") == ["1"]
        await mutate(backend, "notes:add", label="a", text="3")


@pytest.mark.asyncio
async def test_newest_timestamp_that_is_not_ours_fences(
    path: Path, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    # Between a COMMIT and the snapshot of it nobody holds the file.
    later = "INSERT INTO revisions SELECT max(last_timestamp) + 9, 0, 0, x'' FROM revisions"
    async with workshop(store) as backend, asyncio.timeout(DEADLINE_SECONDS):
        store.on_open_generation = lambda: writes(path, later)
        with pytest.raises(UnavailableError):
            await backend.run_mutation(call("notes:add", label="a", text="1"))

        assert backend.state == "fenced"
    (record,) = [r for r in caplog.records if r.levelname == "CRITICAL"]
    assert "another program has written to it; stop that program" in record.getMessage()


# The log of a server at rest


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await turns(1)


@pytest.mark.asyncio
async def test_log_is_emptied_when_nothing_was_written_for_a_while(store: FailingStore) -> None:
    clock = VirtualClock()
    async with workshop(store, clock=clock) as backend:
        await mutate(backend, "notes:add", label="a", text="1")
        clock.advance(IDLE_SECONDS - 1)
        await mutate(backend, "notes:add", label="a", text="2")
        clock.advance(IDLE_SECONDS - 1)
        await turns(50)
        kept_bytes = store.wal_size_bytes()
        clock.advance(IDLE_SECONDS)
        await until(lambda: store.wal_size_bytes() == 0)

        assert kept_bytes > 0
        await mutate(backend, "notes:add", label="a", text="3")
        assert await ask(backend, "notes:labelled", label="a") == ["1", "2", "3"]
        clock.advance(2 * IDLE_SECONDS)
        await until(lambda: store.wal_size_bytes() == 0)
        assert backend.state == "running"


@pytest.mark.asyncio
async def test_log_is_emptied_after_the_last_hold_has_ended(store: FailingStore) -> None:
    clock = VirtualClock()
    commit_thread = CommitThread(asyncio.get_running_loop())
    with closing(store), closing(commit_thread), closing(open_database(store)) as database:
        generations = database.generations
        checkpoints = Checkpoints(database, store, commit_thread, clock)
        insert(database, "things", a=1.0)
        held = generations.current
        assert generations.try_hold(held, clock.monotonic_seconds())
        insert(database, "things", a=2.0)
        clock.advance(2 * IDLE_SECONDS)
        await checkpoints.when_idle()
        while_held_bytes = store.wal_size_bytes()
        generations.release(held)
        await checkpoints.when_idle()

        assert while_held_bytes > 0
        assert store.wal_size_bytes() == 0


@pytest.mark.asyncio
async def test_foreign_write_to_a_server_at_rest_fences_and_is_not_served(
    path: Path, store: FailingStore
) -> None:
    clock = VirtualClock()
    async with workshop(store, clock=clock) as backend:
        await mutate(backend, "notes:add", label="a", text="1")
        writes(path, "INSERT INTO settings VALUES ('a', 'b')")
        clock.advance(2 * IDLE_SECONDS)
        await until(lambda: backend.state == "fenced")
