"""Sessions take turns, each in its own order, and what waits is bounded."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from realtime.errors import OverloadedError
from realtime.runtime.session_queue import MAX_WAITING, MAX_WAITING_PER_SESSION, SessionQueue


def queue_of(*items: tuple[str, str]) -> SessionQueue[str]:
    queue: SessionQueue[str] = SessionQueue("mutations", "TooManyConcurrentMutations")
    for session, item in items:
        queue.append(session, item)
    return queue


def taken(queue: SessionQueue[str]) -> list[str]:
    return list(iter(queue.pop, None))


def filled(sessions: Iterable[int], per_session: int) -> SessionQueue[str]:
    return queue_of(*((str(session), "x") for session in sessions for _ in range(per_session)))


def test_sessions_take_turns_each_in_its_own_order() -> None:
    queue = queue_of(("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("c", "c2"))

    assert taken(queue) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert len(queue) == 0


def test_session_that_comes_later_waits_for_one_item_of_each_other() -> None:
    queue = queue_of(("a", "a1"), ("a", "a2"), ("a", "a3"))
    first = queue.pop()
    queue.append("b", "b1")

    assert [first, *taken(queue)] == ["a1", "a2", "b1", "a3"]


def test_items_of_a_session_that_is_dropped_are_given_back_in_order() -> None:
    queue = queue_of(("a", "a1"), ("b", "b1"), ("a", "a2"))

    dropped = queue.drop("a")

    assert (dropped, queue.drop("a"), len(queue)) == (["a1", "a2"], [], 1)
    assert taken(queue) == ["b1"]


def test_all_items_are_given_back_session_by_session() -> None:
    queue = queue_of(("a", "a1"), ("b", "b1"), ("a", "a2"))

    assert (queue.drop_all(), len(queue)) == (["a1", "a2", "b1"], 0)


def test_session_may_have_a_thousand_waiting_and_not_keep_others_out() -> None:
    queue = filled([1], MAX_WAITING_PER_SESSION)

    with pytest.raises(OverloadedError) as refusal:
        queue.append("1", "x")
    queue.append("2", "y")

    assert refusal.value.code == "TooManyConcurrentMutations"
    assert "limit: 1000 a client, 10000 in all" in refusal.value.message
    assert len(queue) == MAX_WAITING_PER_SESSION + 1


def test_ten_thousand_may_wait_in_all() -> None:
    queue = filled(range(10), MAX_WAITING_PER_SESSION)

    with pytest.raises(OverloadedError):
        queue.append("another", "x")
    queue.pop()
    queue.append("another", "x")

    assert len(queue) == MAX_WAITING
