"""The client's queries: changes while an update is in progress, journals, what is left out."""

from __future__ import annotations

import msgspec
import pytest

from realtime.errors import OverloadedError, ProtocolError
from realtime.runtime.outcome import ClientError, QueryResult
from realtime.sync.messages import Add, ModifyQuerySet, Remove
from realtime.sync.query_set import MAX_QUERY_SET_BYTES, PendingQuery, QuerySet


def add(query_id: int, path: str = "m:list", args: bytes = b"[{}]") -> Add:
    return Add(query_id=query_id, udf_path=path, args=msgspec.Raw(args))


def result(value: bytes, journal: str | None = None) -> QueryResult:
    return QueryResult(value, None, (), journal)


def modify(queries: QuerySet, *modifications: Add | Remove) -> list[int]:
    return queries.modify(
        ModifyQuerySet(
            base_version=queries.version,
            new_version=queries.version + 1,
            modifications=modifications,
        )
    )


def evaluated(queries: QuerySet, value: bytes = b"1") -> list[int]:
    """Run one update in which each query gives `value`; return the ids that are told."""
    results = dict.fromkeys(queries.begin_update(), result(value))
    return [query_id for query_id, _ in queries.finish_update(results).updated]


def test_a_new_query_is_evaluated_as_the_client_sent_it() -> None:
    queries = QuerySet()
    message = Add(
        query_id=3,
        udf_path="m:list",
        args=msgspec.Raw(b'[{"a":1}]'),
        journal="j",
        component_path="c",
    )

    modify(queries, message)

    assert queries.begin_update() == {3: PendingQuery("m:list", b'[{"a":1}]', "c", "j")}


def test_a_new_query_is_told_even_if_its_result_equals_that_of_another() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    evaluated(queries)

    modify(queries, add(1))

    assert evaluated(queries) == [1]


def test_an_unchanged_result_is_left_out() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    evaluated(queries, b"1")

    queries.invalidate(0)
    same = evaluated(queries, b"1")
    queries.invalidate(0)
    changed = evaluated(queries, b"2")

    assert (same, changed) == ([], [0])


def test_a_failure_with_another_request_id_is_left_out() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    told: list[int] = []

    for request_id, text in [("0" * 16, "boom"), ("1" * 16, "boom"), ("2" * 16, "bang")]:
        queries.invalidate(0)
        queries.begin_update()
        error = ClientError(f"[Request ID: {request_id}] Server Error\n{text}")
        told.append(len(queries.finish_update({0: QueryResult(None, error)}).updated))

    assert told == [1, 0, 1]


def test_only_stale_queries_are_evaluated() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    evaluated(queries)

    queries.invalidate(1)

    assert list(queries.begin_update()) == [1]


def test_all_queries_are_evaluated_after_all_were_invalidated() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    evaluated(queries)

    queries.invalidate_all()

    assert list(queries.begin_update()) == [0, 1]


def test_the_journal_of_a_run_is_passed_to_the_next_one() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    queries.begin_update()
    queries.finish_update({0: result(b"1", "first")})

    queries.invalidate(0)
    again = queries.begin_update()
    queries.finish_update({0: result(b"1")})
    queries.invalidate(0)

    assert again[0].journal == "first"
    assert queries.begin_update()[0].journal is None


def test_a_query_invalidated_while_it_runs_is_evaluated_again() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    queries.begin_update()

    queries.invalidate(0)
    queries.finish_update({0: result(b"1")})

    assert queries.has_changes
    assert list(queries.begin_update()) == [0]


def test_a_query_removed_while_it_runs_is_dropped_from_the_result() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    queries.begin_update()

    removed = modify(queries, Remove(query_id=0))
    first = queries.finish_update({0: result(b"1"), 1: result(b"2")})
    second = (queries.begin_update(), queries.finish_update({}))

    assert removed == [0]
    assert (first.version, first.removed) == (1, [])
    assert [query_id for query_id, _ in first.updated] == [1]
    assert second[0] == {}
    assert (second[1].version, second[1].removed, second[1].updated) == (2, [0], [])


def test_a_removed_query_needs_no_result() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    queries.begin_update()
    modify(queries, Remove(query_id=0))

    assert queries.finish_update({}).updated == []


def test_an_id_added_again_does_not_get_the_result_of_its_predecessor() -> None:
    queries = QuerySet()
    modify(queries, add(0, "m:old"))
    queries.begin_update()

    modify(queries, Remove(query_id=0), add(0, "m:new"))
    first = queries.finish_update({0: result(b'"old"')})
    again = queries.begin_update()
    second = queries.finish_update({0: result(b'"old"')})

    assert first.updated == []
    assert again[0].path == "m:new"
    assert second.removed == [0]
    assert [query_id for query_id, _ in second.updated] == [0]


def test_a_query_added_while_an_update_runs_belongs_to_the_next() -> None:
    queries = QuerySet()
    modify(queries, add(0))
    queries.begin_update()

    modify(queries, add(1))
    first = queries.finish_update({0: result(b"1")})

    assert first.version == 1
    assert list(queries.begin_update()) == [1]


def test_a_query_added_and_removed_at_once_is_not_evaluated() -> None:
    queries = QuerySet()

    removed = modify(queries, add(0), Remove(query_id=0))

    assert removed == [0]
    assert queries.begin_update() == {}
    assert queries.finish_update({}).removed == [0]


def test_a_step_without_modifications_is_a_change() -> None:
    queries = QuerySet()
    assert not queries.has_changes

    modify(queries)
    before = queries.has_changes
    evaluated(queries)

    assert (before, queries.has_changes) == (True, False)


def test_an_invalidation_of_an_unknown_query_is_no_news() -> None:
    queries = QuerySet()

    queries.invalidate(7)

    assert not queries.has_changes


def test_an_update_without_a_result_of_each_query_stays_in_progress() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    queries.begin_update()

    with pytest.raises(ProtocolError, match=r"\[1\] lack"):
        queries.finish_update({0: result(b"1", "lost")})

    finished = queries.finish_update({0: result(b"1"), 1: result(b"2"), 9: result(b"3")})
    assert [query_id for query_id, _ in finished.updated] == [0, 1]


def test_a_step_from_another_version_is_refused_as_fatal() -> None:
    queries = QuerySet()

    with pytest.raises(ProtocolError) as caught:
        queries.modify(ModifyQuerySet(base_version=3, new_version=4, modifications=()))

    assert caught.value.code == "BaseVersionMismatch"
    assert caught.value.message == "Base version 3 passed up doesn't match the current version 0"


@pytest.mark.parametrize(
    ("new_version", "modifications", "fault"),
    [
        (1, (), "Expected a query set version after 1, got 1"),
        (2, (add(0),), "Expected a new query id, got 0"),
        (2, (add(1), add(1)), "Expected a new query id, got 1"),
        (2, (Remove(query_id=1),), "Expected the id of a subscribed query, got 1"),
        (2, (Remove(query_id=0), Remove(query_id=0)), "Expected the id of a subscribed query"),
        (2, (add(1), Remove(query_id=1), Remove(query_id=1)), "Expected the id of a subscribed"),
    ],
)
def test_a_step_that_does_not_fit_changes_nothing(
    new_version: int, modifications: tuple[Add | Remove, ...], fault: str
) -> None:
    queries = QuerySet()
    modify(queries, add(0))
    evaluated(queries)

    with pytest.raises(ProtocolError, match=fault) as caught:
        queries.modify(
            ModifyQuerySet(base_version=1, new_version=new_version, modifications=modifications)
        )

    assert caught.value.code == "ProtocolError"
    assert not queries.has_changes
    assert modify(queries, Remove(query_id=0)) == [0]


def test_a_query_set_that_takes_too_much_memory_is_refused() -> None:
    queries = QuerySet()
    large = b"[" + b" " * (MAX_QUERY_SET_BYTES // 2) + b"]"
    modify(queries, add(0, args=large))

    with pytest.raises(OverloadedError, match="Expected queries of at most"):
        modify(queries, add(1, args=large))

    assert queries.version == 1
    modify(queries, Remove(query_id=0))
    modify(queries, add(1, args=large))


# An update that starts again


def test_queries_that_became_stale_join_an_update_that_starts_again() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1), add(2))
    evaluated(queries)
    queries.invalidate(0)
    queries.begin_update()

    queries.invalidate(1)
    again = queries.restart_update()
    update = queries.finish_update(dict.fromkeys(again, result(b"2")))

    assert list(again) == [0, 1]
    assert [query_id for query_id, _ in update.updated] == [0, 1]
    assert not queries.has_changes


def test_update_that_starts_again_leads_to_the_newest_version() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    queries.begin_update()

    modify(queries, Remove(query_id=0), add(2))
    again = queries.restart_update()
    update = queries.finish_update(dict.fromkeys(again, result(b"1")))

    assert list(again) == [1, 2]
    assert (update.version, update.removed) == (2, [0])
    assert not queries.has_changes


def test_stale_queries_can_be_looked_at_before_an_update_begins() -> None:
    queries = QuerySet()
    modify(queries, add(0), add(1))
    evaluated(queries)
    queries.invalidate(1)

    assert list(queries.stale_queries()) == [1]
    assert list(queries.begin_update()) == [1]
    assert queries.stale_queries() == {}
