"""When the write-ahead log is moved into the file; between two batches, never during one.

After a commit, when the log has grown large: so that it is begun anew and stays small. And when
nothing was written for a while: then it is emptied, so that a server at rest has a small log, and a
copy of its directory is nearly all in one file. `Persistence.checkpoint` tells the order of steps.
"""

from __future__ import annotations

from collections.abc import Callable

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.database import Database
from realtime.errors import OverloadedError, StorageError, UnavailableError
from realtime.storage.persistence import CHECKPOINT_AT_BYTES, FOREIGN_WRITE, Persistence

CHECKPOINT_RETRY_BYTES = 4 * 1024 * 1024
IDLE_SECONDS = 30.0
"""How long nothing must have been written before the log is emptied."""


class OutcomeUnknown(Exception):
    """A COMMIT or checkpoint failed in a way that does not tell what is on disk."""


class Checkpoints:
    """Moves the log when it is time to; used by the mutation lane alone."""

    def __init__(
        self,
        database: Database,
        persistence: Persistence,
        commit_thread: CommitThread,
        clock: Clock,
    ) -> None:
        self._database = database
        self._persistence = persistence
        self._commit_thread = commit_thread
        self._clock = clock
        self._next_bytes = 0
        """After a checkpoint that was held back, the size of the log at which to try again."""
        self._written_seconds = clock.monotonic_seconds()
        """When the last batch was committed (monotonic)."""

    async def after_commit(self) -> None:
        """Move the log into the file when it has grown.

        Raises:
            OutcomeUnknown: The storage failed.
        """
        self._written_seconds = self._clock.monotonic_seconds()
        wal_bytes = self._persistence.wal_size_bytes()
        if wal_bytes < CHECKPOINT_AT_BYTES or wal_bytes < self._next_bytes:
            return
        is_complete = await self._move(wal_bytes)
        self._next_bytes = 0 if is_complete else wal_bytes + CHECKPOINT_RETRY_BYTES

    async def when_idle(self) -> None:
        """Empty the log if nothing was written for a while; what is held back is tried later.

        Raises:
            OutcomeUnknown: The storage failed.
            UnavailableError: Another program has written to the file.
        """
        idle_seconds = self._clock.monotonic_seconds() - self._written_seconds
        wal_bytes = self._persistence.wal_size_bytes()
        if not wal_bytes or idle_seconds < IDLE_SECONDS:
            return
        if self._persistence.foreign_write_seen():  # readers would see it from here on
            raise UnavailableError(FOREIGN_WRITE)
        if await self._move(wal_bytes):
            await self._run(self._persistence.truncate_log)

    async def _move(self, wal_bytes: int) -> bool:
        generations = self._database.generations
        generations.make_way_for_checkpoint(wal_bytes)
        is_complete = await self._run(self._persistence.checkpoint)
        try:
            generations.resume_after_checkpoint(is_complete=is_complete)
        except (OverloadedError, StorageError) as error:
            raise OutcomeUnknown(str(error)) from error
        return is_complete

    async def _run(self, step: Callable[[], bool]) -> bool:
        try:
            return await self._commit_thread.run(step)
        except StorageError as error:  # no answered mutation may be repeated
            raise OutcomeUnknown(str(error)) from error
