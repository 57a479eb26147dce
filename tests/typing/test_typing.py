"""Type checkers find the mistakes of an app's author, and nothing to object to in correct code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.type_checkers import CHECKERS, marked_lines

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_finds_each_mistake_and_nothing_else(checker: str) -> None:
    files = [f"tests/typing/{name}" for name in ("correct.py", "mistakes.py")]

    assert CHECKERS[checker](ROOT, *files) == {"mistakes.py": marked_lines(HERE / "mistakes.py")}
