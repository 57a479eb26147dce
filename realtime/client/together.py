"""Steps that run side by side and end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_together(
    *steps: Coroutine[Any, Any, None], until: str = asyncio.FIRST_COMPLETED
) -> None:
    """Run the steps until one ends, then cancel the others and wait for their end.

    With `until=asyncio.FIRST_EXCEPTION` until one fails, or all have ended. What a step raised is
    raised here, as it is: a `TaskGroup` would raise a group of it.
    """
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        done, _ = await asyncio.wait(tasks, return_when=until)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
