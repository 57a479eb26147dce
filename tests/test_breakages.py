"""The list of breakages fits the source: each line to break is there once, each test exists.

Whether the tests notice is seen by `make breakages`, which takes a while.
"""

from __future__ import annotations

import pytest

from tests.breakages import BREAKAGES, ROOT, Breakage


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_line_to_break_is_there_once_and_its_tests_exist(breakage: Breakage) -> None:
    assert (ROOT / breakage.file).read_text().count(breakage.line) == 1
    assert breakage.line != breakage.wrong
    assert all((ROOT / path).exists() for path in breakage.tests.split())


def test_each_breakage_has_a_name_of_its_own() -> None:
    names = [breakage.name for breakage in BREAKAGES]

    assert len(set(names)) == len(names)
