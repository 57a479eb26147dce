"""Which reads the recent commits have touched."""

from __future__ import annotations

import pytest

from realtime.database.commit_log import Commit, CommitLog
from realtime.database.interval import Interval
from realtime.database.timestamp import Timestamp
from tests.unit.database.small_database import entry

INDEX = 4
READ = Interval(INDEX, b"", entry(INDEX, "b").key, entry(INDEX, "d").key)


def commit(timestamp: int, *texts: str, index_id: int = INDEX) -> Commit:
    return Commit(Timestamp(timestamp), tuple(entry(index_id, text) for text in texts))


def log_of(*commits: Commit, oldest: int = 0) -> CommitLog:
    log = CommitLog(Timestamp(oldest))
    for each in commits:
        log.append(each)
    return log


def test_empty_log_touches_nothing() -> None:
    assert not log_of().touches([READ], Timestamp(0))


def test_commit_inside_a_read_touches_it() -> None:
    assert log_of(commit(5, "a", "c")).touches([READ], Timestamp(4))


@pytest.mark.parametrize("text", ["a", "d", "e"])
def test_commit_outside_of_a_read_does_not_touch_it(text: str) -> None:
    assert not log_of(commit(5, text)).touches([READ], Timestamp(4))


def test_commit_in_another_index_does_not_touch_a_read() -> None:
    assert not log_of(commit(5, "c", index_id=INDEX + 1)).touches([READ], Timestamp(4))


def test_commit_that_the_reader_saw_does_not_count() -> None:
    log = log_of(commit(5, "c"), commit(6, "x"))

    assert log.touches([READ], Timestamp(4))
    assert not log.touches([READ], Timestamp(5))
    assert not log.touches([READ], Timestamp(6))


def test_each_of_several_reads_counts() -> None:
    other = Interval(INDEX + 1, b"", b"", None)
    log = log_of(commit(5, "c"))

    assert log.touches([other, READ], Timestamp(4))
    assert not log.touches([other], Timestamp(4))
    assert not log.touches([], Timestamp(4))


def test_newer_commits_stay_when_older_ones_are_forgotten() -> None:
    log = log_of(commit(5, "x"), commit(6, "c"))

    log.forget_until(Timestamp(5))

    assert log.touches([READ], Timestamp(5))


def test_reader_older_than_what_was_forgotten_is_a_mistake() -> None:
    log = log_of(commit(5, "c"), commit(6, "x"))
    log.forget_until(Timestamp(5))

    with pytest.raises(AssertionError):
        log.touches([READ], Timestamp(4))


def test_reader_from_before_the_first_commit_is_no_mistake() -> None:
    log = log_of(oldest=7)
    log.forget_until(Timestamp(7))

    assert not log.touches([READ], Timestamp(7))


def test_commits_must_come_in_order() -> None:
    log = log_of(commit(5, "c"))

    with pytest.raises(AssertionError):
        log.append(commit(5, "c"))
