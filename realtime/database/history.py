"""The recent past: what documents were before the latest commits.

A query at an earlier timestamp (contract 2.2, 11.29) reads the newest state and takes back what was
committed since. So each batch leaves here one before-image of every document that it touched, and
nothing else: the images are the objects that the batch held anyway, and a mutation pays for a
place in a dictionary. Kept are the batches of the last 60 seconds, fewer if their images come to
64 MiB; whoever asks for more gets `OutOfRetentionError`.

A batch is one step: no snapshot was ever taken inside it. A timestamp after the end of one batch
and up to the end of the next reads as the latter.

Rejected: pinned readers of the file (each keeps the write-ahead log from being begun anew), and
versions in the file (every write would pay for reads that are rare).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from realtime.database.interval import IndexEntry
from realtime.database.record import Record
from realtime.database.timestamp import Timestamp
from realtime.database.write_set import PendingDocument
from realtime.errors import OutOfRetentionError, ValidationError

RETENTION_SECONDS: Final = 60
RETENTION_BYTES: Final = 64 * 2**20
_IMAGE_OVERHEAD_BYTES: Final = 300
"""What an image costs beside its document and keys: objects, and a place in a dictionary."""
_ENTRY_OVERHEAD_BYTES: Final = 150
_NS_PER_SECOND: Final = 1_000_000_000


class BeforeImage(NamedTuple):
    """A document as it was, with its index entries; None and no entries where there was none."""

    record: Record | None
    entries: tuple[IndexEntry, ...]


BeforeImages: TypeAlias = Mapping[int, BeforeImage]
"""Documents as they were, by locator."""

_ABSENT: Final = BeforeImage(None, ())


class _Batch(NamedTuple):
    """What one batch has changed, and where the one before it ended."""

    previous_timestamp: Timestamp
    timestamp: Timestamp
    images: dict[int, BeforeImage]
    size_bytes: int


class History:
    """The before-images of recent batches, oldest first; bounded by age and bytes."""

    def __init__(
        self,
        timestamp: Timestamp,
        *,
        retention_seconds: float = RETENTION_SECONDS,
        retention_bytes: int = RETENTION_BYTES,
    ) -> None:
        """Begin at the newest durable timestamp; nothing before it can be read."""
        self._batches: deque[_Batch] = deque()
        self._retention_ns = int(retention_seconds * _NS_PER_SECOND)
        self._retention_bytes = retention_bytes
        self.oldest_timestamp = timestamp
        """The oldest timestamp that can be read."""
        self.newest_timestamp = timestamp
        self.size_bytes = 0

    def append(self, timestamp: Timestamp, documents: Iterable[PendingDocument]) -> None:
        """Keep what a batch has changed, its documents in order of writing. Only for Advance."""
        images: dict[int, BeforeImage] = {}
        size_bytes = _IMAGE_OVERHEAD_BYTES
        for pending in documents:
            before, entries = pending.before, pending.before_entries
            record = before or pending.after
            if record is None or record.locator in images:
                continue
            size_bytes += _IMAGE_OVERHEAD_BYTES
            if before is None:
                images[record.locator] = _ABSENT
                continue
            size_bytes += len(before.document)
            size_bytes += sum(_ENTRY_OVERHEAD_BYTES + len(entry.key) for entry in entries)
            # Its decoded value would cost a multiple of the bytes that are counted.
            images[record.locator] = BeforeImage(Record(before.locator, before.document), entries)
        self._batches.append(_Batch(self.newest_timestamp, timestamp, images, size_bytes))
        self.newest_timestamp = timestamp
        self.size_bytes += size_bytes
        self.forget_old(timestamp)

    def forget_old(self, now_ns: int) -> None:
        """Drop the batches that are older than the retention, and the oldest beyond the bytes."""
        batches, oldest_ns = self._batches, now_ns - self._retention_ns
        while batches and (
            batches[0].timestamp < oldest_ns or self.size_bytes > self._retention_bytes
        ):
            self._forget_first()

    def forget_all(self) -> None:
        """Drop everything: the indexes have changed, and older states have no keys in the new."""
        while self._batches:
            self._forget_first()

    def images_since(self, timestamp: int, until: Timestamp) -> BeforeImages:
        """Return what is to be laid over the state at `until` to get that at `timestamp`.

        Raises:
            OutOfRetentionError: it is too long ago.
            ValidationError: it is in the future, of which nothing is known.
        """
        if timestamp > self.newest_timestamp:
            raise ValidationError(
                f"Expected a timestamp up to the newest one, {self.newest_timestamp}, got "
                f"{timestamp}, which is in the future of this server. Use a timestamp that this "
                "server has given out",
                code="TimestampInFuture",
            )
        if timestamp < self.oldest_timestamp:
            raise OutOfRetentionError(
                f"Expected a timestamp from {self.oldest_timestamp} on, got {timestamp}: only the "
                f"last {self._retention_ns // _NS_PER_SECOND} seconds can be read. Ask for a new "
                "timestamp and start over"
            )
        images: dict[int, BeforeImage] = {}
        # From new to old, so that the image from before the first change stays.
        for batch in reversed(self._batches):
            if timestamp > batch.previous_timestamp:
                break
            if batch.timestamp <= until:
                images.update(batch.images)
        return images

    def _forget_first(self) -> None:
        batch = self._batches.popleft()
        self.size_bytes -= batch.size_bytes
        self.oldest_timestamp = batch.timestamp
