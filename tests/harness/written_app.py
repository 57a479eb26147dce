"""Apps that a test writes down, run on a store in memory."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ADMIN, ANONYMOUS, FunctionCall, MutationOutcome, QueryResult
from realtime.testing import running_backend

SCHEMA_HEAD = """\
from __future__ import annotations
from typing import *
from realtime import *
"""
FUNCTIONS_HEAD = f"{SCHEMA_HEAD}from schema import *\n"

_ENVELOPE = re.compile(r"\[Request ID: [0-9a-f]{16}\] Server Error\n")


def write_app(root: Path, functions: str | Mapping[str, str], schema: str = "") -> Path:
    """Write an app and return its folder.

    Args:
        root: Where its folder is made.
        functions: The text of `functions/m.py`, or texts by module name.
        schema: The text of `schema.py`. All texts may use what `realtime` and `typing` offer.
    """
    app = root / "app"
    files = {"m": functions} if isinstance(functions, str) else functions
    (app / "functions").mkdir(parents=True)
    (app / "schema.py").write_text(SCHEMA_HEAD + dedent(schema))
    for name, text in files.items():
        file = app / "functions" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FUNCTIONS_HEAD + dedent(text))
    return app


class WrittenApp:
    """A running app; a path without a module is one of `functions/m.py`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def call(
        self, path: str, *, admin: bool = False, **args: Any
    ) -> QueryResult | MutationOutcome:
        """Return the outcome of a query or mutation; arguments in encoded JSON."""
        path = path if ":" in path else f"m:{path}"
        identity = ADMIN if admin else ANONYMOUS
        return await self.backend.run_function(
            FunctionCall(path, json.dumps(args).encode(), identity)
        )

    async def value(self, path: str, **args: Any) -> Any:
        """Return what a function returned, as parsed JSON."""
        outcome = await self.call(path, **args)
        assert outcome.value is not None, outcome.error
        return json.loads(outcome.value)

    async def failure(self, path: str, **args: Any) -> str:
        """Return the text of a failure, without its envelope."""
        outcome = await self.call(path, **args)
        assert outcome.error is not None, outcome.value
        message = outcome.error.message
        envelope = _ENVELOPE.match(message)
        assert envelope is not None and message.endswith("\n"), message
        return message[envelope.end() : -1]


@asynccontextmanager
async def written_app(
    root: Path, functions: str | Mapping[str, str], schema: str = "", **options: Any
) -> AsyncGenerator[WrittenApp]:
    """Write an app and run it for the time of a `with` block; options as `running_backend`."""
    async with running_backend(write_app(root, functions, schema), **options) as backend:
        yield WrittenApp(backend)
