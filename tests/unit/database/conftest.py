"""A database on each of the two stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.database.database import Database
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from tests.unit.database.small_database import open_database

Store = SqliteStore | MemoryStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of either kind."""
    is_memory = request.param == "memory"
    store = MemoryStore() if is_memory else SqliteStore.open(tmp_path / "data.sqlite")
    yield store
    store.close()


@pytest.fixture
def clock() -> VirtualClock:
    """The clock of `database`."""
    return VirtualClock()


@pytest.fixture
def database(store: Store, clock: VirtualClock) -> Iterator[Database]:
    """The small database, empty, on either store."""
    database = open_database(store, clock=clock)
    yield database
    database.close()


@pytest.fixture
def memory_store() -> Iterator[MemoryStore]:
    """An empty store in memory."""
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def memory_database(memory_store: MemoryStore, clock: VirtualClock) -> Iterator[Database]:
    """The small database in memory, where the store makes no difference."""
    database = open_database(memory_store, clock=clock)
    yield database
    database.close()
