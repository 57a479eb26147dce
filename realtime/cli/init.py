"""`realtime init`: a small app in a new folder, to be changed into one's own."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from realtime.cli.codegen import DEFAULT_FOLDER
from realtime.codegen.output import write_files
from realtime.codegen.typescript import typescript_files
from realtime.errors import RealtimeError
from realtime.runtime.registry import load_app

FAILED: Final = 1

_TEMPLATES: Final = Path(__file__).parent / "new_app"
_FRONT_END: Final = "frontend"
_GIT_IGNORE: Final = "gitignore"


def make_app(folder: Path, *, is_react: bool = False, as_json: bool) -> int:
    """Write the app into a folder that is new or empty; return the exit code of the command.

    Hidden files, such as those of git, may be there already. With `is_react` its page is a front
    end in React, with the types of its functions.
    """
    try:
        if folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
            print(
                f"realtime init: `{folder}` is not empty. Name a folder that is new or empty",
                file=sys.stderr,
            )
            return FAILED
        files = _write_react_app(folder) if is_react else _write_app(folder, "page")
    except OSError as error:
        print(f"realtime init: Cannot write to `{folder}`: {error.strerror}", file=sys.stderr)
        return FAILED
    except RealtimeError as error:
        print(f"realtime init: {error}", file=sys.stderr)
        return FAILED
    if as_json:
        print(json.dumps({"folder": str(folder.resolve()), "files": files}, ensure_ascii=False))
        return 0
    print(f"Made an app in {folder}: {', '.join(files)}")
    print(f"Serve it with: {_next_command(folder, is_react=is_react)}")
    return 0


def _next_command(folder: Path, *, is_react: bool) -> str:
    if is_react:
        return f"npm start --prefix {shlex.quote(str(folder / _FRONT_END))}"
    return "realtime dev" if folder == Path(".") else f"realtime dev {shlex.quote(str(folder))}"


def _write_react_app(folder: Path) -> list[str]:
    """Return the paths of the files that were written, below the folder."""
    written = _write_app(folder, "react")
    types = folder / _FRONT_END / "src" / DEFAULT_FOLDER
    generated = write_files(types, typescript_files(load_app(folder)))
    return sorted([*written, *(path.relative_to(folder).as_posix() for path in generated)])


def _write_app(folder: Path, page: str) -> list[str]:
    """Write what every app has and its page; return the paths below the folder, in order.

    What is there already stays: files of the user, and what the page has of its own.
    """
    written: list[str] = []
    for template in (_TEMPLATES / page, _TEMPLATES / "app"):
        for source in sorted(path for path in template.rglob("*") if path.is_file()):
            name = source.relative_to(template).as_posix()
            if "__pycache__" in name:
                continue
            name = f".{name}" if name == _GIT_IGNORE else name
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copyfile(source, target)
                written.append(name)
    return sorted(written)
