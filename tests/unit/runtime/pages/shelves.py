"""An app of shelves with books, and what reads them page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from realtime.database.database import DatabaseLimits
from realtime.database.limits import TransactionLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.registry import LoadedApp
from realtime.testing import running_backend

SHELVES = Path(__file__).parents[3] / "apps" / "shelves"


INVALID_CURSOR = {"isConvexSystemError": True, "paginationError": "InvalidCursor"}


LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))


Page = dict[str, Any]


@asynccontextmanager
async def shelves(app: LoadedApp, **options: Any) -> AsyncIterator[Backend]:
    async with running_backend(app, **{"limits": LIMITS, **options}) as backend:
        yield backend


def with_limits(**limits: int) -> Limits:
    return Limits(database=DatabaseLimits(TransactionLimits(**limits), scan_chunk=2))


def args_of(items: float = 3, cursor: str | None = None, **args: Any) -> dict[str, Any]:
    """Arguments with pagination options; names of options are told by their spelling."""
    options = {"numItems": items, "cursor": cursor}
    for name in ("endCursor", "maximumRowsRead", "maximumBytesRead", "id"):
        if name in args:
            options[name] = args.pop(name)
    return {"paginationOpts": options, **args}


async def run(backend: Backend, function: str, **args: Any) -> Any:
    call = FunctionCall(f"books:{function}", json.dumps(args).encode())
    outcome = await backend.run_function(call)
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


async def failure(backend: Backend, function: str, **args: Any) -> tuple[str, Any]:
    """The text of a failure without its envelope and stack, and its data."""
    call = FunctionCall(f"books:{function}", json.dumps(args).encode())
    outcome = await backend.run_function(call)
    assert outcome.error is not None, outcome.value
    data = outcome.error.data
    text = outcome.error.message.split("Server Error\n")[1].split("\n    at ")[0].strip()
    return text, None if data is None else json.loads(data)


async def page(backend: Backend, function: str = "on_shelf", **args: Any) -> Page:
    """A page; those that need a shelf read the shelf `a`."""
    if function not in ("everywhere", "by_id", "in_loose_table"):
        args.setdefault("shelf", "a")
    found: Page = await run(backend, wire(function), **args_of(**args))
    assert list(found) == ["continueCursor", "isDone", "page", "pageStatus", "splitCursor"]
    return found


def wire(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def places(found: Page) -> list[float]:
    return [book["place"] for book in found["page"]]


async def walk(backend: Backend, function: str = "on_shelf", **args: Any) -> list[list[float]]:
    """The places on each page, from the first to the last."""
    found: list[list[float]] = []
    cursor: str | None = None
    for _ in range(100):
        result = await page(backend, function, cursor=cursor, **args)
        found.append(places(result))
        if result["isDone"]:
            return found
        cursor = result["continueCursor"]
    raise AssertionError("the pages do not end")
