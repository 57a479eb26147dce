"""`realtime codegen` and `realtime spec`: what is made from an app without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from realtime.codegen.openapi import openapi_document
from realtime.codegen.output import stale_files, write_files
from realtime.codegen.python_client import async_python_files, python_files
from realtime.codegen.schema_stubs import foreign_stubs, stub_files
from realtime.codegen.spec import function_spec
from realtime.codegen.typescript import typescript_files
from realtime.errors import RealtimeError
from realtime.runtime.registry import LoadedApp, load_app

DEFAULT_FOLDER: Final = "_generated"
FAILED: Final = 1

ClientKind: TypeAlias = Literal["typescript", "python", "async python"]

_API_VERSION: Final = "1"
_KINDS: Final[Mapping[ClientKind, tuple[str, Callable[[LoadedApp], Mapping[str, str]]]]] = {
    "typescript": ("", typescript_files),
    "python": (" --python", python_files),
    "async python": (" --python --async", async_python_files),
}
"""The options that ask for a kind of client, and what writes it."""


def generate(
    app_folder: Path,
    out: Path | None,
    *,
    is_check: bool,
    kind: ClientKind = "typescript",
    as_json: bool = False,
) -> int:
    """Write the typed client of an app, or check that it is up to date.

    Return the exit code of the command.
    """
    options, make_files = _KINDS[kind]
    try:
        files = make_files(load_app(app_folder))
    except RealtimeError as error:
        return _fail("codegen", str(error))
    folder = app_folder / DEFAULT_FOLDER if out is None else out
    return _bring_up_to_date(folder, files, options, is_check=is_check, as_json=as_json)


def generate_stubs(app_folder: Path, *, is_check: bool, as_json: bool = False) -> int:
    """Write the stubs of an app's schema beside it, or check that they are up to date.

    Return the exit code of the command.
    """
    try:
        app = load_app(app_folder)
        files = stub_files(app)
    except RealtimeError as error:
        return _fail("codegen", str(error))
    foreign = foreign_stubs(app.root, files)
    if foreign:
        names = ", ".join(f"`{path}`" for path in foreign)
        return _fail("codegen", f"Not written by this command, so not replaced: {names}. Remove it")
    return _bring_up_to_date(app.root, files, " --stubs", is_check=is_check, as_json=as_json)


def print_spec(app_folder: Path, url: str, *, is_openapi: bool, as_json: bool = False) -> int:
    """Print what the functions of an app take and give; return the exit code of the command.

    It is JSON in any case, and in one line if `as_json`.
    """
    try:
        app = load_app(app_folder)
    except RealtimeError as error:
        return _fail("spec", str(error))
    if is_openapi:
        document = openapi_document(app, title=app.root.name, version=_API_VERSION)
    else:
        document = {"url": url, "functions": function_spec(app.registry)}
    print(json.dumps(document, indent=None if as_json else 2, ensure_ascii=False))
    return 0


def _bring_up_to_date(
    folder: Path, files: Mapping[str, str], option: str, *, is_check: bool, as_json: bool
) -> int:
    act = stale_files if is_check else write_files
    try:
        paths = act(folder, files)
    except OSError as error:
        return _fail("codegen", f"Cannot use `{error.filename or folder}`: {error.strerror}")
    if as_json:
        found = [str(path) for path in paths]
        print(json.dumps({"folder": str(folder), "stale" if is_check else "written": found}))
    elif not is_check:
        for line in [f"Wrote {path}" for path in paths] or [f"{folder} is up to date"]:
            print(line)
    return _tell_stale(paths, option) if is_check else 0


def _tell_stale(stale: Sequence[Path], option: str) -> int:
    if not stale:
        return 0
    names = ", ".join(f"`{path}`" for path in stale)
    return _fail(
        "codegen",
        f"Not what the app's functions and schema give: {names}. Run `realtime codegen{option}`",
    )


def _fail(command: str, reason: str) -> int:
    print(f"realtime {command}: {reason}", file=sys.stderr)
    return FAILED
