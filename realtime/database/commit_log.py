"""The recent commits, as the index entries that they touched.

A run that kept an older snapshot registers its reads after newer commits were made; the log tells
which of those touch them. It reaches back to the oldest snapshot that anybody still holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from realtime.database.interval import IndexEntry, Interval
from realtime.database.timestamp import Timestamp


class Commit(NamedTuple):
    """One durable batch: its timestamp and the entries that came or went, before and after."""

    timestamp: Timestamp
    entries: tuple[IndexEntry, ...]


class CommitLog:
    """Commits in order of their timestamps; what lies behind the oldest reader is forgotten."""

    def __init__(self, oldest: Timestamp) -> None:
        self._commits: deque[Commit] = deque()
        self._forgotten = oldest
        """Commits up to this timestamp are not in the log."""

    def append(self, commit: Commit) -> None:
        """Add the newest commit."""
        assert not self._commits or self._commits[-1].timestamp < commit.timestamp
        self._commits.append(commit)

    def forget_until(self, timestamp: Timestamp) -> None:
        """Drop the commits at or before `timestamp`: no reader is older."""
        while self._commits and self._commits[0].timestamp <= timestamp:
            self._forgotten = self._commits.popleft().timestamp

    def touches(self, intervals: Iterable[Interval], after: Timestamp) -> bool:
        """Say whether a commit after `after` touched one of `intervals`."""
        assert after >= self._forgotten, "a reader outlived the commit log"
        newer = [commit for commit in self._commits if commit.timestamp > after]
        if not newer:
            return False
        by_index: dict[int, list[Interval]] = {}
        for interval in intervals:
            by_index.setdefault(interval.index_id, []).append(interval)
        return any(
            interval.contains(entry.key)
            for commit in newer
            for entry in commit.entries
            for interval in by_index.get(entry.index_id, ())
        )
