"""An app whose actions do errands, and who sends for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from realtime.runtime.action_lane import ActionLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import ADMIN, ANONYMOUS, ActionOutcome, FunctionCall
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock, running_backend

WORKSHOP = Path(__file__).parents[2] / "apps" / "workshop"


QUICK = ActionLimits(stop_seconds=0.0)


class Errands:
    """A backend of the workshop, and what its actions share with the test."""

    def __init__(self, backend: Backend, clock: VirtualClock, store: MemoryStore) -> None:
        self.backend = backend
        self.clock = clock
        self.store = store
        functions = backend.app.registry.functions
        self._module = functions["errands:hold"].handler.__globals__
        self.held: asyncio.Event = self._module["held"]
        self.release: asyncio.Event = self._module["release"]
        self.cleaned_up: list[str] = self._module["cleaned_up"]

    def start(self, path: str, **args: Any) -> asyncio.Task[ActionOutcome]:
        return asyncio.create_task(self.backend.run_action(call(path, **args)))

    async def run(self, path: str, **args: Any) -> Any:
        outcome = await self.backend.run_action(call(path, **args))
        assert outcome.value is not None, outcome.error
        return json.loads(outcome.value)

    async def failure(self, path: str, **args: Any) -> str:
        outcome = await self.backend.run_action(call(path, **args))
        assert outcome.error is not None, outcome.value
        return outcome.error.message

    async def add(self, label: str, text: str) -> None:
        outcome = await self.backend.run_mutation(call("notes:add", label=label, text=text))
        assert outcome.error is None

    async def labelled(self, label: str) -> Any:
        result = await self.backend.run_query(call("notes:labelled", label=label))
        assert result.value is not None
        return json.loads(result.value)


def call(path: str, *, admin: bool = False, **args: Any) -> FunctionCall:
    return FunctionCall(path, json.dumps(args).encode(), ADMIN if admin else ANONYMOUS)


@asynccontextmanager
async def errands(actions: ActionLimits = QUICK, **options: Any) -> AsyncIterator[Errands]:
    clock, store = VirtualClock(), MemoryStore()
    limits = Limits(actions=actions)
    async with running_backend(
        WORKSHOP, persistence=store, clock=clock, limits=limits, **options
    ) as backend:
        yield Errands(backend, clock, store)


async def turns(count: int) -> None:
    """Let the loop turn; enough turns for whatever could happen without waiting."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned
