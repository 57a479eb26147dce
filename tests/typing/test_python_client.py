"""Type checkers take the generated Python clients, and find the mistakes of their users."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from realtime.codegen.output import write_files
from realtime.codegen.python_client import async_python_files, python_files
from tests.harness.type_checkers import CHECKERS, marked_lines
from tests.harness.typescript import depot_app

KINDS = {"python_client": python_files, "async_python_client": async_python_files}
PROGRAMS = Path(__file__).parent


@pytest.fixture(scope="module", params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder named for a kind of client, with that of an app and programs that use it."""
    folder = tmp_path_factory.mktemp("projects") / request.param
    write_files(folder / "_generated", KINDS[request.param](depot_app()))
    for name in ("correct.py", "mistakes.py"):
        shutil.copy(PROGRAMS / request.param / name, folder)
    return folder


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_finds_each_mistake_and_nothing_else(checker: str, project: Path) -> None:
    mistakes = PROGRAMS / project.name / "mistakes.py"

    assert CHECKERS[checker](project) == {"mistakes.py": marked_lines(mistakes)}
