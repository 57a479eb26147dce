"""The files that make up an app, as they are at one moment, and what has changed since another.

A notice of the file system is only a reason to look: what counts is the difference between two
looks. So a burst of saves is one change, a file that an editor writes twice is one, and a notice
that was missed is made up for by the next look.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final, NamedTuple

from realtime.server.opening import WEB_FOLDER

_FUNCTIONS: Final = "functions"
_MODULE: Final = ".py"
_LEFT_OUT: Final = ("node_modules", "__pycache__")


class Stamp(NamedTuple):
    """What tells one content of a file from another."""

    modified_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AppFiles:
    """The files of an app by path; `folders` are those in which they are."""

    code: Mapping[Path, Stamp]
    page: Mapping[Path, Stamp]
    folders: frozenset[Path]

    @classmethod
    def scan(cls, root: Path, module_folders: Iterable[Path] = ()) -> AppFiles:
        """Look at the app in the folder `root`, and at other folders that it has modules in."""
        code_folders = {root, *module_folders, *folders_below(root / _FUNCTIONS)}
        page_folders = {*folders_below(root / WEB_FOLDER)}
        page = dict(entry for folder in page_folders for entry in _files(folder))
        return cls(_modules(code_folders), page, frozenset(code_folders | page_folders))

    def including(self, module_folders: Iterable[Path]) -> AppFiles:
        """Return these files and the modules in other folders, as they are now."""
        added = set(module_folders) - self.folders
        return replace(self, code={**self.code, **_modules(added)}, folders=self.folders | added)

    @property
    def page_version(self) -> str:
        """Return a text that changes when a file of the page does."""
        entries = sorted((str(path), *stamp) for path, stamp in self.page.items())
        return blake2b(repr(entries).encode(), digest_size=8).hexdigest()

    def changed_code(self, earlier: AppFiles) -> list[Path]:
        """Return the modules that were added, changed or deleted, in order."""
        paths = self.code.keys() | earlier.code.keys()
        return sorted(path for path in paths if self.code.get(path) != earlier.code.get(path))


def forget_bytecode(modules: Iterable[Path]) -> None:
    """Have the next import of changed modules compile them.

    Python tells compiled files apart by size and by whole seconds: one that was saved twice within
    a second would be imported as it was at first.
    """
    for module in modules:
        Path(cache_from_source(str(module))).unlink(missing_ok=True)


def folders_below(top: Path, depth: int | None = None) -> Iterator[Path]:
    """Return a folder and those in it, without hidden ones and what tools keep there.

    Args:
        top: The folder; if it is not there, nothing is returned.
        depth: How many folders down to go, all the way by default.
    """
    for name, names, _ in os.walk(top):
        folder = Path(name)
        if depth is not None and len(folder.parts) - len(top.parts) == depth:
            names.clear()
        names[:] = [name for name in names if not name.startswith(".") and name not in _LEFT_OUT]
        yield folder


def _modules(folders: Iterable[Path]) -> dict[Path, Stamp]:
    entries = (entry for folder in folders for entry in _files(folder))
    return {path: stamp for path, stamp in entries if path.suffix == _MODULE}


def _files(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    """Return the files in a folder; what goes away meanwhile is not there."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file():
                    status = entry.stat()
                    yield folder / entry.name, Stamp(status.st_mtime_ns, status.st_size)
