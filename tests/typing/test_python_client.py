"""Type checkers take the generated Python client, and find the mistakes of its users."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from realtime.codegen.output import write_files
from realtime.codegen.python_client import python_files
from tests.harness.type_checkers import CHECKERS, marked_lines
from tests.harness.typescript import depot_app

PROGRAMS = Path(__file__).parent / "python_client"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client of an app and programs that use it."""
    folder = tmp_path_factory.mktemp("project")
    write_files(folder / "_generated", python_files(depot_app()))
    for name in ("correct.py", "mistakes.py"):
        shutil.copy(PROGRAMS / name, folder)
    return folder


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_finds_each_mistake_and_nothing_else(checker: str, project: Path) -> None:
    assert CHECKERS[checker](project) == {"mistakes.py": marked_lines(PROGRAMS / "mistakes.py")}
