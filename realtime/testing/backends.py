"""An app's backend in a test: the real engine, on memory or a file that the test throws away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from realtime.errors import ValidationError
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.caller import Caller
from realtime.runtime.context import MutationCtx
from realtime.runtime.outcome import ANONYMOUS
from realtime.runtime.registration import internal_mutation
from realtime.runtime.registry import AppFunction, LoadedApp, Registry, load_app
from realtime.runtime.signature import compile_signature
from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import Persistence
from realtime.storage.sqlite import SqliteStore
from realtime.testing.virtual_clock import VirtualClock
from realtime.values.codec import is_dict, is_list
from realtime.values.json_encoding import decode_json
from realtime.values.validators import v

_LOAD: Final = "_testing:load"
_ID: Final = "_id"
_CREATION_TIME: Final = "_creationTime"


class TestBackend(Caller):
    """An app in a test: calls its functions as nobody in particular, or as somebody."""

    __test__ = False  # pytest takes classes with this name for tests

    def __init__(self, backend: Backend, clock: VirtualClock) -> None:
        super().__init__(lambda: backend, ANONYMOUS)
        self.clock = clock
        """The time that functions see; `clock.advance(seconds)` moves it."""
        self._backend = backend
        self._ids: dict[str, str] = {}
        """The ids that documents have got, by those that they were loaded with."""

    async def settled(self) -> None:
        """Wait until all calls are answered and the lists of all watches are up to date."""
        await self._backend.settled()

    async def load(self, table: str, source: str | Path | Iterable[Mapping[str, Any]]) -> list[str]:
        """Insert documents into a table, in one transaction, and return their ids in order.

        An `_id` that a document comes with is a name for it: wherever that text stands in a
        document loaded later, or further down, the id that it has got is written. So the files of
        an export can be loaded, referenced tables first. `_creationTime` is dropped.

        Args:
            table: The name of the table.
            source: A file of JSON lines in wire names, the text of such a file, or mappings.

        Raises:
            ValidationError: A line is no object, or a document does not fit the schema.
        """
        loaded: Mapping[str, Any] = await self.as_admin().mutation(
            _LOAD,
            {
                "table": table,
                "documents": _documents(source),
                "named": [list(pair) for pair in self._ids.items()],
            },
        )
        self._ids.update(loaded["named"])
        return list(loaded["ids"])


@asynccontextmanager
async def running_backend(
    app: Path | LoadedApp,
    *,
    persistence: Persistence | None = None,
    clock: VirtualClock | None = None,
    limits: Limits | None = None,
    redact_errors: bool = False,
) -> AsyncGenerator[Backend]:
    """Run the engine below an app for the time of a `with` block; the store is one in memory.

    Tests of an app want `running_app`.
    """
    backend = Backend(
        load_app(app) if isinstance(app, Path) else app,
        persistence or MemoryStore(),
        clock or VirtualClock(),
        redact_errors=redact_errors,
        limits=limits,
    )
    await backend.start()
    try:
        yield backend
    finally:
        await backend.stop()


@asynccontextmanager
async def running_app(
    app: str | Path | LoadedApp,
    *,
    file: Path | None = None,
    clock: VirtualClock | None = None,
) -> AsyncGenerator[TestBackend]:
    """Run an app for the time of a `with` block.

    Args:
        app: Its folder. Modules of it that the test has imported are those that run.
        file: The SQLite file to store in; without one the store is in memory.
        clock: The time that functions see.

    Raises:
        DefinitionError: The app is not right.
    """
    loaded = app if isinstance(app, LoadedApp) else load_app(Path(app), reuses_modules=True)
    clock = clock or VirtualClock()
    store = None if file is None else SqliteStore.open(file)
    async with running_backend(_with_load(loaded), persistence=store, clock=clock) as backend:
        yield TestBackend(backend, clock)


def _documents(source: str | Path | Iterable[Mapping[str, Any]]) -> list[Any]:
    if isinstance(source, Path):
        lines: list[Any] = source.read_text().splitlines()
        place = str(source)
    elif isinstance(source, str):
        lines, place = source.splitlines(), "the lines"
    else:
        return [dict(document) for document in source]
    return [
        _document(line, f"{place}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _document(line: str, place: str) -> Any:
    try:
        value = decode_json(line.encode())
    except ValidationError as error:
        raise ValidationError(f"Expected a JSON object in {place}: {error.message}") from error
    if not is_dict(value):
        raise ValidationError(f"Expected a JSON object in {place}, got `{line}`")
    return value


@internal_mutation(args=v.any())
async def _load(ctx: MutationCtx, args: Any) -> Any:
    named: dict[str, str] = dict(args["named"])
    ids: list[str] = []
    for given in args["documents"]:
        document = dict(given)
        name = document.pop(_ID, None)
        document.pop(_CREATION_TIME, None)
        new_id = await ctx.db.insert(args["table"], _with_ids(document, named))
        ids.append(new_id)
        if name is not None:
            named[name] = new_id
    return {"ids": ids, "named": [list(pair) for pair in named.items()]}


def _with_load(app: LoadedApp) -> LoadedApp:
    """Return the app with the one internal function more that `TestBackend.load` calls."""
    signature = compile_signature(_load.declaration)
    function = AppFunction(_LOAD, "mutation", True, _load, signature)
    return replace(app, registry=Registry({**app.registry.functions, _LOAD: function}))


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a value in which each text that names a loaded document is its id."""
    if isinstance(value, str):
        return ids.get(value, value)
    if is_list(value):
        return [_with_ids(item, ids) for item in value]
    if is_dict(value):
        return {name: _with_ids(item, ids) for name, item in value.items()}
    return value
