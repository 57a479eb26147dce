"""Apps made of the functions of a test, and calls of them.

A function that is decorated in a test is named by its handler, in a module `t`: `t:addNote`. It may
use what stands around it, so a test can count runs, move the virtual clock in a handler as a slow
one would, or keep what a `ctx` gave.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from realtime import Document, Index
from realtime.casing import wire_name
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ADMIN,
    ANONYMOUS,
    FunctionCall,
    MutationOutcome,
    QueryCall,
    QueryResult,
)
from realtime.runtime.registration import Mutation, RegisteredFunction
from realtime.runtime.registry import AppFunction, LoadedApp, Registry
from realtime.runtime.signature import compile_signature
from realtime.schema.schema import Schema
from realtime.schema.table import class_definition

ROOT = Path(__file__).parent
"""The folder of the apps: lines of errors are shown relative to it."""


class Note(Document, table="notes"):
    """A text under a label."""

    label: str
    text: str

    by_label = Index("label")


SCHEMA = Schema({"notes": class_definition(Note)})


def function_of(registered: RegisteredFunction[Any, Any]) -> AppFunction:
    """A decorated function as loaded: of the module `t`, with the name of its handler."""
    declaration = registered.declaration
    name = declaration.name or wire_name(declaration.handler.__name__)
    return AppFunction(
        f"t:{name}",
        "mutation" if isinstance(registered, Mutation) else "query",
        declaration.is_internal,
        registered,
        compile_signature(declaration),
    )


def app_of(*registered: RegisteredFunction[Any, Any]) -> LoadedApp:
    """An app with these functions and the table `notes`."""
    functions = [function_of(function) for function in registered]
    return LoadedApp(ROOT, SCHEMA, Registry({function.path: function for function in functions}))


def call(path: str, args: Any = None, *, admin: bool = False) -> FunctionCall:
    """A call of `t:{path}` as a client makes it."""
    encoded = b"" if args is None else json.dumps(args).encode()
    return FunctionCall(f"t:{path}", encoded, ADMIN if admin else ANONYMOUS)


async def value_of(backend: Backend, path: str, args: Any = None) -> Any:
    """What a function returns; fails if it raises."""
    outcome = await backend.run_function(call(path, args))
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


async def failure_of(backend: Backend, path: str, args: Any = None) -> str:
    """The text that a client reads of a function that fails."""
    outcome = await backend.run_function(call(path, args))
    assert outcome.error is not None, outcome.value
    return outcome.error.message


class Watcher:
    """A live client that notes each update it is given; it always wants what is stale."""

    def __init__(self, backend: Backend, on_update: Callable[[], None] = lambda: None) -> None:
        self._backend = backend
        self._on_update = on_update
        self._queries: dict[int, FunctionCall] = {}
        self._stale: dict[int, None] = {}
        self._in_update: dict[int, None] = {}
        self.updates: list[tuple[int, dict[int, QueryResult]]] = []
        self.errors: list[Exception] = []

    @property
    def results(self) -> dict[int, Any]:
        """The newest value of each query."""
        newest: dict[int, QueryResult] = {}
        for _, results in self.updates:
            newest |= results
        return {q: json.loads(result.value or b'"failed"') for q, result in newest.items()}

    def subscribe(self, query_id: int, path: str, args: Any = None) -> None:
        """Watch a query."""
        self._queries[query_id] = call(path, args)
        self._stale[query_id] = None
        self._backend.request_update(self)

    def unsubscribe(self, query_id: int) -> None:
        """Stop watching it."""
        del self._queries[query_id]
        self._stale.pop(query_id, None)
        self._backend.unsubscribe(self, query_id)

    def submit(self, path: str, args: Any = None) -> asyncio.Future[MutationOutcome]:
        """Ask for a mutation; its outcome is the result of the future."""
        answer: asyncio.Future[MutationOutcome] = asyncio.get_running_loop().create_future()
        self._backend.submit_mutation(call(path, args), self, None, 0, answer.set_result)
        return answer

    def begin_update(self) -> dict[int, QueryCall] | None:
        self._in_update, self._stale = self._stale, {}
        return self._calls(self._in_update) or None

    def restart_update(self) -> dict[int, QueryCall]:
        self._in_update, self._stale = self._in_update | self._stale, {}
        return self._calls(self._in_update)

    def stale_queries(self) -> list[QueryCall]:
        return list(self._calls(self._stale).values())

    def _calls(self, wanted: dict[int, None]) -> dict[int, QueryCall]:
        return {q: QueryCall(self._queries[q]) for q in wanted if q in self._queries}

    def finish_update(self, timestamp: int, results: dict[int, QueryResult]) -> None:
        self.updates.append((timestamp, results))
        self._on_update()

    def query_invalidated(self, query_id: int) -> None:
        self._stale[query_id] = None
        self._backend.request_update(self)

    def fail(self, error: Exception) -> None:
        self.errors.append(error)
