"""Which result is right when, who keeps it, and what is let go."""

from __future__ import annotations

from typing import Any, cast

from realtime.database.commit_log import Commit, CommitLog
from realtime.database.interval import IndexEntry, Interval
from realtime.database.subscriptions import SubscriptionManager, Token
from realtime.database.timestamp import Timestamp
from realtime.runtime.outcome import LiveClient, QueryResult
from realtime.runtime.query_cache import (
    REST_FACTOR,
    SLOW_RUN_SECONDS,
    TIME_DEPENDENT_SECONDS,
    CacheEntry,
    CacheKey,
    QueryCache,
)
from realtime.values.index_key import key_successor

INDEX = 4
NOBODY = b""


def key_of(name: str) -> CacheKey:
    return (name, b"{}", None, None)


class Cache:
    """A cache whose queries each read one key, and the commits that touch those."""

    def __init__(self, capacity_bytes: int = 1_000_000) -> None:
        self.subscriptions = SubscriptionManager(CommitLog(Timestamp(0)))
        self.cache = QueryCache(self.subscriptions, capacity_bytes)
        self.now = 100.0

    def insert(
        self, name: str, at: int, value: bytes = b"1", *, seconds: float = 0.0, looks: bool = False
    ) -> CacheEntry:
        read = name.encode()
        interval = Interval(INDEX, read, read, key_successor(read))
        return self.cache.insert(
            key_of(name),
            QueryResult(value, None),
            Token((interval,), Timestamp(at)),
            is_time_dependent=looks,
            run_seconds=seconds,
            now_seconds=self.now,
        )

    def commit(self, at: int, *names: str) -> list[CacheEntry]:
        """Touch what queries have read; return the watched entries that became stale."""
        self.cache.now_timestamp = Timestamp(at)
        entries = [IndexEntry(INDEX, name.encode(), (0, len(name))) for name in names]
        self.subscriptions.invalidate(entries)
        return self.cache.take_stale()

    def find(self, name: str, at: int) -> CacheEntry | None:
        return self.cache.find(key_of(name), NOBODY, Timestamp(at), self.now)


def client() -> LiveClient:
    return cast(Any, object())


def test_result_is_right_from_its_run_to_the_commit_that_touches_it() -> None:
    cache = Cache()
    entry = cache.insert("q", at=10)
    cache.cache.watch(entry, client(), 1)
    cache.commit(20, "q")

    found = {at: cache.find("q", at) is entry for at in (9, 10, 19, 20)}

    assert found == {9: False, 10: True, 19: True, 20: False}


def test_commit_that_touches_something_else_leaves_a_result() -> None:
    cache = Cache()
    entry = cache.insert("q", at=10)

    assert cache.commit(20, "other") == []
    assert cache.find("q", 20) is entry


def test_stale_results_are_told_once_and_only_if_watched() -> None:
    cache = Cache()
    watched = cache.insert("watched", at=10)
    cache.cache.watch(watched, client(), 1)
    cache.insert("unwatched", at=10)

    assert cache.commit(20, "watched", "unwatched") == [watched]
    assert cache.commit(21, "watched") == []
    assert cache.find("unwatched", 10) is None


def test_same_bytes_become_the_same_result() -> None:
    cache = Cache()
    first = cache.insert("q", at=10, value=b"1")
    cache.cache.watch(first, client(), 1)
    cache.commit(20, "q")

    same = cache.insert("q", at=20, value=b"1")
    cache.cache.watch(same, client(), 1)
    cache.commit(30, "q")
    other = cache.insert("q", at=30, value=b"2")

    assert same.result is first.result
    assert other.result is not first.result


def test_result_of_an_older_snapshot_does_not_replace_a_newer_one() -> None:
    cache = Cache()
    newer = cache.insert("q", at=20)

    older = cache.insert("q", at=10, value=b"0")

    assert cache.find("q", 20) is newer
    assert older.covers(Timestamp(10)) and not older.covers(Timestamp(11))
    assert cache.subscriptions.count == 1


def test_result_whose_reads_were_touched_before_it_came_is_right_at_its_own_time_alone() -> None:
    cache = Cache()
    log = CommitLog(Timestamp(0))
    cache.subscriptions = SubscriptionManager(log)
    cache.cache = QueryCache(cache.subscriptions, 1_000_000)

    log.append(Commit(Timestamp(15), (IndexEntry(INDEX, b"q", (0, 1)),)))

    entry = cache.insert("q", at=10)

    assert [entry.covers(Timestamp(at)) for at in (9, 10, 11)] == [False, True, False]
    assert cache.subscriptions.count == 0


def test_result_that_looked_at_the_clock_serves_new_askers_for_five_seconds() -> None:
    cache = Cache()
    entry = cache.insert("q", at=10, looks=True)

    cache.now += TIME_DEPENDENT_SECONDS
    at_the_end = cache.find("q", 10)
    cache.now += 0.001

    assert at_the_end is entry
    assert cache.find("q", 10) is None


def test_unwatched_results_are_bounded_by_bytes_oldest_use_first() -> None:
    cache = Cache()
    size = cache.insert("a", at=10, value=b"x" * 1_000).size_bytes
    cache = Cache(capacity_bytes=2 * size)
    for name in ("a", "b"):
        cache.insert(name, at=10, value=b"x" * 1_000)
    cache.find("a", 10)

    cache.insert("c", at=10, value=b"x" * 1_000)

    assert [cache.find(name, 10) is not None for name in "abc"] == [True, False, True]
    assert cache.subscriptions.count == 2


def test_watched_results_do_not_count_and_stay() -> None:
    cache = Cache(capacity_bytes=1)
    watcher = client()
    watched = cache.insert("a", at=10)
    cache.cache.watch(watched, watcher, 1)

    for name in ("b", "c"):
        cache.insert(name, at=10)

    assert cache.find("a", 10) is watched
    assert [cache.find(name, 10) is not None for name in "bc"] == [False, True]


def test_one_result_beyond_the_limit_is_kept_until_the_next() -> None:
    cache = Cache(capacity_bytes=1)

    entry = cache.insert("a", at=10)

    assert cache.find("a", 10) is entry


def test_result_goes_with_its_last_watcher_if_it_is_stale_and_stays_if_it_is_right() -> None:
    cache = Cache()
    first, second = client(), client()
    right, stale = cache.insert("right", at=10), cache.insert("stale", at=10)
    for entry in (right, stale):
        cache.cache.watch(entry, first, 1)
        cache.cache.watch(entry, second, 1)
    cache.commit(20, "stale")

    for entry in (right, stale):
        cache.cache.unwatch(entry, first, 1)
    while_watched = cache.find("stale", 10)
    for entry in (right, stale):
        cache.cache.unwatch(entry, second, 1)
        cache.cache.unwatch(entry, second, 1)

    assert while_watched is stale
    assert cache.find("right", 20) is right
    assert cache.find("stale", 10) is None
    assert cache.subscriptions.count == 1


def test_slow_query_rests_for_four_times_its_run_also_when_its_result_is_gone() -> None:
    cache = Cache()
    cache.insert("slow", at=10, seconds=0.5)
    cache.insert("fast", at=10, seconds=SLOW_RUN_SECONDS / 2)
    cache.commit(20, "slow", "fast")

    assert cache.find("slow", 10) is None
    assert cache.cache.rest_until(key_of("slow"), NOBODY) == cache.now + REST_FACTOR * 0.5
    assert cache.cache.rest_until(key_of("fast"), NOBODY) == 0.0


def test_rests_that_are_over_are_forgotten() -> None:
    cache = Cache()
    cache.insert("slow", at=10, seconds=0.5)
    had_rests = cache.cache.has_rests

    cache.now += REST_FACTOR * 0.5
    cache.insert("fast", at=10)

    assert (had_rests, cache.cache.has_rests) == (True, False)


def test_result_of_an_identity_is_for_nobody_else() -> None:
    cache = Cache()
    entry = cache.cache.insert(
        ("q", b"{}", None, b"ann"),
        QueryResult(b"1", None),
        Token((), Timestamp(10)),
        is_time_dependent=False,
        run_seconds=0.5,
        now_seconds=cache.now,
    )

    found = {
        identity: cache.cache.find(key_of("q"), identity, Timestamp(10), cache.now) is entry
        for identity in (b"ann", b"bob", b"")
    }

    assert found == {b"ann": True, b"bob": False, b"": False}
    assert cache.cache.rest_until(key_of("q"), b"ann") > 0.0
    assert cache.cache.rest_until(key_of("q"), b"bob") == 0.0
