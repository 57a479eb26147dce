"""Type checkers find the mistakes of an app's author, and nothing to object to in correct code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHECKED = ("correct.py", "mistakes.py")


def marked_lines(file: str) -> list[int]:
    lines = (HERE / file).read_text().splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.endswith("# error")]


def mypy_lines() -> dict[str, list[int]]:
    files = [f"tests/typing/{file}" for file in CHECKED]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *files]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    found = re.findall(r"^(.+?):(\d+): error", output, re.MULTILINE)
    return lines_by_file((path, int(line)) for path, line in found)


def pyright_lines() -> dict[str, list[int]]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    files = [str(HERE / file) for file in CHECKED]
    output = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True).stdout
    diagnostics = json.loads(output)["generalDiagnostics"]
    return lines_by_file(
        (found["file"], found["range"]["start"]["line"] + 1)
        for found in diagnostics
        if found["severity"] == "error"
    )


def lines_by_file(found: object) -> dict[str, list[int]]:
    lines: dict[str, set[int]] = {file: set() for file in CHECKED}
    for path, line in found:
        lines.setdefault(Path(path).name, set()).add(line)
    return {file: sorted(numbers) for file, numbers in lines.items()}


@pytest.mark.parametrize("lines", [mypy_lines, pyright_lines], ids=["mypy", "pyright"])
def test_checker_finds_each_mistake_and_nothing_else(lines: object) -> None:
    found = lines()

    assert found == {file: marked_lines(file) for file in CHECKED}
