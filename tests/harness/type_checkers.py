"""mypy and pyright, both strict, over a folder of programs with marked mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

FOUND = Mapping[str, list[int]]
"""The lines at which a checker objects, by name of the file; files without any are left out."""


def marked_lines(file: Path) -> list[int]:
    """Return the lines of a program that are marked as mistakes."""
    lines = file.read_text().splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.endswith("# error")]


def mypy_lines(folder: Path, *files: str) -> FOUND:
    """Return where mypy objects to some files of a folder, by default to all."""
    checked = files or ("--explicit-package-bases", ".")
    output = _run(folder, "mypy", "--strict", "--no-error-summary", *checked)
    found = re.findall(r"^(.+?):(\d+): error", output, re.MULTILINE)
    return _by_file((path, int(line)) for path, line in found)


def pyright_lines(folder: Path, *files: str) -> FOUND:
    """Return where pyright objects to some files of a folder, by default to all.

    A folder of which all are checked gets a configuration; others have their own.
    """
    if not files:
        (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    output = _run(folder, "pyright", "--outputjson", "--pythonpath", sys.executable, *files)
    errors = [e for e in json.loads(output)["generalDiagnostics"] if e["severity"] == "error"]
    return _by_file((error["file"], error["range"]["start"]["line"] + 1) for error in errors)


CHECKERS: Mapping[str, Callable[..., FOUND]] = {"mypy": mypy_lines, "pyright": pyright_lines}


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True
    ).stdout


def _by_file(found: Iterable[tuple[str, int]]) -> FOUND:
    lines: dict[str, set[int]] = {}
    for path, line in found:
        lines.setdefault(Path(path).name, set()).add(line)
    return {file: sorted(numbers) for file, numbers in lines.items()}
