"""`realtime codegen` and `realtime spec`: what is made from an app without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from realtime.codegen.openapi import openapi_document
from realtime.codegen.output import stale_files, write_files
from realtime.codegen.python_client import python_files
from realtime.codegen.schema_stubs import foreign_stubs, stub_files
from realtime.codegen.spec import function_spec
from realtime.codegen.typescript import typescript_files
from realtime.errors import RealtimeError
from realtime.runtime.registry import load_app

DEFAULT_FOLDER: Final = "_generated"
FAILED: Final = 1

_API_VERSION: Final = "1"


def generate(app_folder: Path, out: Path | None, *, is_check: bool, is_python: bool = False) -> int:
    """Write the typed client of an app, or check that it is up to date.

    Return the exit code of the command.
    """
    make_files = python_files if is_python else typescript_files
    try:
        files = make_files(load_app(app_folder))
    except RealtimeError as error:
        return _fail("codegen", str(error))
    folder = app_folder / DEFAULT_FOLDER if out is None else out
    option = " --python" if is_python else ""
    return _check(folder, files, option) if is_check else _write(folder, files)


def generate_stubs(app_folder: Path, *, is_check: bool) -> int:
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
    return _check(app.root, files, " --stubs") if is_check else _write(app.root, files)


def print_spec(app_folder: Path, url: str, *, is_openapi: bool) -> int:
    """Print what the functions of an app take and give; return the exit code of the command."""
    try:
        app = load_app(app_folder)
    except RealtimeError as error:
        return _fail("spec", str(error))
    if is_openapi:
        document = openapi_document(app, title=app.root.name, version=_API_VERSION)
    else:
        document = {"url": url, "functions": function_spec(app.registry)}
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


def _write(folder: Path, files: Mapping[str, str]) -> int:
    try:
        written = write_files(folder, files)
    except OSError as error:
        return _fail("codegen", f"Cannot use `{error.filename or folder}`: {error.strerror}")
    for path in written:
        print(f"Wrote {path}")
    if not written:
        print(f"{folder} is up to date")
    return 0


def _check(folder: Path, files: Mapping[str, str], option: str) -> int:
    stale = stale_files(folder, files)
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
