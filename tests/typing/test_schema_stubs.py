"""With the stub of a schema, type checkers find wrong fields and indexes in server code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from realtime.codegen.output import write_files
from realtime.codegen.schema_stubs import stub_files
from realtime.runtime.registry import load_app
from tests.harness.type_checkers import CHECKERS, marked_lines

APP = Path(__file__).parent / "stubs"
MISTAKES = APP / "functions" / "mistakes.py"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_with_the_stub_finds_each_mistake_and_nothing_else(checker: str, app: Path) -> None:
    write_files(app, stub_files(load_app(app)))

    assert CHECKERS[checker](app) == {"mistakes.py": marked_lines(MISTAKES)}
    assert len(marked_lines(MISTAKES)) == 58


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_without_the_stub_objects_to_no_correct_line(checker: str, app: Path) -> None:
    found = CHECKERS[checker](app)

    assert list(found) == ["mistakes.py"]
    assert set(found["mistakes.py"]) < set(marked_lines(MISTAKES))
