"""Advance: the one step that makes a durable batch visible, and what begins before and after."""

from __future__ import annotations

from realtime.database.database import Database, DatabaseLimits
from realtime.database.generations import SharedGeneration
from realtime.database.transaction import Transaction
from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import GENERATION_LIMIT
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from tests.unit.database.small_database import (
    documents,
    insert,
    insert_all,
    make_durable,
    open_database,
    query,
    run,
    texts,
)

Store = MemoryStore | SqliteStore


def hold(database: Database) -> SharedGeneration:
    """Keep the newest commit readable."""
    generation = database.generations.current
    assert database.generations.try_hold(generation, VirtualClock().monotonic_seconds())
    return generation


def in_session(transaction: Transaction, session: str = "s") -> list[str]:
    return texts(documents(transaction, "messages", "by_session", {"session": session}))


def send(database: Database, text: str, session: str = "s") -> str:
    return insert(database, "messages", session=session, text=text)


def test_commit_is_visible_after_advance_and_not_before(database: Database) -> None:
    before = database.durable
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.insert("messages", {"session": "s", "text": "t"}))
    make_durable(database, batch)
    assert in_session(query(database)) == []
    assert database.durable == before

    database.advance(batch, batch.last_timestamp)

    assert in_session(query(database)) == ["t"]
    assert database.durable == batch.last_timestamp > before
    assert query(database).timestamp == batch.last_timestamp


def test_advance_brings_what_the_cache_holds_up_to_date(database: Database) -> None:
    first = send(database, "first")
    in_session(query(database))
    in_session(query(database), "other")
    misses = database.hot_cache.misses
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.patch(first, {"session": "other"}))
    run(database, batch, lambda db: db.insert("messages", {"session": "s", "text": "new"}))
    run(database, batch, lambda db: db.patch(first, {"text": "moved"}))
    make_durable(database, batch)

    database.advance(batch, batch.last_timestamp)

    assert in_session(query(database)) == ["new"]
    assert in_session(query(database), "other") == ["moved"]
    assert database.hot_cache.misses == misses


def test_advance_wakes_the_queries_that_read_what_changed(database: Database) -> None:
    woken: list[str] = []
    for session in ("s", "other"):
        transaction = query(database)
        in_session(transaction, session)
        database.subscriptions.subscribe(
            transaction.token(), lambda session=session: woken.append(session)
        )

    send(database, "t")

    assert woken == ["s"]


def test_woken_query_sees_the_commit_that_woke_it(database: Database) -> None:
    seen: list[list[str]] = []
    transaction = query(database)
    in_session(transaction)
    database.subscriptions.subscribe(
        transaction.token(), lambda: seen.append(in_session(query(database)))
    )

    send(database, "t")

    assert seen == [["t"]]


def test_read_that_is_registered_later_is_found_to_be_stale(database: Database) -> None:
    generation = hold(database)
    touched, untouched = query(database), query(database)
    in_session(touched)
    in_session(untouched, "other")

    send(database, "t")

    assert database.subscriptions.subscribe(touched.token(), lambda: None) is None
    assert database.subscriptions.subscribe(untouched.token(), lambda: None) is not None
    database.generations.release(generation)


def test_commit_log_reaches_back_to_the_oldest_hold(database: Database) -> None:
    generation = hold(database)
    transaction = database.begin_query(generation)
    in_session(transaction)
    send(database, "touches")
    for number in range(5):
        send(database, str(number), session="other")

    assert database.subscriptions.subscribe(transaction.token(), lambda: None) is None


def test_advance_ends_holds_that_were_kept_too_long(
    database: Database, clock: VirtualClock
) -> None:
    generation = database.generations.current
    database.generations.try_hold(generation, clock.monotonic_seconds())

    clock.advance(16)
    send(database, "t")

    assert generation.is_closed


def test_held_generation_is_read_past_the_cache(database: Database) -> None:
    send(database, "first")
    in_session(query(database))
    generation = hold(database)

    send(database, "second")

    assert in_session(database.begin_query(generation)) == ["first"]
    assert in_session(query(database)) == ["first", "second"]
    assert in_session(database.begin_query(generation)) == ["first"]


def test_query_that_began_before_a_commit_goes_on_past_the_cache(database: Database) -> None:
    send(database, "first")
    generation = hold(database)
    transaction = database.begin_query(generation)
    in_session(transaction)

    send(database, "second")

    assert in_session(transaction) == ["first"]


def test_table_that_was_created_later_is_not_there_for_a_held_generation(
    database: Database,
) -> None:
    generation = hold(database)

    insert(database, "events")

    transaction = database.begin_query(generation)
    assert transaction.table("events") is None
    assert query(database).table("events") is not None
    assert database.subscriptions.subscribe(transaction.token(), lambda: None) is None


def test_mutation_neither_asks_nor_fills_the_cache(database: Database) -> None:
    send(database, "first")
    in_session(query(database))
    hits, misses = database.hot_cache.hits, database.hot_cache.misses
    batch = database.committer.begin(database.catalog)

    run(database, batch, lambda db: db.insert("messages", {"session": "s", "text": "second"}))
    assert run(database, batch, in_session) == ["first", "second"]
    run(database, batch, lambda db: in_session(db, "other"))

    assert (database.hot_cache.hits, database.hot_cache.misses) == (hits, misses)
    assert in_session(query(database)) == ["first"]


def test_query_can_not_write(database: Database) -> None:
    assert query(database).write_set is None


def test_size_of_the_cache_is_a_limit(memory_store: MemoryStore) -> None:
    database = open_database(memory_store, limits=DatabaseLimits(hot_cache_bytes=0))
    send(database, "t")

    assert in_session(query(database)) == ["t"]

    assert database.hot_cache.size_bytes == 0


def test_restart_finds_everything_again(store: Store, clock: VirtualClock) -> None:
    database = open_database(store, clock=clock)
    created = insert_all(database, "things", {"a": 1.0}, {"a": 2.0})
    event = insert(database, "events", kind="x")
    before = database.durable
    database.close()
    clock.advance(-60)

    again = open_database(store, clock=clock)

    assert again.durable == before
    assert [each["_id"] for each in documents(query(again), "things", "by_a")] == created
    assert texts(documents(query(again), "events"), "_id") == [event]
    (newer,) = insert_all(again, "things", {"a": 0.0})
    assert texts(documents(query(again), "things"), "_id") == [*created, newer]
    again.close()


def test_close_gives_all_readers_back(store: Store) -> None:
    database = open_database(store)
    hold(database)
    send(database, "t")

    database.close()

    opened = [store.open_generation(database.durable) for _ in range(GENERATION_LIMIT)]
    assert None not in opened
    for generation in opened:
        assert generation is not None
        generation.close()
