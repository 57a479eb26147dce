"""How long the answers of mutations are kept for re-sends, and when old ones go.

They go by age, and by size when they take more room than they may, the oldest first. Nobody waits
for that: a batch that commits anyway takes a small chunk along. A chunk may be twice what was
recorded since the last one, so what has become too much shrinks however many mutations come.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime.clock import Clock
from realtime.storage.persistence import Persistence
from realtime.storage.records import RequestRecord

_NS_PER_SECOND = 1_000_000_000
_DAY_SECONDS = 24 * 3600
_CHUNK_ROWS = 100
_CHUNK_BYTES = 1024 * 1024
_FACTOR = 2


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """For how long answers are kept, and in how much room."""

    seconds: int = 14 * _DAY_SECONDS
    size_bytes: int = 1024 * 1024 * 1024


class RequestRetention:
    """Counts what is recorded and deletes what is too old or too much."""

    def __init__(self, persistence: Persistence, clock: Clock, limits: RequestLimits) -> None:
        self._persistence = persistence
        self._clock = clock
        self._limits = limits
        # As if a chunk was due, so that a server that is often restarted deletes, too.
        self._recorded_rows = _CHUNK_ROWS
        self._recorded_bytes = 0

    def note(self, record: RequestRecord) -> None:
        """Take note of an answer that was recorded in the open transaction."""
        self._recorded_rows += 1
        self._recorded_bytes += record.size_bytes

    def prune_if_due(self) -> None:
        """Delete a chunk of old answers in the open transaction, if enough were recorded."""
        if self._recorded_rows < _CHUNK_ROWS and self._recorded_bytes < _CHUNK_BYTES:
            return
        oldest_ns = self._clock.now_ns() - self._limits.seconds * _NS_PER_SECOND
        self._persistence.prune_requests(
            oldest_ns,
            self._limits.size_bytes,
            limit=_FACTOR * max(self._recorded_rows, _CHUNK_ROWS),
            limit_bytes=_FACTOR * max(self._recorded_bytes, _CHUNK_BYTES),
        )
        self._recorded_rows = self._recorded_bytes = 0
