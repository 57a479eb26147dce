"""Reading documents as they were a moment ago.

The newest state with the before-images of later commits laid over it: a stored row of a document
that was written since is passed over, and its image stands where its own key was. The hot cache is
left alone, as it may move on while the snapshot must not.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter

from realtime.database.catalog import BY_ID, IndexInfo
from realtime.database.history import BeforeImages
from realtime.database.interval import Interval
from realtime.database.record import Record
from realtime.database.snapshot import Keyed, Snapshot
from realtime.storage.persistence import Reader
from realtime.values.index_key import key_successor

_key = itemgetter(0)


class PastSnapshot(Snapshot):
    """The state at an earlier timestamp than that of its reader."""

    def __init__(self, reader: Reader, images: BeforeImages) -> None:
        """Read through `reader`; `images` are of all documents that were written since."""
        super().__init__(reader)
        self._images = images
        self._sorted_images: dict[int, list[Keyed]] = {}

    def get(self, key: bytes) -> Record | None:
        """Return the document with this key in the index by id, or None."""
        images = self._images_within(BY_ID, key, key_successor(key))
        if images:
            return images[0][1]
        record = super().get(key)
        return None if record is None or record.locator in self._images else record

    def scan(
        self,
        index: IndexInfo,
        interval: Interval,
        lower: bytes,
        upper: bytes | None,
        *,
        descending: bool,
        limit: int,
    ) -> list[Keyed]:
        """Return at most `limit` rows of `lower <= key < upper`, as `Snapshot.scan`.

        The storage is read on until enough rows are left of what it gives.
        """
        rows: list[Keyed] = []
        while True:
            stored = super().scan(index, interval, lower, upper, descending=descending, limit=limit)
            is_end = len(stored) < limit
            # The part of the range that was read, and what is left of it.
            part_lower, part_upper = lower, upper
            if not is_end and descending:
                part_lower = upper = stored[-1][0]
            elif not is_end:
                part_upper = lower = key_successor(stored[-1][0])
            part = [row for row in stored if row[1].locator not in self._images]
            part += self._images_within(index.index_id, part_lower, part_upper)
            rows += sorted(part, key=_key, reverse=descending)
            if is_end or len(rows) >= limit:
                return rows[:limit]

    def _images_within(self, index_id: int, lower: bytes, upper: bytes | None) -> list[Keyed]:
        """Return the images with `lower <= key < upper`, by key."""
        images = self._sorted_images.get(index_id)
        if images is None:
            images = self._sorted_images[index_id] = self._sort_images(index_id)
        start = bisect_left(images, lower, key=_key)
        end = len(images) if upper is None else bisect_left(images, upper, key=_key)
        return images[start:end]

    def _sort_images(self, index_id: int) -> list[Keyed]:
        keyed = [
            (entry.key, image.record)
            for image in self._images.values()
            if image.record is not None
            for entry in image.entries
            if entry.index_id == index_id
        ]
        return sorted(keyed, key=_key)
