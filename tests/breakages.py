"""Breaks each promise by one line of our own code and sees that a test notices.

    python -m tests.breakages [NAME …]

Works on copies of the tree, one at a time. A breakage that no test notices is a promise that nothing
keeps; one whose line is gone must be written anew. Exit code 1 if there is any of either.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_COPIED = ("realtime", "tests", "functions", "web", "schema.py", "pyproject.toml")
_SECONDS = 300


@dataclass(frozen=True)
class Breakage:
    """One line exchanged for a wrong one, and the tests that must not let it pass."""

    name: str
    file: str
    line: str
    wrong: str
    tests: str


BREAKAGES: tuple[Breakage, ...] = ()


def _is_noticed(breakage: Breakage, tree: Path) -> str | None:
    """Return why the breakage does not count as noticed, or None if a test failed."""
    file = tree / breakage.file
    source = file.read_text()
    if source.count(breakage.line) != 1:
        return f"the line stands {source.count(breakage.line)} times in {breakage.file}"
    file.write_text(source.replace(breakage.line, breakage.wrong))
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", *breakage.tests.split()]
        run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        file.write_text(source)
    if run.returncode == 1:
        return None
    return f"{breakage.tests} ended with {run.returncode}: {run.stdout.strip()[-200:]}"


def main(names: list[str]) -> int:
    """Try the named breakages, or all; return the exit code."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("node_modules", "__pycache__")
                shutil.copytree(source, tree / name, ignore=ignored)
            else:
                shutil.copy(source, tree / name)
        for breakage in BREAKAGES:
            if names and breakage.name not in names:
                continue
            problem = _is_noticed(breakage, tree)
            missed += problem is not None
            print(f"{breakage.name}: {problem or 'noticed'}", flush=True)
    print(f"{len(BREAKAGES)} breakages, {missed} not noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
