"""What every store promises; each test runs against both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from realtime.errors import RealtimeError, StorageError
from realtime.storage.records import (
    REQUEST_OVERHEAD_BYTES,
    IndexRow,
    Recovered,
    RequestRecord,
    Revision,
    RowWrite,
    TableRow,
)
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
    replace,
    revision,
)

# Scans


def test_scan_returns_rows_in_key_order_whatever_order_they_were_written_in(store: Store) -> None:
    commit(store, 1, insert(1, b"b"), insert(2, b"\xff"), insert(3, b"a", b"\x00"))

    rows = store.engine.scan(BY_NAME, b"", None, descending=False, limit=100)

    assert rows == [(b"\x00", 3, b"{}"), (b"a", 3, b"{}"), (b"b", 1, b"{}"), (b"\xff", 2, b"{}")]


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (b"", None, [b"a", b"aa", b"b", b"c"]),
        (b"aa", b"c", [b"aa", b"b"]),
        (b"a\x00", b"b\x00", [b"aa", b"b"]),
        (b"b", None, [b"b", b"c"]),
        (b"b", b"b", []),
        (b"c", b"a", []),
        (b"d", None, []),
    ],
)
def test_scan_reads_a_half_open_range_in_both_directions(
    store: Store, lower: bytes, upper: bytes | None, expected: list[bytes]
) -> None:
    commit(store, 1, *(insert(n, key) for n, key in enumerate([b"a", b"aa", b"b", b"c"], 1)))

    assert keys(store.engine, lower, upper) == expected
    assert keys(store.engine, lower, upper, descending=True) == expected[::-1]


def test_scan_with_a_limit_returns_the_first_rows_of_its_direction(store: Store) -> None:
    commit(store, 1, *(insert(n, key) for n, key in enumerate([b"a", b"b", b"c", b"d"], 1)))

    assert keys(store.engine, b"", b"d", limit=2) == [b"a", b"b"]
    assert keys(store.engine, b"", b"d", limit=2, descending=True) == [b"c", b"b"]
    assert keys(store.engine, b"b", limit=2) == [b"b", b"c"]
    assert keys(store.engine, b"b", limit=2, descending=True) == [b"d", b"c"]


def test_scan_stays_in_its_index(store: Store) -> None:
    store.begin()
    entries = [(BY_NAME - 1, b"x"), (BY_NAME, b"y"), (BY_NAME + 1, b"z")]
    store.write_rows([RowWrite(1, b"{}", True, [], entries)])

    assert keys(store.engine) == [b"y"]
    assert keys(store.engine, descending=True) == [b"y"]
    assert store.engine.scan(BY_NAME + 5, b"", None, descending=False, limit=9) == []


# Writes


def test_document_is_returned_byte_by_byte_as_it_was_written(store: Store) -> None:
    document = '{"body":"grün \\u0000 \U0001f600","n":1}'.encode()

    commit(store, 1, insert(1, b"a", document=document))

    assert documents(store.engine) == [(1, document)]


def test_replacement_moves_only_the_entries_it_names(store: Store) -> None:
    commit(store, 1, insert(1, b"a", b"m", document=b"1"))

    commit(store, 2, replace(1, b"2", removed=[b"m"], added=[b"z"]))

    rows = store.engine.scan(BY_NAME, b"", None, descending=False, limit=9)
    assert rows == [(b"a", 1, b"2"), (b"z", 1, b"2")]


def test_key_removed_by_one_write_can_be_added_by_an_earlier_one_of_the_call(store: Store) -> None:
    commit(store, 1, insert(1, b"taken"))

    commit(store, 2, insert(2, b"taken"), delete(1, b"taken"))

    assert documents(store.engine) == [(2, b"{}")]


def test_locator_can_be_used_again_after_a_delete(store: Store) -> None:
    commit(store, 1, insert(1, b"a", document=b"1"))
    commit(store, 2, delete(1, b"a"))

    commit(store, 3, insert(1, b"a", document=b"3"))

    assert documents(store.engine) == [(1, b"3")]


def test_engine_sees_the_open_transaction_and_generations_do_not(store: Store) -> None:
    commit(store, 1, insert(1, b"a"))

    store.begin()
    store.write_rows([insert(2, b"b"), delete(1, b"a")])
    store.write_revision(revision(2))

    assert keys(store.engine) == [b"b"]
    assert newest_keys(store, 1) == [b"a"]
    store.commit()
    assert newest_keys(store, 2) == [b"b"]


def test_rolled_back_transaction_leaves_nothing(store: Store) -> None:
    commit(store, 1, insert(1, b"a", document=b"1"))
    before = store.recover()

    store.begin()
    store.write_rows([insert(9, b"b"), replace(1, b"2", removed=[b"a"], added=[b"c"])])
    store.write_rows([delete(1, b"c")])
    store.write_requests([REQUEST])
    store.write_catalog([TableRow(1, "a")], [IndexRow(BY_NAME, 1, "by_name", ("name",))])
    store.write_schema_digest("digest")
    store.write_secret(b"secret")
    store.write_revision(revision(2))
    assert store.recover() != before
    store.rollback()

    assert store.recover() == before
    assert documents(store.engine) == [(1, b"1")]
    assert store.find_request("session", 1) is None
    assert newest_keys(store, 1) == [b"a"]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda store: store.write_rows([insert(2, b"a")]), id="add a taken key"),
        pytest.param(lambda store: store.write_rows([insert(1, b"b")]), id="insert over another"),
        pytest.param(lambda store: store.write_rows([replace(2, b"")]), id="replace nothing"),
        pytest.param(lambda store: store.write_rows([delete(2)]), id="delete nothing"),
        pytest.param(lambda store: store.write_rows([delete(1, b"b")]), id="remove no key"),
        pytest.param(
            lambda store: store.write_rows([replace(3, b"", removed=[b"a"])]), id="remove foreign"
        ),
        pytest.param(lambda store: store.write_requests([REQUEST]), id="request again"),
        pytest.param(lambda store: store.write_revision(revision(1)), id="revision again"),
        pytest.param(lambda store: store.write_catalog([TableRow(5, "b")], []), id="table again"),
        pytest.param(
            lambda store: store.write_catalog([], [IndexRow(6, 5, "b", ())]), id="index again"
        ),
    ],
)
def test_write_that_does_not_fit_ends_the_transaction(
    store: Store, write: Callable[[Store], None]
) -> None:
    store.begin()
    store.write_rows([insert(1, b"a"), insert(3, b"c")])
    store.write_requests([REQUEST])
    store.write_catalog([TableRow(5, "a")], [IndexRow(6, 5, "a", ())])
    store.write_revision(revision(1))
    store.commit()
    before = store.recover()

    store.begin()
    store.write_rows([insert(4, b"x")])
    with pytest.raises(StorageError):
        write(store)

    assert not store.in_transaction
    assert keys(store.engine) == [b"a", b"c"]
    assert store.recover() == before
    commit(store, 2, insert(4, b"y"))
    assert newest_keys(store, 2) == [b"a", b"c", b"y"]


# Requests, catalog, recovery


def test_request_is_found_in_the_open_transaction_and_after_it(store: Store) -> None:
    record = RequestRecord("sitzung-ü", 2**53, "messages:send", 5, b'{"a":1}', b'["log"]')
    store.begin()
    store.write_requests([REQUEST, record])
    assert store.find_request("sitzung-ü", 2**53) == record
    store.commit()

    assert store.find_request("sitzung-ü", 2**53) == record
    assert store.find_request("session", 1) == REQUEST
    assert store.find_request("session", 2) is None
    assert store.find_request("other", 1) is None


def answers(
    store: Store, timestamps: Sequence[int], size_bytes: int = 0
) -> Callable[[], list[int]]:
    """Write an answer for each timestamp, in an open transaction; return what tells who is left."""
    records = [RequestRecord("s", time, "f:g", time, b"r" * size_bytes, b"") for time in timestamps]
    store.begin()
    store.write_requests(records)
    return lambda: [time for time in timestamps if store.find_request("s", time)]


def test_pruning_deletes_the_oldest_requests_in_chunks(store: Store) -> None:
    left = answers(store, [30, 10, 20, 40, 25])

    def prune(limit: int) -> int:
        return store.prune_requests(40, 10_000, limit=limit, limit_bytes=10_000)

    assert prune(2) == 2
    assert left() == [30, 40, 25]
    assert prune(100) == 2
    assert left() == [40]
    assert prune(100) == 0


def test_pruning_deletes_the_oldest_requests_until_the_others_have_room(store: Store) -> None:
    size_bytes = REQUEST_OVERHEAD_BYTES + 1_000
    left = answers(store, [30, 10, 20, 40], 1_000)

    def prune(keep_bytes: int) -> int:
        return store.prune_requests(0, keep_bytes, limit=100, limit_bytes=10 * size_bytes)

    assert prune(4 * size_bytes) == 0
    assert prune(4 * size_bytes - 1) == 1
    assert left() == [30, 20, 40]
    assert prune(size_bytes) == 2
    assert left() == [40]


def test_pruning_takes_as_much_as_it_may_in_one_call_and_at_least_one(store: Store) -> None:
    size_bytes = REQUEST_OVERHEAD_BYTES + 1_000
    left = answers(store, [1, 2, 3, 4], 1_000)

    assert store.prune_requests(9, 0, limit=100, limit_bytes=2 * size_bytes) == 2
    assert left() == [3, 4]
    assert store.prune_requests(9, 0, limit=100, limit_bytes=1) == 1
    assert left() == [4]


def test_size_of_the_requests_does_not_count_what_was_rolled_back(store: Store) -> None:
    size_bytes = REQUEST_OVERHEAD_BYTES + 1_000
    answers(store, [1], 1_000)
    store.commit()
    answers(store, [2, 3], 1_000)
    store.rollback()
    left = answers(store, [4], 1_000)

    assert store.prune_requests(0, 2 * size_bytes, limit=100, limit_bytes=size_bytes) == 0
    assert left() == [4]
    assert store.find_request("s", 1) is not None


def test_fresh_store_recovers_nothing(store: Store) -> None:
    assert store.recover() == Recovered(0, 0.0, 0, b"", (), (), None, None)


def test_recovery_returns_the_newest_of_everything(store: Store) -> None:
    indexes = (IndexRow(3, 1, "by_a", ("a", "b.c")), IndexRow(BY_NAME, 1, "by_name", ()))
    store.begin()
    store.write_catalog([TableRow(2, "b"), TableRow(1, "ä")], indexes[::-1])
    store.write_schema_digest("old")
    store.write_secret(b"\x00secret\xff")
    store.write_revision(Revision(1, 4, 1700000000000.25, b"first"))
    store.commit()
    store.begin()
    store.write_rows([insert(5, b"a"), insert(12, b"b"), insert(7, b"c")])
    store.write_schema_digest("new")
    store.write_revision(Revision(5, 9, 1700000000001.5, b"second"))
    store.commit()

    assert store.recover() == Recovered(
        9,
        1700000000001.5,
        12,
        b"second",
        (TableRow(1, "ä"), TableRow(2, "b")),
        indexes,
        "new",
        b"\x00secret\xff",
    )


def test_dropped_index_leaves_the_catalog_and_keeps_its_entries(store: Store) -> None:
    store.begin()
    store.write_catalog([], [IndexRow(BY_NAME, 1, "by_name", ()), IndexRow(8, 1, "other", ())])
    store.write_rows([insert(1, b"x")])
    store.commit()

    store.begin()
    store.drop_index(BY_NAME)
    store.drop_index(99)
    store.write_unlisted_indexes([BY_NAME])
    store.commit()

    assert [row.index_id for row in store.recover().indexes] == [8]
    assert store.recover().unlisted_indexes == (BY_NAME,)
    assert keys(store.engine) == [b"x"]


def test_index_is_cleared_in_chunks_and_the_others_stay(store: Store) -> None:
    store.begin()
    entries = [(BY_NAME - 1, b"x"), (BY_NAME, b"a"), (BY_NAME, b"b"), (BY_NAME, b"c"), (8, b"z")]
    store.write_rows([RowWrite(1, b"{}", True, [], entries)])
    store.commit()

    store.begin()
    assert store.clear_index(BY_NAME, 2) == 2
    assert keys(store.engine) == [b"c"]
    assert store.clear_index(BY_NAME, 2) == 1
    assert store.clear_index(BY_NAME, 2) == 0
    store.commit()

    assert keys(store.engine) == []
    for index_id, key in (BY_NAME - 1, b"x"), (8, b"z"):
        rows = store.engine.scan(index_id, b"", None, descending=False, limit=9)
        assert [row.key for row in rows] == [key]


def test_index_by_id_cannot_be_dropped(store: Store) -> None:
    store.begin()

    with pytest.raises(AssertionError):
        store.drop_index(0)
    with pytest.raises(AssertionError):
        store.clear_index(0, 1)


def test_close_drops_the_open_transaction_and_generations(store: Store) -> None:
    generation = store.open_generation(0)
    assert generation is not None
    store.begin()
    store.write_rows([insert(1, b"a")])

    store.close()
    store.close()

    with pytest.raises((AssertionError, RealtimeError)):
        keys(generation)


def test_nobody_else_wrote(store: Store) -> None:
    commit(store, 1, insert(1, b"a"))
    store.checkpoint()
    commit(store, 2, insert(2, b"b"))

    assert not store.foreign_write_seen()
