"""Pending writes: readable by key, in layers, within limits."""

from __future__ import annotations

import pytest

from realtime.database.catalog import Catalog
from realtime.database.limits import TransactionLimits
from realtime.database.record import Record
from realtime.database.write_set import PendingDocument, WriteSet
from realtime.errors import LimitError
from realtime.storage.records import RowWrite
from tests.unit.database.small_database import entry

BY_NAME = 5


def record(locator: int, document: bytes = b"{}") -> Record:
    return Record(locator, document)


def inserted(locator: int, name: str, document: bytes = b"{}") -> PendingDocument:
    return PendingDocument(None, (), record(locator, document), (entry(BY_NAME, name),))


def renamed(locator: int, old: str, new: str, document: bytes = b"{}") -> PendingDocument:
    before = (entry(0, str(locator)), entry(BY_NAME, old))
    after = (entry(0, str(locator)), entry(BY_NAME, new))
    return PendingDocument(record(locator), before, record(locator, document), after)


def deleted(locator: int, name: str) -> PendingDocument:
    return PendingDocument(record(locator), (entry(BY_NAME, name),), None, ())


VOID = PendingDocument(None, (), None, ())


def writes(**pending: PendingDocument) -> WriteSet:
    write_set = WriteSet(TransactionLimits())
    for document_id, state in pending.items():
        write_set.put(document_id, state)
    return write_set


def keys(write_set: WriteSet, *, descending: bool = False) -> list[bytes]:
    """All pending keys of the index, found one after another as a scan does."""
    found: list[bytes] = []
    lower, upper = b"", None
    while True:
        keyed = write_set.next_record(BY_NAME, lower, upper, descending=descending)
        if keyed is None:
            return found
        found.append(keyed[0])
        if descending:
            upper = keyed[0]
        else:
            lower = keyed[0] + b"\x00"


def names(*texts: str) -> list[bytes]:
    return [entry(BY_NAME, text).key for text in texts]


def test_new_write_set_is_empty() -> None:
    write_set = writes()

    assert not write_set
    assert write_set.pending("a") is None
    assert list(write_set.documents()) == []
    assert keys(write_set) == []


def test_pending_document_is_found_by_id() -> None:
    state = inserted(1, "x")

    write_set = writes(a=state)

    assert write_set
    assert write_set.pending("a") is state


def test_pending_documents_are_found_in_key_order_both_ways() -> None:
    write_set = writes(a=inserted(1, "m"), b=inserted(2, "c"), c=inserted(3, "x"))

    assert keys(write_set) == names("c", "m", "x")
    assert keys(write_set, descending=True) == names("x", "m", "c")


def test_range_ends_are_half_open() -> None:
    write_set = writes(a=inserted(1, "m"))
    (key,) = names("m")

    for descending in (False, True):

        def found(
            lower: bytes, upper: bytes | None, descending: bool = descending
        ) -> tuple[bytes, Record] | None:
            return write_set.next_record(BY_NAME, lower, upper, descending=descending)

        assert found(key, key + b"\x00") is not None
        assert found(key, None) is not None
        assert found(b"", key) is None
        assert found(key + b"\x00", None) is None
        assert found(key + b"\x00", key + b"\x01") is None


def test_changed_document_is_found_under_its_new_key_alone() -> None:
    write_set = writes(a=renamed(1, "old", "new"))

    assert keys(write_set) == names("new")
    assert write_set.replaced_locators == {1}


def test_deleted_document_is_not_found_and_its_row_is_replaced() -> None:
    write_set = writes(a=deleted(1, "x"))

    assert keys(write_set) == []
    assert write_set.replaced_locators == {1}


def test_second_write_of_a_document_moves_its_key() -> None:
    write_set = writes(a=inserted(1, "first"))

    write_set.put("a", inserted(1, "second"))

    assert keys(write_set) == names("second")
    assert len(list(write_set.documents())) == 1


def test_document_created_and_deleted_leaves_nothing_to_write() -> None:
    write_set = writes(a=inserted(1, "x"))

    write_set.put("a", VOID)

    assert not write_set
    assert write_set.row_writes() == []
    assert keys(write_set) == []


def test_new_table_alone_is_something_to_write() -> None:
    write_set = writes()

    write_set.new_tables["t"] = Catalog({}, 1).new_table("t")

    assert write_set


def test_index_is_touched_by_its_keys_and_by_every_replaced_row() -> None:
    write_set = writes(a=inserted(1, "x"))

    assert write_set.touches_index(BY_NAME)
    assert not write_set.touches_index(BY_NAME + 1)

    write_set.put("b", deleted(2, "y"))

    assert write_set.touches_index(BY_NAME + 1)


# Layers


def test_failed_layer_takes_back_its_inserts() -> None:
    write_set = writes(a=inserted(1, "outer"))
    mark = write_set.mark()

    write_set.put("b", inserted(2, "inner"))
    write_set.roll_back_to(mark)

    assert write_set.pending("b") is None
    assert keys(write_set) == names("outer")


def test_failed_layer_gives_back_the_state_before_it() -> None:
    outer = renamed(1, "stored", "outer")
    write_set = writes(a=outer)
    mark = write_set.mark()

    write_set.put("a", renamed(1, "stored", "inner"))
    write_set.put("a", deleted(1, "stored"))
    write_set.roll_back_to(mark)

    assert write_set.pending("a") is outer
    assert keys(write_set) == names("outer")
    assert write_set.replaced_locators == {1}


def test_failed_layer_shows_the_stored_row_again() -> None:
    write_set = writes()
    mark = write_set.mark()

    write_set.put("a", deleted(1, "x"))
    write_set.roll_back_to(mark)

    assert write_set.replaced_locators == set()
    assert not write_set


def test_failed_layer_that_was_looked_through_leaves_no_key() -> None:
    write_set = writes(a=inserted(1, "outer"))
    assert keys(write_set) == names("outer")
    mark = write_set.mark()

    write_set.put("b", deleted(2, "stored"))
    assert keys(write_set) == names("outer")
    write_set.roll_back_to(mark)

    assert keys(write_set) == names("outer")
    assert write_set.replaced_locators == set()


def test_failed_layer_inside_a_layer_takes_back_only_itself() -> None:
    write_set = writes()
    outer = write_set.mark()
    write_set.put("a", inserted(1, "a"))
    inner = write_set.mark()
    write_set.put("b", inserted(2, "b"))

    write_set.roll_back_to(inner)
    assert keys(write_set) == names("a")

    write_set.roll_back_to(outer)
    assert keys(write_set) == []


def test_layer_that_succeeded_goes_with_the_failed_one_around_it() -> None:
    write_set = writes()
    outer = write_set.mark()
    write_set.put("a", inserted(1, "a"))
    write_set.mark()
    write_set.put("b", inserted(2, "b"))

    write_set.roll_back_to(outer)

    assert not write_set


def test_failed_layer_takes_back_its_new_tables() -> None:
    write_set = writes()
    outer_table = Catalog({}, 1).new_table("outer")
    write_set.new_tables["outer"] = outer_table
    mark = write_set.mark()

    write_set.new_tables["inner"] = Catalog({}, 1).new_table("inner")
    write_set.roll_back_to(mark)

    assert write_set.new_tables == {"outer": outer_table}


# Limits


def test_one_document_too_many_is_refused_and_leaves_the_others() -> None:
    write_set = WriteSet(TransactionLimits(documents_written=2))
    write_set.put("a", inserted(1, "a"))
    write_set.put("b", inserted(2, "b"))
    write_set.put("a", inserted(1, "again"))

    with pytest.raises(LimitError) as error:
        write_set.put("c", inserted(3, "c"))

    assert error.value.code == "TooManyWrites"
    assert error.value.message == "Too many writes in a single function execution (limit: 2)"
    assert keys(write_set) == names("again", "b")


def test_too_many_bytes_are_refused_and_leave_the_others() -> None:
    write_set = WriteSet(TransactionLimits(bytes_written=10))
    write_set.put("a", inserted(1, "a", b"6 byte"))

    with pytest.raises(LimitError) as error:
        write_set.put("b", inserted(2, "b", b"5 byt"))

    assert error.value.code == "TooManyBytesWritten"
    assert error.value.message == (
        "Too many bytes written in a single function execution (limit: 10 bytes)"
    )
    assert keys(write_set) == names("a")


def test_each_write_of_a_document_counts_its_bytes() -> None:
    write_set = WriteSet(TransactionLimits(bytes_written=10))
    write_set.put("a", inserted(1, "a", b"6 byte"))

    with pytest.raises(LimitError):
        write_set.put("a", inserted(1, "a", b"5 byt"))


def test_failed_layer_gives_its_bytes_back() -> None:
    write_set = WriteSet(TransactionLimits(bytes_written=10, documents_written=1))
    mark = write_set.mark()
    write_set.put("a", inserted(1, "a", b"10 bytes.."))

    write_set.roll_back_to(mark)
    write_set.put("b", inserted(2, "b", b"10 bytes.."))

    assert keys(write_set) == names("b")


# Rows


def test_insert_adds_all_its_entries() -> None:
    assert writes(a=inserted(1, "x", b"[]")).row_writes() == [
        RowWrite(1, b"[]", is_new=True, removed=[], added=[(BY_NAME, *names("x"))])
    ]


def test_change_writes_only_the_entries_that_differ() -> None:
    assert writes(a=renamed(1, "old", "new", b"[]")).row_writes() == [
        RowWrite(
            1,
            b"[]",
            is_new=False,
            removed=[(BY_NAME, *names("old"))],
            added=[(BY_NAME, *names("new"))],
        )
    ]


def test_delete_removes_all_entries() -> None:
    assert writes(a=deleted(1, "x")).row_writes() == [
        RowWrite(1, None, is_new=False, removed=[(BY_NAME, *names("x"))], added=[])
    ]


def test_rows_come_in_order_of_first_write() -> None:
    write_set = writes(b=inserted(2, "b"), a=inserted(1, "a"))
    write_set.put("b", inserted(2, "again"))

    assert [row.locator for row in write_set.row_writes()] == [2, 1]
