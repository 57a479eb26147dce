"""The apps of the documents: written into a folder, and run over a store in memory."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ADMIN, FunctionCall
from realtime.testing import running_backend
from tests.docs.blocks import DOCS, Block, claim

GUIDE = DOCS / "guide.md"
SECONDS = 120

GUIDE_FILES = claim(GUIDE, "python", where=lambda block: block.file is not None)


def write_files(folder: Path, blocks: Iterable[Block]) -> Path:
    """Write blocks into the files that they name, those of one file in order; return the folder."""
    files: dict[str, str] = {}
    for block in blocks:
        files[block.name] = files.get(block.name, "") + block.code
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    return folder


def write_guide_app(folder: Path) -> Path:
    """Write the app of the guide into a folder, and return that."""
    return write_files(folder, GUIDE_FILES)


async def call(backend: Backend, path: str, **args: Any) -> Any:
    """Run a function and return its value, or the text of its error without the request id."""
    outcome = await backend.run_function(FunctionCall(path, json.dumps(args).encode(), ADMIN))
    if outcome.error is not None:
        return outcome.error.message.partition("Server Error\n")[2].rstrip("\n")
    assert outcome.value is not None
    return json.loads(outcome.value)


def run_app(folder: Path, steps: Callable[[Backend], Awaitable[None]]) -> None:
    """Run steps on the app in a folder, over a store in memory."""

    async def run() -> None:
        async with running_backend(folder) as backend:
            await steps(backend)

    asyncio.run(run())


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
