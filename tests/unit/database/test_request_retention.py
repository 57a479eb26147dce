"""Old answers go in small chunks, by age and by size, and no slower than new ones come."""

from __future__ import annotations

from realtime.database.request_retention import RequestLimits, RequestRetention
from realtime.storage.memory import MemoryStore
from realtime.storage.records import REQUEST_OVERHEAD_BYTES, RequestRecord
from realtime.testing import VirtualClock

DAY_SECONDS = 24 * 3600


class Answers:
    """A retention over a store in memory, and the answers that were recorded in it."""

    def __init__(self, store: MemoryStore, limits: RequestLimits) -> None:
        self.clock = VirtualClock()
        self._store = store
        self._retention = RequestRetention(store, self.clock, limits)
        self._count = 0
        self._last_timestamp = 0

    def record(self, count: int, result_bytes: int = 0) -> None:
        """Commit a batch of answers."""
        self._store.begin()
        for _ in range(count):
            self._last_timestamp = max(self._last_timestamp + 1, self.clock.now_ns())
            result = b"r" * result_bytes
            record = RequestRecord("s", self._count, "f:g", self._last_timestamp, result, b"")
            self._store.write_requests([record])
            self._retention.note(record)
            self._count += 1
        self._retention.prune_if_due()
        self._store.commit()

    def kept(self) -> list[int]:
        return [n for n in range(self._count) if self._store.find_request("s", n) is not None]


def test_answers_are_kept_for_fourteen_days(memory_store: MemoryStore) -> None:
    answers = Answers(memory_store, RequestLimits())
    answers.record(3)
    answers.clock.advance(14 * DAY_SECONDS - 1)
    answers.record(100)
    kept_before = answers.kept()
    answers.clock.advance(2)
    answers.record(100)

    assert kept_before == list(range(103))
    assert answers.kept() == list(range(3, 203))


def test_first_batch_after_a_start_deletes_too(memory_store: MemoryStore) -> None:
    answers = Answers(memory_store, RequestLimits())
    answers.clock.advance(-15 * DAY_SECONDS)
    answers.record(1)
    answers.clock.advance(15 * DAY_SECONDS)

    answers = Answers(memory_store, RequestLimits())
    answers.record(0)

    assert memory_store.find_request("s", 0) is None


def test_oldest_answers_go_when_all_take_too_much_room(memory_store: MemoryStore) -> None:
    limits = RequestLimits(size_bytes=150 * REQUEST_OVERHEAD_BYTES)
    answers = Answers(memory_store, limits)
    for _ in range(10):
        answers.record(100)

    assert answers.kept() == list(range(850, 1000))


def test_large_answers_make_a_chunk_due_before_many(memory_store: MemoryStore) -> None:
    answers = Answers(memory_store, RequestLimits(size_bytes=4 * 1024 * 1024))
    for _ in range(10):
        answers.record(1, 1024 * 1024)

    assert answers.kept() == [7, 8, 9]


def test_few_answers_delete_nothing_and_look_at_nothing() -> None:
    class CountingStore(MemoryStore):
        prunes = 0

        def prune_requests(
            self, before_timestamp: int, keep_bytes: int, *, limit: int, limit_bytes: int
        ) -> int:
            self.prunes += 1
            return super().prune_requests(
                before_timestamp, keep_bytes, limit=limit, limit_bytes=limit_bytes
            )

    store = CountingStore()
    answers = Answers(store, RequestLimits())
    for _ in range(201):
        answers.record(1)

    assert store.prunes == 3  # the first batch, and each hundred answers from there


def test_what_is_too_much_shrinks_although_more_comes(memory_store: MemoryStore) -> None:
    Answers(memory_store, RequestLimits()).record(1_000)
    limits = RequestLimits(size_bytes=150 * REQUEST_OVERHEAD_BYTES)
    chunks: list[int] = []

    answers = Answers(memory_store, limits)
    answers._count, answers._last_timestamp = 1_000, answers.clock.now_ns() + 1_000
    for _ in range(15):
        before = len(answers.kept())
        answers.record(300)
        chunks.append(before + 300 - len(answers.kept()))

    assert max(chunks) <= 2 * 400
    assert answers.kept() == list(range(5_350, 5_500))
