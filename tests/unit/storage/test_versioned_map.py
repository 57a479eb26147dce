"""Versions are kept as long as a reader can see them, and no longer."""

from __future__ import annotations

from realtime.storage.versioned_map import VersionedMap


def test_reader_sees_the_newest_version_not_after_its_sequence() -> None:
    versioned_map: VersionedMap[str, int] = VersionedMap()
    versioned_map.put("a", 10, 1)
    versioned_map.put("a", None, 3)
    versioned_map.put("a", 40, 4)

    assert [versioned_map.get("a", sequence) for sequence in range(6)] == [
        None,
        10,
        10,
        None,
        40,
        40,
    ]


def test_undo_drops_the_last_sequence_only() -> None:
    versioned_map: VersionedMap[str, int] = VersionedMap()
    versioned_map.put("a", 1, 1)
    versioned_map.put("a", 2, 2)
    versioned_map.put("a", 3, 2)
    versioned_map.put("b", 4, 2)

    versioned_map.undo(2)

    assert list(versioned_map.items("", None, 9)) == [("a", 1)]
    versioned_map.put("b", 5, 2)
    assert list(versioned_map.items("", None, 9)) == [("a", 1), ("b", 5)]


def test_forgotten_versions_are_those_that_no_reader_left_can_see() -> None:
    versioned_map: VersionedMap[str, int] = VersionedMap()
    versioned_map.put("a", 1, 1)
    versioned_map.put("b", 1, 1)
    versioned_map.put("a", 2, 2)
    versioned_map.put("b", None, 2)
    versioned_map.put("a", 3, 3)
    assert versioned_map.version_count == 5

    versioned_map.forget_before(1)
    assert versioned_map.version_count == 5

    versioned_map.forget_before(2)
    assert versioned_map.version_count == 2
    assert list(versioned_map.items("", None, 2)) == [("a", 2)]
    assert list(versioned_map.items("", None, 3)) == [("a", 3)]


def test_key_deleted_and_written_again_is_kept() -> None:
    versioned_map: VersionedMap[str, int] = VersionedMap()
    versioned_map.put("a", 1, 1)
    versioned_map.put("a", None, 2)
    versioned_map.forget_before(2)
    versioned_map.put("a", 3, 3)
    versioned_map.forget_before(3)

    assert list(versioned_map.items("", None, 3)) == [("a", 3)]
    assert versioned_map.version_count == 1
