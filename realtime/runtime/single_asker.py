"""Somebody who asks for queries once, beside the clients that subscribe to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from realtime.runtime.operation import Steps
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.query_lane import Holder, SnapshotExpired


@dataclass(frozen=True, slots=True, eq=False)
class SingleAsker:
    """Somebody who asks once: for `calls`, which may have to rest, evaluated in one go."""

    calls: Sequence[FunctionCall]
    evaluate: Callable[[Holder], Steps[Any]]
    answer: asyncio.Future[Any]

    def serve(self, holder: Holder) -> Steps[None]:
        """Evaluate, anew if the snapshot expires under a suspended run."""
        while True:
            try:
                result = yield from self.evaluate(holder)
                break
            except SnapshotExpired:
                holder.restart()
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        """Tell the caller that there is no result."""
        if not self.answer.done():
            self.answer.set_exception(error)
