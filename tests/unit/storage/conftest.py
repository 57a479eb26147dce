"""The two stores, for one suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the SQLite store."""
    return tmp_path / "data.sqlite"


@pytest.fixture
def sqlite_store(path: Path) -> Iterator[SqliteStore]:
    """An empty SQLite store on a real file."""
    store = SqliteStore.open(path)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[SqliteStore | MemoryStore]:
    """An empty store of either kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_store")
    else:
        memory_store = MemoryStore()
        yield memory_store
        memory_store.close()
