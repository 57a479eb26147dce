"""Type checkers take the generated Python client, and find the mistakes of its users."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from realtime.codegen.output import write_files
from realtime.codegen.python_client import python_files
from tests.harness.typescript import depot_app

PROGRAMS = Path(__file__).parent / "python_client"
CHECKED = ("correct.py", "mistakes.py")
FOUND = dict[str, list[int]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client of an app and programs that use it."""
    folder = tmp_path_factory.mktemp("project")
    write_files(folder / "_generated", python_files(depot_app()))
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    for name in CHECKED:
        shutil.copy(PROGRAMS / name, folder)
    return folder


def run(project: Path, *command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True
    ).stdout


def mypy_lines(project: Path) -> FOUND:
    output = run(project, "mypy", "--strict", "--no-error-summary", "--explicit-package-bases", ".")
    found = re.findall(r"^(.+?):(\d+): error", output, re.MULTILINE)
    return by_file((path, int(line)) for path, line in found)


def pyright_lines(project: Path) -> FOUND:
    output = run(project, "pyright", "--outputjson", "--pythonpath", sys.executable)
    errors = [e for e in json.loads(output)["generalDiagnostics"] if e["severity"] == "error"]
    return by_file((error["file"], error["range"]["start"]["line"] + 1) for error in errors)


def by_file(found: Iterable[tuple[str, int]]) -> FOUND:
    lines: dict[str, set[int]] = {}
    for path, line in found:
        lines.setdefault(Path(path).name, set()).add(line)
    return {file: sorted(numbers) for file, numbers in lines.items()}


def marked_lines(file: str) -> list[int]:
    lines = (PROGRAMS / file).read_text().splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.endswith("# error")]


@pytest.mark.parametrize("lines", [mypy_lines, pyright_lines], ids=["mypy", "pyright"])
def test_checker_finds_each_mistake_and_nothing_else(
    lines: Callable[[Path], FOUND], project: Path
) -> None:
    assert lines(project) == {"mistakes.py": marked_lines("mistakes.py")}
