"""Generated files on disk: written where they differ, or compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

MADE_BY: Final = "Made by `realtime codegen"
"""How the first line of each generated file begins, behind the sign of a comment."""


def write_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write those of `files` (texts by path in `folder`) that differ, and return their paths.

    A file that is up to date is not touched, so that nothing which watches it wakes.

    Raises:
        OSError: A file or the folder can't be written.
    """
    changed = stale_files(folder, files)
    folder.mkdir(parents=True, exist_ok=True)
    for path in changed:
        text = files[path.relative_to(folder).as_posix()]
        path.write_text(text, encoding="utf-8", newline="\n")
    return changed


def stale_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Return the paths in `folder` at which something else than `files` would write stands."""
    return [
        folder / name
        for name, text in files.items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode()
    ]


def is_generated(path: Path) -> bool:
    """Return whether a generated file stands at `path`, of whatever app or version."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MADE_BY in file.readline()
    except (FileNotFoundError, IsADirectoryError):
        return False
