"""The readers: one pinned at the newest durable commit, a few kept at older ones.

A generation is a reader connection pinned at one timestamp. A run that finishes within its turn
uses the current one and needs no more. Whoever must keep its snapshot while the loop turns takes a
*hold*. At most three different generations are held at a time, users of one share it, so of a pool
of five there is always one free for the next commit.

A held generation keeps the write-ahead log from being begun anew, and holds that overlap without a
gap would let it grow for ever. So a hold ends after a time, and when the log has reached its limit
all holds end at once and none is given until the log has been moved into the file
(`Persistence.checkpoint` tells the order). The run behind an ended hold is repeated by its owner,
without suspending.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime.database.catalog import Catalog
from realtime.database.timestamp import Timestamp
from realtime.errors import UnavailableError
from realtime.storage.persistence import Generation, Persistence

MAX_HELD_GENERATIONS = 3


@dataclass(frozen=True, slots=True)
class HoldLimits:
    """How long a suspended run may keep its snapshot, and at which size of the log all holds end.

    The size leaves room below 64 MiB for the batch that is being written.
    """

    seconds: float = 15.0
    wal_bytes: int = 48 * 1024 * 1024


class SharedGeneration:
    """A pinned reader and its catalog, with the number of those who keep it across turns."""

    __slots__ = ("catalog", "held_since", "holders", "is_closed", "reader", "timestamp")

    def __init__(self, reader: Generation, timestamp: Timestamp, catalog: Catalog) -> None:
        self.reader = reader
        self.timestamp = timestamp
        self.catalog = catalog
        self.holders = 0
        self.held_since = 0.0
        self.is_closed = False

    def close(self) -> None:
        """Give the reader back; further reads are not allowed."""
        if not self.is_closed:
            self.is_closed = True
            self.reader.close()


class Generations:
    """The current generation and the held ones."""

    def __init__(self, persistence: Persistence, limits: HoldLimits) -> None:
        self._persistence = persistence
        self._limits = limits
        self._held: list[SharedGeneration] = []
        self._gives_holds = True
        self.current: SharedGeneration

    def open(self, timestamp: Timestamp, catalog: Catalog) -> None:
        """Pin the first generation."""
        self.current = self._pin(timestamp, catalog)

    def advance(self, timestamp: Timestamp, catalog: Catalog, now_seconds: float) -> None:
        """Pin the newest commit and make it current. Only for Advance."""
        previous = self.current
        self.current = self._pin(timestamp, catalog)
        if not previous.holders:
            previous.close()
        self.expire(now_seconds)

    def try_hold(self, generation: SharedGeneration, now_seconds: float) -> bool:
        """Keep `generation` across turns; False when too many are held already."""
        if not self._gives_holds or generation.is_closed:
            return False
        if not generation.holders:
            if len(self._held) >= MAX_HELD_GENERATIONS:
                return False
            self._held.append(generation)
            generation.held_since = now_seconds
        generation.holders += 1
        return True

    def release(self, generation: SharedGeneration) -> None:
        """End one hold."""
        assert generation.holders > 0
        generation.holders -= 1
        if not generation.holders:
            if generation in self._held:
                self._held.remove(generation)
            if generation is not self.current:
                generation.close()  # does nothing if the hold was ended from outside

    def expire(self, now_seconds: float) -> None:
        """Close the held generations that have been kept too long; their runs are repeated."""
        for generation in list(self._held):
            too_old = now_seconds - generation.held_since > self._limits.seconds
            if too_old and generation is not self.current:
                self._held.remove(generation)
                generation.close()

    def make_way_for_checkpoint(self, wal_bytes: int) -> None:
        """Before a checkpoint: end all holds if the log is at its limit, and give no new ones."""
        self._gives_holds = False
        if wal_bytes >= self._limits.wal_bytes:
            for generation in self._held:
                if generation is not self.current:
                    generation.close()
            if self.current in self._held:
                previous = self.current
                self.current = self._pin(previous.timestamp, previous.catalog)
                previous.close()
            self._held.clear()

    def resume_after_checkpoint(self, *, is_complete: bool) -> None:
        """After a checkpoint: pin anew if it was complete, and give holds again."""
        self._gives_holds = True
        if is_complete and not self.current.holders:
            previous = self.current
            self.current = self._pin(previous.timestamp, previous.catalog)
            previous.close()

    def oldest_timestamp(self) -> Timestamp:
        """Return the timestamp of the oldest snapshot in use."""
        return min([self.current.timestamp, *(g.timestamp for g in self._held)])

    def close(self) -> None:
        """Close all."""
        for generation in (self.current, *self._held):
            generation.close()
        self._held.clear()

    def _pin(self, timestamp: Timestamp, catalog: Catalog) -> SharedGeneration:
        reader = self._persistence.open_generation(timestamp)
        if reader is None:
            raise UnavailableError("No reader connection is free for the newest commit")
        return SharedGeneration(reader, timestamp, catalog)
