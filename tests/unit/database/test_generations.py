"""Readers at fixed timestamps: who keeps them, for how long, and the room for a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from realtime.database.catalog import Catalog
from realtime.database.generations import (
    MAX_HELD_GENERATIONS,
    Generations,
    HoldLimits,
    SharedGeneration,
)
from realtime.errors import UnavailableError
from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import GENERATION_LIMIT, Persistence
from realtime.storage.sqlite import SqliteStore
from tests.unit.database.small_database import commit_nothing

LIMITS = HoldLimits(seconds=15.0, wal_bytes=1_000)
CATALOG = Catalog({}, 1)


@pytest.fixture
def generations(store: MemoryStore | SqliteStore) -> Iterator[Generations]:
    """The generations of a store whose newest timestamp is 1."""
    generations = Generations(store, LIMITS)
    generations.open(commit_nothing(store, 1), CATALOG)
    yield generations
    generations.close()


Commit = Callable[..., SharedGeneration]


@pytest.fixture
def commit(store: MemoryStore | SqliteStore, generations: Generations) -> Commit:
    """Commit and advance; return the generation that is current then."""

    def commit(now_seconds: float = 0.0) -> SharedGeneration:
        timestamp = commit_nothing(store, generations.current.timestamp + 1)
        generations.advance(timestamp, CATALOG, now_seconds)
        return generations.current

    return commit


def can_be_read(generation: SharedGeneration) -> bool:
    try:
        generation.reader.scan(0, b"", None, descending=False, limit=1)
    except AssertionError:
        return False
    return True


def open_readers(store: Persistence, timestamp: int) -> int:
    """How many readers are in use, found by taking all the others."""
    taken = []
    while (generation := store.open_generation(timestamp)) is not None:
        taken.append(generation)
    for generation in taken:
        generation.close()
    return GENERATION_LIMIT - len(taken)


# The current one


def test_commit_makes_a_new_generation_current_and_closes_the_one_before(
    generations: Generations, commit: Commit
) -> None:
    before = generations.current

    after = commit()

    assert after is not before
    assert after.timestamp == 2
    assert before.is_closed
    assert not can_be_read(before)
    assert can_be_read(after)


def test_generation_knows_the_catalog_of_its_time(
    store: MemoryStore | SqliteStore, generations: Generations
) -> None:
    newer = Catalog({}, 9)
    before = generations.current
    generations.try_hold(before, 0.0)

    generations.advance(commit_nothing(store, 2), newer, 0.0)
    assert generations.current.catalog is newer

    generations.make_way_for_checkpoint(LIMITS.wal_bytes)
    generations.resume_after_checkpoint(is_complete=True)
    assert generations.current.catalog is newer
    assert before.catalog is CATALOG


def test_newest_commit_that_is_not_the_one_expected_is_refused(
    store: MemoryStore | SqliteStore, generations: Generations
) -> None:
    commit_nothing(store, 2)

    with pytest.raises(UnavailableError):
        generations.advance(commit_nothing(store, 3) - 1, CATALOG, 0.0)  # type: ignore[arg-type]


def test_commit_without_a_free_reader_is_refused(
    store: MemoryStore | SqliteStore, generations: Generations
) -> None:
    taken = [store.open_generation(1) for _ in range(GENERATION_LIMIT - 1)]
    timestamp = commit_nothing(store, 2)

    with pytest.raises(UnavailableError) as error:
        generations.advance(timestamp, CATALOG, 0.0)

    assert error.value.message == "No reader connection is free for the newest commit"
    for generation in taken:
        assert generation is not None
        generation.close()


# Holds


def test_held_generation_stays_readable_over_commits(
    generations: Generations, commit: Commit
) -> None:
    held = generations.current
    assert generations.try_hold(held, 0.0)

    commit()
    commit()

    assert not held.is_closed
    assert can_be_read(held)
    assert held.timestamp == 1
    assert generations.oldest_timestamp() == 1


def test_released_generation_is_closed(generations: Generations, commit: Commit) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)
    commit()

    generations.release(held)

    assert held.is_closed
    assert generations.oldest_timestamp() == 2


def test_current_generation_stays_open_when_it_is_released(generations: Generations) -> None:
    current = generations.current
    generations.try_hold(current, 0.0)

    generations.release(current)

    assert not current.is_closed
    assert can_be_read(current)


def test_generation_that_was_released_while_current_goes_with_the_next_commit(
    generations: Generations, commit: Commit
) -> None:
    current = generations.current
    generations.try_hold(current, 0.0)
    generations.release(current)

    commit()

    assert current.is_closed


def test_users_of_one_generation_share_it(generations: Generations, commit: Commit) -> None:
    shared = generations.current
    for _ in range(5):
        assert generations.try_hold(shared, 0.0)
    commit()

    for _ in range(4):
        generations.release(shared)
    assert can_be_read(shared)

    generations.release(shared)
    assert shared.is_closed


def test_release_without_a_hold_is_a_mistake(generations: Generations) -> None:
    with pytest.raises(AssertionError):
        generations.release(generations.current)


def test_three_generations_can_be_held_and_no_fourth(
    store: MemoryStore | SqliteStore, generations: Generations, commit: Commit
) -> None:
    held = []
    for _ in range(MAX_HELD_GENERATIONS):
        held.append(generations.current)
        assert generations.try_hold(generations.current, 0.0)
        commit()

    assert not generations.try_hold(generations.current, 0.0)

    # There is still a reader for every further commit.
    for _ in range(3):
        commit()
    assert all(map(can_be_read, held))
    assert open_readers(store, generations.current.timestamp) == MAX_HELD_GENERATIONS + 1


def test_generation_that_is_held_already_can_be_shared_when_no_hold_is_free(
    generations: Generations, commit: Commit
) -> None:
    first = generations.current
    for _ in range(MAX_HELD_GENERATIONS):
        generations.try_hold(generations.current, 0.0)
        commit()

    assert generations.try_hold(first, 0.0)


def test_hold_is_free_again_after_a_release(generations: Generations, commit: Commit) -> None:
    first = generations.current
    for _ in range(MAX_HELD_GENERATIONS):
        generations.try_hold(generations.current, 0.0)
        commit()

    generations.release(first)

    assert generations.try_hold(generations.current, 0.0)


# Expiry


def test_hold_ends_after_its_time_with_the_next_commit(
    generations: Generations, commit: Commit
) -> None:
    held = generations.current
    generations.try_hold(held, 100.0)

    commit(115.0)
    assert not held.is_closed

    commit(115.1)
    assert held.is_closed
    assert generations.oldest_timestamp() == generations.current.timestamp


def test_ended_hold_is_free_for_another(generations: Generations, commit: Commit) -> None:
    for _ in range(MAX_HELD_GENERATIONS):
        generations.try_hold(generations.current, 0.0)
        commit(0.0)

    commit(16.0)

    assert generations.try_hold(generations.current, 16.0)


def test_hold_that_was_ended_can_still_be_released(
    generations: Generations, commit: Commit
) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)
    commit(16.0)
    assert held.is_closed

    generations.release(held)

    assert held.is_closed
    assert can_be_read(generations.current)


def test_ended_generation_cannot_be_held_again(generations: Generations, commit: Commit) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)
    commit(16.0)

    assert not generations.try_hold(held, 16.0)


def test_time_of_a_shared_hold_counts_from_its_first_user(
    generations: Generations, commit: Commit
) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)
    generations.try_hold(held, 14.0)

    commit(16.0)

    assert held.is_closed


def test_current_generation_does_not_expire(generations: Generations) -> None:
    current = generations.current
    generations.try_hold(current, 0.0)

    generations.expire(1_000.0)

    assert not current.is_closed


# Room for a checkpoint


def test_checkpoint_below_the_limit_leaves_the_holds(
    generations: Generations, commit: Commit
) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)
    commit()

    generations.make_way_for_checkpoint(LIMITS.wal_bytes - 1)

    assert not held.is_closed


def test_no_hold_is_given_while_a_checkpoint_runs(generations: Generations) -> None:
    generations.make_way_for_checkpoint(0)
    assert not generations.try_hold(generations.current, 0.0)

    generations.resume_after_checkpoint(is_complete=False)
    assert generations.try_hold(generations.current, 0.0)


def test_checkpoint_at_the_limit_ends_all_holds(
    store: MemoryStore | SqliteStore, generations: Generations, commit: Commit
) -> None:
    held = []
    for _ in range(MAX_HELD_GENERATIONS):
        held.append(generations.current)
        generations.try_hold(generations.current, 0.0)
        commit()
    current = generations.current

    generations.make_way_for_checkpoint(LIMITS.wal_bytes)

    assert all(generation.is_closed for generation in held)
    assert generations.current is current
    assert open_readers(store, current.timestamp) == 1
    assert generations.oldest_timestamp() == current.timestamp


def test_checkpoint_at_the_limit_ends_also_a_hold_of_the_current_generation(
    store: MemoryStore | SqliteStore, generations: Generations
) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)

    generations.make_way_for_checkpoint(LIMITS.wal_bytes)

    assert held.is_closed
    assert generations.current is not held
    assert generations.current.timestamp == held.timestamp
    assert can_be_read(generations.current)
    assert open_readers(store, 1) == 1


def test_current_generation_is_pinned_anew_after_a_complete_checkpoint(
    store: MemoryStore | SqliteStore, generations: Generations
) -> None:
    before = generations.current

    generations.make_way_for_checkpoint(0)
    generations.resume_after_checkpoint(is_complete=True)

    assert before.is_closed
    assert generations.current.timestamp == before.timestamp
    assert can_be_read(generations.current)
    assert open_readers(store, 1) == 1


def test_current_generation_stays_after_a_checkpoint_that_was_held_back(
    generations: Generations,
) -> None:
    before = generations.current

    generations.make_way_for_checkpoint(0)
    generations.resume_after_checkpoint(is_complete=False)

    assert generations.current is before


def test_held_current_generation_is_not_pinned_anew(generations: Generations) -> None:
    held = generations.current
    generations.try_hold(held, 0.0)

    generations.make_way_for_checkpoint(0)
    generations.resume_after_checkpoint(is_complete=True)

    assert generations.current is held
    assert can_be_read(held)


def test_close_gives_all_readers_back(
    store: MemoryStore | SqliteStore, generations: Generations, commit: Commit
) -> None:
    generations.try_hold(generations.current, 0.0)
    commit()

    generations.close()

    assert open_readers(store, 2) == 0
