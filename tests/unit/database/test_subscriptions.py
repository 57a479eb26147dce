"""Who hears of which write, and when."""

from __future__ import annotations

import pytest

from realtime.database.commit_log import Commit, CommitLog
from realtime.database.interval import IndexEntry, Interval
from realtime.database.subscriptions import Subscription, SubscriptionManager, Token
from realtime.database.timestamp import Timestamp
from realtime.values.index_key import key_successor, prefix_end
from tests.unit.database.small_database import entry

INDEX = 4


def prefix(*fields: object) -> Interval:
    """All keys that begin with `fields`."""
    key = entry(INDEX, *fields).key
    return Interval(INDEX, key, key, prefix_end(key))


def point(*fields: object) -> Interval:
    key = entry(INDEX, *fields).key
    return Interval(INDEX, key, key, key_successor(key))


class Watch:
    """One subscription and how often it was told."""

    def __init__(self, manager: SubscriptionManager, *intervals: Interval, at: int = 0) -> None:
        self.calls = 0
        self.subscription = manager.subscribe(Token(intervals, Timestamp(at)), self._count)

    def _count(self) -> None:
        self.calls += 1

    @property
    def opened(self) -> Subscription:
        assert self.subscription is not None
        return self.subscription


def new_manager(*commits: Commit) -> SubscriptionManager:
    log = CommitLog(Timestamp(0))
    for commit in commits:
        log.append(commit)
    return SubscriptionManager(log)


@pytest.mark.parametrize(
    ("read", "is_woken"),
    [
        (prefix(), True),
        (prefix("s"), True),
        (prefix("s", 1.0), True),
        (prefix("s", 1.0, "id"), True),
        (point("s", 1.0, "id"), True),
        (prefix("t"), False),
        (prefix("s", 2.0), False),
        (point("s", 1.0), False),
        (point("s", 1.0, "ie"), False),
    ],
)
def test_write_wakes_the_reads_that_hold_its_key(read: Interval, is_woken: bool) -> None:
    manager = new_manager()
    watch = Watch(manager, read)

    count = manager.invalidate([entry(INDEX, "s", 1.0, "id")])

    assert count == watch.calls == int(is_woken)


def test_bounds_count_behind_an_equal_prefix() -> None:
    manager = new_manager()
    start, end = entry(INDEX, "s", 2.0).key, entry(INDEX, "s", 4.0).key
    watch = Watch(manager, Interval(INDEX, entry(INDEX, "s").key, start, end))

    for number in (1.0, 4.0, 5.0):
        assert manager.touched_by([entry(INDEX, "s", number)]) == []
    for number in (2.0, 3.0):
        assert manager.touched_by([entry(INDEX, "s", number)]) == [watch.subscription]


def test_write_in_another_index_wakes_nobody() -> None:
    manager = new_manager()
    watch = Watch(manager, prefix())

    manager.invalidate([IndexEntry(INDEX + 1, b"", (0,))])

    assert watch.calls == 0


def test_write_that_touches_several_reads_of_one_run_wakes_it_once() -> None:
    manager = new_manager()
    watch = Watch(manager, prefix(), prefix("s"), point("s", 1.0))

    count = manager.invalidate([entry(INDEX, "s", 1.0), entry(INDEX, "s", 2.0)])

    assert count == watch.calls == 1


def test_subscription_ends_when_it_is_invalidated() -> None:
    manager = new_manager()
    watch = Watch(manager, prefix("s"))

    manager.invalidate([entry(INDEX, "s")])
    manager.invalidate([entry(INDEX, "s")])

    assert watch.calls == 1
    assert not watch.opened.is_open
    assert manager.count == 0


def test_other_subscriptions_of_the_same_prefix_stay() -> None:
    manager = new_manager()
    touched, untouched = Watch(manager, point("s", 1.0)), Watch(manager, prefix("s", 1.0, "x"))
    same_bucket = Watch(manager, Interval(INDEX, entry(INDEX, "s", 1.0).key, b"\xff", None))

    manager.invalidate([entry(INDEX, "s", 1.0)])

    assert (touched.calls, untouched.calls, same_bucket.calls) == (1, 0, 0)
    assert manager.count == 2


def test_unsubscribed_read_is_not_woken() -> None:
    manager = new_manager()
    watch = Watch(manager, prefix("s"), prefix("t"))

    manager.unsubscribe(watch.opened)
    manager.unsubscribe(watch.opened)
    manager.invalidate([entry(INDEX, "s"), entry(INDEX, "t")])

    assert watch.calls == 0
    assert manager.count == 0


def test_read_with_the_same_prefix_twice_can_be_unsubscribed() -> None:
    manager = new_manager()
    watch = Watch(manager, point("s"), prefix("s"))

    manager.unsubscribe(watch.opened)

    assert manager.touched_by([entry(INDEX, "s")]) == []


def test_subscription_that_another_callback_ended_is_not_told() -> None:
    manager = new_manager()
    watches: list[Subscription] = []
    calls: list[str] = []

    def end_all(name: str) -> None:
        calls.append(name)
        for subscription in watches:
            manager.unsubscribe(subscription)

    for name in ("a", "b"):
        token = Token((prefix("s"),), Timestamp(0))
        subscription = manager.subscribe(token, lambda name=name: end_all(name))
        assert subscription is not None
        watches.append(subscription)

    manager.invalidate([entry(INDEX, "s")])

    assert len(calls) == 1
    assert manager.count == 0


# Registration against the commit log


def test_read_that_a_later_commit_touched_is_not_registered() -> None:
    manager = new_manager(Commit(Timestamp(5), (entry(INDEX, "s"),)))

    watch = Watch(manager, prefix("s"), at=4)

    assert watch.subscription is None
    assert watch.calls == 0
    assert manager.count == 0


def test_read_that_saw_the_commit_is_registered() -> None:
    manager = new_manager(Commit(Timestamp(5), (entry(INDEX, "s"),)))

    watch = Watch(manager, prefix("s"), at=5)

    assert watch.opened.is_open
    assert manager.count == 1


def test_read_of_nothing_is_registered_and_never_woken() -> None:
    manager = new_manager(Commit(Timestamp(5), (entry(INDEX, "s"),)))

    watch = Watch(manager, at=4)
    manager.invalidate([entry(INDEX, "s")])

    assert watch.calls == 0
    assert manager.count == 1
