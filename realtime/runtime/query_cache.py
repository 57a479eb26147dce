"""The results of queries, each shared by everybody who asks the same.

An entry is the result of one run and is valid from the timestamp of that run until the first commit
that touches what the run read. Two calls are the same when path, canonical arguments and journal
are.

A run that did not look at who calls went the way that it would have gone for anybody, so its
result is everybody's. One that did look gets the identity into its key. Whether a query looks may
depend on what it reads, but while that is unchanged it depends on nothing else: at one timestamp a
key has a result for all, or results by identity, and not both.

The code is not in the key: a change of the app is a commit, which ends the validity of every entry.

A run that looked at the clock or at randomness is right for whoever has it, but gets old without
any commit: it serves new askers for five seconds at most.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from realtime.database.subscriptions import Subscription, SubscriptionManager, Token
from realtime.database.timestamp import Timestamp
from realtime.runtime.outcome import LiveClient, QueryResult

CacheKey = tuple[str, bytes, str | None, bytes | None]
"""Path, canonical arguments, journal; the identity that the run looked at, None if it did not."""

TIME_DEPENDENT_SECONDS = 5.0
SLOW_RUN_SECONDS = 0.010
REST_FACTOR = 4
_ENTRY_OVERHEAD_BYTES = 500
_ABSENT = object()


@dataclass(slots=True, eq=False)
class CacheEntry:
    """A result with the span in which it is valid, and who watches it.

    `invalidated_at` is None while it is valid; set by the commit that touches it.
    """

    key: CacheKey
    result: QueryResult
    computed_at: Timestamp
    fresh_until_seconds: float | None
    """End of use for new askers, on the monotonic clock; None for a result that does not age."""
    invalidated_at: Timestamp | None = None
    subscription: Subscription | None = None
    watchers: dict[tuple[LiveClient, int], None] = field(
        default_factory=dict[tuple[LiveClient, int], None]
    )

    def covers(self, timestamp: Timestamp) -> bool:
        """Say whether the result is right at `timestamp`."""
        return self.computed_at <= timestamp and (
            self.invalidated_at is None or timestamp < self.invalidated_at
        )

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        _, args, journal, identity = self.key
        key_bytes = len(args) + len(journal or "") + len(identity or b"")
        return len(self.result.modification) + key_bytes + _ENTRY_OVERHEAD_BYTES


class QueryCache:
    """One entry a key, the newest; unwatched ones are bounded by bytes, oldest use first.

    Watched ones are bounded by the limits of those who watch them.
    """

    def __init__(self, subscriptions: SubscriptionManager, capacity_bytes: int) -> None:
        self._subscriptions = subscriptions
        self._capacity_bytes = capacity_bytes
        self._entries: dict[CacheKey, CacheEntry] = {}
        self._by_identity: dict[CacheKey, int] = {}
        """How many entries each key for everybody has under the keys of identities."""
        self._unwatched: OrderedDict[CacheKey, CacheEntry] = OrderedDict()
        self._unwatched_bytes = 0
        self._stale: list[CacheEntry] = []
        self._rests: dict[CacheKey, float] = {}
        """When a slow query may run again; outlives its entry. A few: each has taken its time."""
        self._valid_from = Timestamp(0)
        """Results of earlier states were made by older code, and are valid for these alone."""
        self.now_timestamp = Timestamp(0)
        """The commit that is being published; set before subscriptions are invalidated."""

    def find(
        self, key: CacheKey, identity: bytes, timestamp: Timestamp, now_seconds: float
    ) -> CacheEntry | None:
        """Return an entry for everybody, or for this identity, that is right at `timestamp`."""
        entry = self._right_at(key, timestamp, now_seconds)
        if entry is None and key in self._by_identity:
            entry = self._right_at(for_identity(key, identity), timestamp, now_seconds)
        return entry

    def expected_key(self, key: CacheKey, identity: bytes) -> CacheKey:
        """Return the key that the next run of a query is expected to fill, judged by the last."""
        return for_identity(key, identity) if key in self._by_identity else key

    def _right_at(
        self, key: CacheKey, timestamp: Timestamp, now_seconds: float
    ) -> CacheEntry | None:
        entry = self._entries.get(key)
        if entry is None or not entry.covers(timestamp):
            return None
        if entry.fresh_until_seconds is not None and now_seconds > entry.fresh_until_seconds:
            return None
        if key in self._unwatched:
            self._unwatched.move_to_end(key)
        return entry

    @property
    def has_rests(self) -> bool:
        """Say whether a query may rest at all; almost always not."""
        return bool(self._rests)

    def rest_until(self, key: CacheKey, identity: bytes) -> float:
        """Return when the query may be run again (monotonic seconds); 0 for one that is fast.

        A slow one rests for a multiple of its run, so that its share of the time is bounded.
        """
        rests = self._rests
        return max(rests.get(key, 0.0), rests.get(for_identity(key, identity), 0.0))

    def insert(
        self,
        key: CacheKey,
        result: QueryResult,
        token: Token,
        *,
        is_time_dependent: bool,
        run_seconds: float,
        now_seconds: float,
    ) -> CacheEntry:
        """Keep a new result and watch what it was read from.

        The same bytes as before become the same object, so that whoever holds the old result sees
        that nothing has changed. A result that is older than the one kept, or that older code made,
        is not watched, and so counts as stale: nobody would let go of it.
        """
        previous = self._entries.get(key)
        if previous is not None and previous.result.modification == result.modification:
            result = previous.result
        if self._rests or run_seconds >= SLOW_RUN_SECONDS:
            self._note_rest(key, run_seconds, now_seconds)
        entry = CacheEntry(
            key,
            result,
            token.timestamp,
            now_seconds + TIME_DEPENDENT_SECONDS if is_time_dependent else None,
        )
        is_older = previous is not None and previous.computed_at > entry.computed_at
        if is_older or entry.computed_at < self._valid_from:
            entry.invalidated_at = Timestamp(token.timestamp + 1)
            return entry
        entry.subscription = self._subscriptions.subscribe(token, lambda: self._invalidate(entry))
        if entry.subscription is None:
            entry.invalidated_at = Timestamp(token.timestamp + 1)
        self._replace(key, previous, entry)
        return entry

    def watch(self, entry: CacheEntry, client: LiveClient, query_id: int) -> None:
        """Tell `client` when the entry stops being valid."""
        if not entry.watchers:
            self._forget_unwatched(entry)
        entry.watchers[client, query_id] = None

    def unwatch(self, entry: CacheEntry, client: LiveClient, query_id: int) -> None:
        """Take that back; an entry that nobody needs any more goes."""
        if entry.watchers.pop((client, query_id), _ABSENT) is _ABSENT or entry.watchers:
            return
        if self._entries.get(entry.key) is entry and entry.invalidated_at is None:
            self._remember_unwatched(entry)
        else:
            self._drop(entry)

    def invalidate_all(self) -> None:
        """End every entry with the commit that is being published: other code runs from there."""
        self._valid_from = self.now_timestamp
        self._rests.clear()
        for entry in list(self._entries.values()):
            if entry.subscription is not None:
                self._subscriptions.unsubscribe(entry.subscription)
                self._invalidate(entry)

    def take_stale(self) -> list[CacheEntry]:
        """Return the watched entries invalidated since the last call; the others go."""
        stale, self._stale = self._stale, []
        for entry in stale:
            if not entry.watchers:
                self._drop(entry)
        return [entry for entry in stale if entry.watchers]

    def _note_rest(self, key: CacheKey, run_seconds: float, now_seconds: float) -> None:
        self._rests = {key: until for key, until in self._rests.items() if until > now_seconds}
        if run_seconds >= SLOW_RUN_SECONDS:
            self._rests[key] = now_seconds + REST_FACTOR * run_seconds

    def _invalidate(self, entry: CacheEntry) -> None:
        entry.invalidated_at = self.now_timestamp
        entry.subscription = None
        self._stale.append(entry)

    def _replace(self, key: CacheKey, previous: CacheEntry | None, entry: CacheEntry) -> None:
        if previous is not None and not previous.watchers:
            self._drop(previous)
        if key[3] is not None and key not in self._entries:
            everybody = for_everybody(key)
            self._by_identity[everybody] = self._by_identity.get(everybody, 0) + 1
        self._entries[key] = entry
        self._remember_unwatched(entry)

    def _remember_unwatched(self, entry: CacheEntry) -> None:
        """Keep an entry for whoever asks next, at the cost of the oldest ones."""
        self._unwatched[entry.key] = entry
        self._unwatched_bytes += entry.size_bytes
        while self._unwatched_bytes > self._capacity_bytes and len(self._unwatched) > 1:
            self._drop(next(iter(self._unwatched.values())))

    def _forget_unwatched(self, entry: CacheEntry) -> None:
        if self._unwatched.get(entry.key) is entry:
            del self._unwatched[entry.key]
            self._unwatched_bytes -= entry.size_bytes

    def _drop(self, entry: CacheEntry) -> None:
        """Let go of an entry that nobody watches."""
        self._forget_unwatched(entry)
        if self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
            self._forget_identity(entry.key)
        if entry.subscription is not None:
            self._subscriptions.unsubscribe(entry.subscription)
            entry.subscription = None
            if entry.invalidated_at is None:
                entry.invalidated_at = Timestamp(entry.computed_at + 1)

    def _forget_identity(self, key: CacheKey) -> None:
        if key[3] is None:
            return
        everybody = for_everybody(key)
        self._by_identity[everybody] -= 1
        if not self._by_identity[everybody]:
            del self._by_identity[everybody]


def for_everybody(key: CacheKey) -> CacheKey:
    """Return the key of the same call by whomever."""
    return (*key[:3], None)


def for_identity(key: CacheKey, identity: bytes) -> CacheKey:
    """Return the key of the same call by one identity."""
    return (*key[:3], identity)
