"""The database: what is durable, who reads which state, and the one step that moves it on.

`advance` is the only place that assigns `durable`, the generations and what the caches hold. It is
one synchronous step on the event loop: no await, no logging, no user code. Before it nothing of a
batch is visible to anybody outside it; after it everything is, and every result that the batch
touched is known to be stale. An exception inside it leaves the parts in disagreement, so it is
fatal: the server fences itself, and a restart recovers from the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from realtime.clock import Clock
from realtime.database.allocator import Allocator
from realtime.database.catalog import Catalog
from realtime.database.commit_log import Commit, CommitLog
from realtime.database.committer import Batch, Committer
from realtime.database.generations import Generations, HoldLimits, SharedGeneration
from realtime.database.history import RETENTION_BYTES, History
from realtime.database.hot_cache import HotCache
from realtime.database.limits import TransactionLimits
from realtime.database.past_snapshot import PastSnapshot
from realtime.database.request_retention import RequestLimits
from realtime.database.schema_start import open_catalog
from realtime.database.snapshot import Snapshot
from realtime.database.subscriptions import SubscriptionManager
from realtime.database.timestamp import Timestamp
from realtime.database.transaction import Transaction
from realtime.schema.schema import Schema
from realtime.storage.persistence import Persistence

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """The limits of transactions, holds and stored answers, of scans and of the hot cache."""

    transaction: TransactionLimits = field(default_factory=TransactionLimits)
    hold: HoldLimits = field(default_factory=HoldLimits)
    requests: RequestLimits = field(default_factory=RequestLimits)
    scan_chunk: int = 256
    """Rows that a scan reads before it lets the loop turn."""
    hot_cache_bytes: int = 16 * 1024 * 1024
    history_bytes: int = RETENTION_BYTES
    """For what documents were before the commits of the last minute."""


class Database:
    """Documents, commits and subscriptions over one open storage; lives on the event loop."""

    def __init__(
        self, persistence: Persistence, schema: Schema, clock: Clock, limits: DatabaseLimits
    ) -> None:
        """Recover from the storage; DefinitionError if the schema does not fit what is stored."""
        self.limits = limits
        self._persistence = persistence
        self._clock = clock
        recovered = open_catalog(persistence, schema, clock)
        self.catalog: Catalog = recovered.catalog
        self.secret: bytes = recovered.secret
        """Made with the file and kept in it: keys that are derived from it outlive a restart."""
        self.durable: Timestamp = recovered.timestamp
        """The newest timestamp that is on disk; changed by `advance` alone."""
        self.allocator = Allocator(clock, recovered.creation_time, recovered.locator)
        self.committer = Committer(
            persistence, clock, recovered.timestamp, recovered.checksum, limits.requests
        )
        self.generations = Generations(persistence, limits.hold)
        self.generations.open(self.durable, self.catalog)
        self.hot_cache = HotCache(limits.hot_cache_bytes)
        self.commit_log = CommitLog(self.durable)
        self.history = History(self.durable, retention_bytes=limits.history_bytes)
        self.subscriptions = SubscriptionManager(self.commit_log)

    def begin_query(self, generation: SharedGeneration) -> Transaction:
        """Return a transaction that reads a generation and can't write."""
        snapshot = Snapshot(
            generation.reader, self.hot_cache, lambda: self.generations.current is generation
        )
        return Transaction(
            snapshot,
            generation.catalog,
            generation.timestamp,
            limits=self.limits.transaction,
        )

    def begin_past_query(self, generation: SharedGeneration, timestamp: int) -> Transaction:
        """Return a transaction that reads the state at `timestamp`, not after `generation`.

        Raises:
            OutOfRetentionError: that state is gone.
            ValidationError: the timestamp is in the future.
        """
        self.history.forget_old(self._clock.now_ns())
        images = self.history.images_since(timestamp, generation.timestamp)
        return Transaction(
            PastSnapshot(generation.reader, images),
            generation.catalog,
            Timestamp(timestamp),
            limits=self.limits.transaction,
        )

    def begin_mutation(self, batch: Batch) -> Transaction:
        """Return a transaction inside the open batch; it sees its predecessors."""
        return Transaction(
            Snapshot(self._persistence.engine),
            batch.catalog,
            self.durable,
            limits=self.limits.transaction,
            allocator=self.allocator,
            begin_ms=self._clock.now_ns() / _NS_PER_MS,
        )

    def advance(self, batch: Batch, timestamp: Timestamp) -> None:
        """Make a durable batch visible, in one step."""
        self.generations.advance(timestamp, batch.catalog, self._clock.monotonic_seconds())
        for pending in batch.documents:
            after = pending.after_entries
            gone = [entry for entry in pending.before_entries if entry not in after]
            self.hot_cache.apply(gone, pending.after_entries, pending.after)
        self.history.append(timestamp, batch.documents)
        if batch.catalog is not self.catalog and not batch.catalog.keeps_indexes_of(self.catalog):
            self.history.forget_all()
        self.commit_log.append(Commit(timestamp, tuple(batch.entries)))
        self.commit_log.forget_until(self.generations.oldest_timestamp())
        self.durable = timestamp
        self.catalog = batch.catalog
        self.subscriptions.invalidate(batch.entries)

    def close(self) -> None:
        """Give all readers back."""
        self.generations.close()
