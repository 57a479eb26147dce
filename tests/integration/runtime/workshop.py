"""The workshop app on a real backend, and the calls that tests make of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ADMIN, ANONYMOUS, FunctionCall, MutationOutcome
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import running_backend

WORKSHOP = Path(__file__).parents[2] / "apps" / "workshop"

Store = MemoryStore | SqliteStore


@asynccontextmanager
async def workshop(store: Store | None = None, **options: Any) -> AsyncIterator[Backend]:
    async with running_backend(WORKSHOP, persistence=store, **options) as backend:
        yield backend


def call(path: str, *, admin: bool = False, **args: Any) -> FunctionCall:
    return FunctionCall(path, json.dumps(args).encode(), ADMIN if admin else ANONYMOUS)


async def mutate(backend: Backend, path: str, **args: Any) -> Any:
    outcome = await backend.run_mutation(call(path, **args))
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


async def ask(backend: Backend, path: str, **args: Any) -> Any:
    result = await backend.run_query(call(path, **args))
    assert result.value is not None, result.error
    return json.loads(result.value)


async def failure(backend: Backend, path: str, **args: Any) -> str:
    outcome = await backend.run_function(call(path, **args))
    assert outcome.error is not None, outcome.value
    return outcome.error.message


class Submissions:
    """Mutations submitted at once, with their outcomes in the order in which they came."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.outcomes: dict[int, MutationOutcome] = {}
        self._all = asyncio.Event()
        self._count = 0

    def submit(self, path: str, session: str | None = None, number: int = 0, **args: Any) -> None:
        index = self._count
        self._count += 1

        def finish(outcome: MutationOutcome) -> None:
            self.outcomes[index] = outcome
            if len(self.outcomes) == self._count:
                self._all.set()

        client: Any = self
        self._backend.submit_mutation(call(path, **args), client, session, number, finish)

    async def answers(self) -> list[MutationOutcome]:
        await self._all.wait()
        assert list(self.outcomes) == sorted(self.outcomes), "answers come in order"
        return [self.outcomes[index] for index in range(self._count)]
