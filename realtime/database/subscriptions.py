"""Who must hear of which write.

A subscription waits for a write into any of its intervals. Finding the ones that a commit wakes
must not depend on how many are waiting: each interval stands under its equality prefix in a hash
table, and a written key asks once per length at which one of its fields ends. Only the few
intervals of the same prefix are compared with the key.

Rejected: one interval tree per index (a logarithm, but in Python far slower than a hash), and a
scan over all (516 µs a write at 10 000 subscriptions, measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from realtime.database.commit_log import CommitLog
from realtime.database.interval import IndexEntry, Interval
from realtime.database.timestamp import Timestamp


class Token:
    """What a run has read and when: all that leaves a run of its reads.

    The holder can give it back to the `SubscriptionManager`, and do nothing else with it.
    """

    __slots__ = ("_intervals", "timestamp")

    def __init__(self, intervals: tuple[Interval, ...], timestamp: Timestamp) -> None:
        self._intervals = intervals
        self.timestamp = timestamp

    def intervals(self) -> tuple[Interval, ...]:
        """Return the intervals; for `database/` alone."""
        return self._intervals


class Subscription:
    """A token that is being watched; ends by itself when it is invalidated."""

    __slots__ = ("is_open", "on_invalidated", "token")

    def __init__(self, token: Token, on_invalidated: Callable[[], None]) -> None:
        self.token = token
        self.on_invalidated = on_invalidated
        self.is_open = True


class SubscriptionManager:
    """The index of all open subscriptions by the keys that would invalidate them."""

    def __init__(self, commit_log: CommitLog) -> None:
        self._commit_log = commit_log
        self._buckets: dict[tuple[int, bytes], dict[Subscription, list[Interval]]] = {}
        self.count = 0

    def subscribe(self, token: Token, on_invalidated: Callable[[], None]) -> Subscription | None:
        """Watch a token; None if a commit after its timestamp has invalidated it already.

        The check of the commit log and the registration are one step, so no commit falls between.
        `on_invalidated` is called once, by Advance; it must not raise and must not subscribe.
        """
        intervals = token.intervals()
        if self._commit_log.touches(intervals, token.timestamp):
            return None
        subscription = Subscription(token, on_invalidated)
        for interval in intervals:
            bucket = self._buckets.setdefault((interval.index_id, interval.prefix), {})
            bucket.setdefault(subscription, []).append(interval)
        self.count += 1
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop watching; does nothing if the subscription has ended."""
        if not subscription.is_open:
            return
        subscription.is_open = False
        self.count -= 1
        for interval in subscription.token.intervals():
            slot = (interval.index_id, interval.prefix)
            bucket = self._buckets.get(slot)
            if bucket is None:
                continue
            bucket.pop(subscription, None)
            if not bucket:
                del self._buckets[slot]

    def touched_by(self, entries: Iterable[IndexEntry]) -> list[Subscription]:
        """Return the subscriptions with an interval that holds one of `entries`, in no order."""
        found: dict[Subscription, None] = {}
        buckets = self._buckets
        for index_id, key, prefix_lengths in entries:
            for length in prefix_lengths:
                bucket = buckets.get((index_id, key[:length]))
                if bucket is None:
                    continue
                for subscription, intervals in bucket.items():
                    if any(interval.contains(key) for interval in intervals):
                        found[subscription] = None
        return list(found)

    def invalidate(self, entries: Iterable[IndexEntry]) -> int:
        """End every subscription that `entries` touch and tell its owner. Only for Advance."""
        touched = self.touched_by(entries)
        for subscription in touched:
            if subscription.is_open:  # the owner of another one may have ended it
                self.unsubscribe(subscription)
                subscription.on_invalidated()
        return len(touched)
