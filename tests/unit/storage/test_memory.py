"""What is particular to the store in memory: it does not keep what nobody can read."""

from __future__ import annotations

from realtime.storage.memory import MemoryStore
from realtime.storage.records import Revision, RowWrite


def commit(store: MemoryStore, timestamp: int, write: RowWrite) -> None:
    store.begin()
    store.write_rows([write])
    store.write_revision(Revision(timestamp, timestamp, 0.0, b""))
    store.commit()


def test_replaced_documents_are_forgotten_when_no_generation_needs_them() -> None:
    store = MemoryStore()
    commit(store, 1, RowWrite(1, b"", True, [], []))
    held = store.open_generation(1)
    assert held is not None

    for timestamp in range(2, 12):
        commit(store, timestamp, RowWrite(1, b"", False, [], []))
    assert store.documents.version_count == 11

    held.close()
    commit(store, 12, RowWrite(1, b"", False, [], []))
    assert store.documents.version_count == 2
