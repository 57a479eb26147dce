"""Keeping generated files those of the served app, while it is developed.

A front end is written against `_generated/`, so a change of a function is not there for its author
before these files are. Written again is what `realtime codegen` has once written: nobody gets files
that they did not ask for, and a file of somebody else's is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from realtime.cli.app_files import folders_below
from realtime.cli.codegen import DEFAULT_FOLDER
from realtime.cli.events import Generated, NotGenerated
from realtime.codegen.output import is_generated, write_files
from realtime.codegen.python_client import async_python_files, python_files
from realtime.codegen.schema_stubs import foreign_stubs, stub_files
from realtime.codegen.typescript import typescript_files
from realtime.errors import RealtimeError
from realtime.runtime.registry import LoadedApp

CodegenMode: TypeAlias = Literal["existing", "always", "never"]
"""`always` writes TypeScript types beside the functions, where there are none yet, too."""

_MakeFiles: TypeAlias = Callable[[LoadedApp], Mapping[str, str]]

_KINDS: Final[tuple[_MakeFiles, ...]] = (
    typescript_files,
    python_files,
    async_python_files,
)
_DEPTH: Final = 4
"""How many folders down generated files are looked for: in those of examples and packages, too."""
_STUBS: Final = ("*.pyi", "*/*.pyi")

_log = logging.getLogger("realtime.cli")


class GeneratedFiles:
    """The generated files of one app; belongs to the thread that loads it."""

    def __init__(self, root: Path, mode: CodegenMode) -> None:
        self._root = root
        self._mode = mode
        self._has_failed = False

    def update(self, app: LoadedApp) -> Generated | NotGenerated | None:
        """Write those that are not what the app gives; return what is to be told of it."""
        had_failed, self._has_failed = self._has_failed, True
        try:
            files = self._write(app)
        except (OSError, RealtimeError) as error:
            return NotGenerated(_reason(error))
        except Exception as error:  # a mistake of ours must not end the following of files
            _log.exception("The generated files could not be made")
            return NotGenerated(f"{type(error).__name__}, see the log above")
        self._has_failed = False
        return Generated(files) if files or had_failed else None

    def _write(self, app: LoadedApp) -> tuple[str, ...]:
        """Return the paths of the files that were written, as one finds them from the app."""
        if self._mode == "never":
            return ()
        written = self._write_stubs(app)
        folders = self._folders()
        for make_files in _KINDS if folders else ():  # without a place, none is made
            files = make_files(app)
            for folder in folders:
                is_asked_for = self._is_asked_for(folder, make_files)
                if is_asked_for or any(is_generated(folder / name) for name in files):
                    written += write_files(folder, files)
        return tuple(path.relative_to(self._root).as_posix() for path in written)

    def _folders(self) -> list[Path]:
        """Return the folders that may hold the files of front ends and clients."""
        below = folders_below(self._root, _DEPTH)
        found = {folder for folder in below if folder.name == DEFAULT_FOLDER}
        if self._mode == "always":
            found.add(self._root / DEFAULT_FOLDER)
        return sorted(found)

    def _write_stubs(self, app: LoadedApp) -> list[Path]:
        """Write the stubs of the schema if it has any, and return the paths of those written."""
        if not any(is_generated(path) for place in _STUBS for path in self._root.glob(place)):
            return []
        files = stub_files(app)
        for path in foreign_stubs(self._root, files):
            del files[path.relative_to(self._root).as_posix()]
        return write_files(self._root, files)

    def _is_asked_for(self, folder: Path, make_files: _MakeFiles) -> bool:
        return (
            self._mode == "always"
            and make_files is typescript_files
            and folder == self._root / DEFAULT_FOLDER
        )


def _reason(error: OSError | RealtimeError) -> str:
    if isinstance(error, OSError):
        return f"cannot write `{error.filename}`: {error.strerror}"
    return error.message
