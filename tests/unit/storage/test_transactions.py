"""Transactions, commits and generations of every store; each test runs against both."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from realtime.errors import OverloadedError, StorageError, StorageFullError, UnavailableError
from realtime.storage.persistence import GENERATION_LIMIT
from realtime.storage.records import RowWrite, TableRow
from tests.unit.storage.any_store import (
    BY_NAME,
    REQUEST,
    Store,
    commit,
    delete,
    documents,
    insert,
    keys,
    newest_keys,
    revision,
)

# Transactions


def test_transaction_is_open_from_begin_to_its_end(store: Store) -> None:
    seen = [store.in_transaction]
    store.begin()
    seen.append(store.in_transaction)
    store.commit()
    seen.append(store.in_transaction)
    store.begin()
    store.rollback()
    seen.append(store.in_transaction)

    assert seen == [False, True, False, False]


def test_second_begin_is_refused_and_changes_nothing(store: Store) -> None:
    store.begin()
    store.write_rows([insert(1, b"a")])

    with pytest.raises(AssertionError):
        store.begin()

    assert store.in_transaction
    assert keys(store.engine) == [b"a"]


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.write_rows([insert(1, b"a")]),
        lambda store: store.write_requests([REQUEST]),
        lambda store: store.prune_requests(1, 1, limit=1, limit_bytes=1),
        lambda store: store.write_catalog([TableRow(1, "a")], []),
        lambda store: store.add_entries([(1, b"a", 1)]),
        lambda store: store.drop_index(1),
        lambda store: store.clear_index(1, 1),
        lambda store: store.write_unlisted_indexes([1]),
        lambda store: store.write_schema_digest("digest"),
        lambda store: store.write_secret(b"secret"),
        lambda store: store.write_revision(revision(1)),
        lambda store: store.commit(),
        lambda store: store.rollback(),
    ],
)
def test_write_outside_a_transaction_is_refused(
    store: Store, write: Callable[[Store], None]
) -> None:
    before = store.recover()

    with pytest.raises(AssertionError):
        write(store)

    assert not store.in_transaction
    assert store.recover() == before


def test_checkpoint_inside_a_transaction_is_refused(store: Store) -> None:
    store.begin()

    with pytest.raises(AssertionError):
        store.checkpoint()


def test_checkpoint_with_nothing_pinned_is_complete(store: Store) -> None:
    commit(store, 1, insert(1, b"a"))

    assert store.checkpoint()
    assert keys(store.engine) == [b"a"]


# Commit


def test_held_commit_shows_nothing_and_lets_generations_read(store: Store) -> None:
    commit(store, 1, insert(1, b"a"))
    is_inside, may_go_on = threading.Event(), threading.Event()

    def hold() -> None:
        is_inside.set()
        assert may_go_on.wait(timeout=60)

    store.before_commit = hold
    store.begin()
    store.write_rows([insert(2, b"b")])
    store.write_revision(revision(2))
    thread = threading.Thread(target=store.commit)
    thread.start()
    try:
        assert is_inside.wait(timeout=60)
        assert newest_keys(store, 1) == [b"a"]
    finally:
        may_go_on.set()
        thread.join()

    assert newest_keys(store, 2) == [b"a", b"b"]


@pytest.mark.parametrize(
    "use",
    [
        lambda store: keys(store.engine),
        lambda store: store.write_rows([insert(3, b"c")]),
        lambda store: store.find_request("session", 1),
        lambda store: store.begin(),
        lambda store: store.commit(),
        lambda store: store.rollback(),
    ],
)
def test_engine_side_is_refused_while_a_commit_runs(
    store: Store, use: Callable[[Store], object]
) -> None:
    refused: list[bool] = []

    def try_to_use() -> None:
        with pytest.raises(AssertionError):
            use(store)
        refused.append(True)

    store.before_commit = try_to_use
    commit(store, 1, insert(1, b"a"))

    assert refused == [True]
    assert newest_keys(store, 1) == [b"a"]
    assert keys(store.engine) == [b"a"]


@pytest.mark.parametrize(
    "failure", [StorageFullError("full"), StorageError("broken"), RuntimeError("bug")]
)
def test_failed_commit_has_ended_the_transaction(store: Store, failure: Exception) -> None:
    commit(store, 1, insert(1, b"a"))
    store.before_commit = raising(failure)

    with pytest.raises(type(failure)):
        commit(store, 2, insert(2, b"b"))

    assert not store.in_transaction
    assert keys(store.engine) == [b"a"]
    assert newest_keys(store, 1) == [b"a"]
    store.before_commit = None
    commit(store, 2, insert(2, b"b"))
    assert newest_keys(store, 2) == [b"a", b"b"]


def test_busy_commit_leaves_the_transaction_open_to_try_again(store: Store) -> None:
    store.before_commit = raising(OverloadedError("busy"))
    with pytest.raises(OverloadedError):
        commit(store, 1, insert(1, b"a"))

    assert store.in_transaction
    store.before_commit = None
    store.commit()

    assert newest_keys(store, 1) == [b"a"]


def raising(failure: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise failure

    return fail


# Generations


def test_generation_keeps_its_snapshot_while_the_engine_commits(store: Store) -> None:
    commit(store, 1, insert(1, b"a", document=b"1"), insert(2, b"b", document=b"1"))
    generation = store.open_generation(1)
    assert generation is not None

    commit(store, 2, RowWrite(1, b"2", False, [(BY_NAME, b"a")], [(BY_NAME, b"c")]))
    commit(store, 3, delete(2, b"b"), insert(3, b"d"))
    store.begin()
    store.clear_index(BY_NAME, 9)
    store.commit()
    commit(store, 4)

    assert generation.timestamp == 1
    assert documents(generation) == [(1, b"1"), (2, b"1")]
    assert documents(store.engine) == []


def test_generations_of_different_times_stand_side_by_side(store: Store) -> None:
    held = []
    for timestamp in range(GENERATION_LIMIT):
        held.append(store.open_generation(timestamp))
        commit(store, timestamp + 1, insert(timestamp + 1, b"%d" % timestamp))

    expected = [[b"%d" % n for n in range(count)] for count in range(GENERATION_LIMIT)]
    assert [keys(generation) for generation in held if generation] == expected


def test_generation_beyond_the_limit_is_none_until_one_is_closed(store: Store) -> None:
    held = [store.open_generation(0) for _ in range(GENERATION_LIMIT)]
    assert None not in held

    assert store.open_generation(0) is None
    assert held[0] is not None
    held[0].close()

    assert store.open_generation(0) is not None
    assert store.open_generation(0) is None


def test_closing_a_generation_twice_frees_one_place(store: Store) -> None:
    held = [store.open_generation(0) for _ in range(GENERATION_LIMIT)]
    assert held[0] is not None
    held[0].close()
    held[0].close()

    assert store.open_generation(0) is not None
    held[0].close()
    assert store.open_generation(0) is None


def test_scan_of_a_closed_generation_is_refused(store: Store) -> None:
    generation = store.open_generation(0)
    assert generation is not None
    generation.close()

    with pytest.raises(AssertionError):
        keys(generation)


@pytest.mark.parametrize("expected", [0, 2])
def test_generation_at_an_unexpected_timestamp_is_refused(store: Store, expected: int) -> None:
    commit(store, 1)

    for _ in range(GENERATION_LIMIT + 1):
        with pytest.raises(UnavailableError, match=f"{expected}.* found 1"):
            store.open_generation(expected)

    assert store.open_generation(1) is not None
