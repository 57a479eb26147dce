"""`realtime init`: a small app in a new folder, to be changed into one's own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Final

FAILED: Final = 1

_TEMPLATES: Final = Path(__file__).parent / "new_app"
_GIT_IGNORE: Final = "gitignore"


def make_app(folder: Path, *, as_json: bool) -> int:
    """Write the app into a folder that is new or empty; return the exit code of the command.

    Hidden files, such as those of git, may be there already.
    """
    try:
        if folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
            print(
                f"realtime init: `{folder}` is not empty. Name a folder that is new or empty",
                file=sys.stderr,
            )
            return FAILED
        files = _write_app(folder, "page")
    except OSError as error:
        print(f"realtime init: Cannot write to `{folder}`: {error.strerror}", file=sys.stderr)
        return FAILED
    if as_json:
        print(json.dumps({"folder": str(folder.resolve()), "files": files}, ensure_ascii=False))
        return 0
    print(f"Made an app in {folder}: {', '.join(files)}")
    print(f"Serve it with: realtime dev{'' if folder == Path('.') else f' {folder}'}")
    return 0


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
