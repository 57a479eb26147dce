"""Changing the app of a running server: first what is stored, then, with one commit, the code.

The steps of `SchemaChange` run between the batches of mutations, each short, so that nobody waits
long for one. What the storage refuses for the moment is tried again. If the change fails, or nobody
wants it any more, what it has begun is taken back and the app stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from realtime.clock import Clock
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.schema_change import Position, SchemaChange
from realtime.errors import OverloadedError, RealtimeError, UnavailableError
from realtime.runtime.batch_steps import BatchSteps
from realtime.schema.schema import Schema
from realtime.storage.persistence import Persistence

_log = logging.getLogger("realtime.runtime")

T = TypeVar("T")

STEP_ROWS = 256
STEP_SECONDS = 0.005
MAX_TRIES = 20
RETRY_SECONDS = 0.5


class AppChange:
    """Brings what is stored to another schema."""

    def __init__(
        self, database: Database, persistence: Persistence, steps: BatchSteps, clock: Clock
    ) -> None:
        self._database = database
        self._persistence = persistence
        self._steps = steps
        self._clock = clock

    async def run(self, schema: Schema, activate: Callable[[], None]) -> None:
        """Make `schema` active; `activate` is called with the commit that does, in its turn.

        Raises:
            DefinitionError: A document does not fit; the message names it and its field.
            OverloadedError: The storage refused a step again and again.
            StorageError: The storage failed.
            UnavailableError: The backend stops.
        """
        change = SchemaChange(self._persistence, schema)
        allocator = self._database.allocator
        try:
            position = await self._take(
                lambda batch: change.begin(batch, allocator.last_creation_time),
                lambda position: activate() if position is None else None,
            )
            if position is not None:
                await self._read(change, position)
                await self._take(change.finish, lambda _: activate())
        except BaseException:  # also a cancellation; the step at hand is taken nevertheless
            await self._abandon(change)
            raise
        await self._clear(change)

    async def _read(self, change: SchemaChange, position: Position | None) -> None:
        while position is not None:
            position = await self._take(self._reading(change, position))

    def _reading(
        self, change: SchemaChange, position: Position
    ) -> Callable[[Batch], Position | None]:
        def read(batch: Batch) -> Position | None:
            end = self._clock.monotonic_seconds() + STEP_SECONDS
            return change.read(
                batch,
                position,
                limit=STEP_ROWS,
                is_over=lambda: self._clock.monotonic_seconds() >= end,
            )

        return read

    async def _abandon(self, change: SchemaChange) -> None:
        """Take back what was begun. If the backend stops before, the next start does."""
        while True:
            try:
                await self._take(change.abandon)
                break
            except UnavailableError:
                return
            except OverloadedError:
                continue  # until there is room: what is pending costs every write
        await self._clear(change)

    async def _clear(self, change: SchemaChange) -> None:
        """Delete what nobody reads any more; what stays is deleted by the next start."""
        try:
            while await self._take(lambda batch: change.clear(batch, limit=STEP_ROWS)):
                pass
        except RealtimeError as error:
            _log.warning("Dropped indexes were not cleared; the next start will: %s", error)

    async def _take(
        self, work: Callable[[Batch], T], on_published: Callable[[T], None] = lambda _: None
    ) -> T:
        for _ in range(MAX_TRIES - 1):
            try:
                return await self._steps.take(work, on_published)
            except OverloadedError:
                await self._clock.sleep(RETRY_SECONDS)
        return await self._steps.take(work, on_published)
