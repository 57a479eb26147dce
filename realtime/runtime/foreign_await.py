"""The error of a handler that awaits something that is not of its `ctx`.

No asyncio task drives a query or mutation, so what it awaits besides shows itself in two ways. It
yields something to the driver; or a library asks for its task first, finds none, and raises what
nobody understands, such as "cannot create weak reference to 'NoneType' object". Whatever a library
for asynchronous work raises in such a handler is taken for the second: it has no business there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from realtime.errors import RealtimeError, ValidationError
from realtime.runtime.call_checks import shown_file
from realtime.runtime.registry import AppFunction

_NEED_A_TASK: Final = frozenset({"aiohttp", "anyio", "asyncio", "sniffio"})
"""The packages that look for the task that runs."""


def foreign_yield(
    yielded: Any, coroutine: Coroutine[Any, Any, Any], function: AppFunction, root: Path
) -> ValidationError:
    """Return the error of a handler that has yielded something to its driver."""
    frame = getattr(coroutine, "cr_frame", None)
    place = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    if isinstance(yielded, asyncio.Future):
        yielded.cancel()
    return _foreign_await(function, place, root)


def foreign_failure(
    error: BaseException, function: AppFunction, root: Path
) -> ValidationError | None:
    """Return the error of a handler in which a library has missed its task; None for all others."""
    driver = error.__traceback__
    handler = None if driver is None else driver.tb_next
    if isinstance(error, RealtimeError) or handler is None or not _is_of_library(handler):
        return None
    place = handler.tb_frame.f_code.co_filename, handler.tb_lineno
    return _foreign_await(function, place, root)


def _is_of_library(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        module: str = traceback.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in _NEED_A_TASK:
            return True
        traceback = traceback.tb_next
    return False


def _foreign_await(
    function: AppFunction, place: tuple[str, int] | None, root: Path
) -> ValidationError:
    line = "" if place is None else f" (at {shown_file(place[0], root)}:{place[1]})"
    return ValidationError(
        f"The {function.kind} `{function.path}` awaited something that is not of its `ctx`{line}. "
        "Queries and mutations may await only `ctx` operations: use `realtime.gather` for several "
        "of them, and an action for network, files and timers"
    )
