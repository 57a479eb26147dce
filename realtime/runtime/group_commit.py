"""Group commit: a batch from its BEGIN to the answers of its members.

One COMMIT makes all of a batch durable, in the commit thread while the loop serves sockets and
queries, or on the loop when nothing else is to be done and the disk is fast. Then it is published,
and only then does anybody get an answer: not the mutations without writes and not the failed ones
either, for they may have seen what their predecessors wrote. When the outcome of a COMMIT is
unknown, the server fences.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.timestamp import Timestamp
from realtime.errors import OverloadedError, StorageError
from realtime.runtime.backlog import Backlog
from realtime.runtime.checkpoints import Checkpoints, OutcomeUnknown
from realtime.runtime.counters import Counters
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.outcome import MutationOutcome
from realtime.storage.persistence import Persistence

_log = logging.getLogger("realtime.runtime")

BUSY_SECONDS: Final = 5.0
_BUSY_RETRY_SECONDS: Final = 0.02


class NotPublished(Exception):
    """A batch that is on disk could not be made visible: memory and file disagree."""


class GroupCommit:
    """Opens, commits and publishes the batches of the mutation lane, one at a time."""

    def __init__(
        self,
        database: Database,
        persistence: Persistence,
        commit_thread: CommitThread,
        clock: Clock,
        counters: Counters,
        backlog: Backlog,
        *,
        nothing_else_to_do: Callable[[], bool],
        publish: Callable[[Batch, Timestamp], None],
        on_published: Callable[[], None],
    ) -> None:
        """`backlog` counts the mutations that wait for their answers.

        `publish` moves the database on; `on_published` follows, before the answers are out.
        """
        self.database: Final = database
        self.persistence: Final = persistence
        self.checkpoints: Final = Checkpoints(database, persistence, commit_thread, clock)
        self._commit_thread = commit_thread
        self._clock = clock
        self._counters = counters
        self._backlog = backlog
        self._nothing_else_to_do = nothing_else_to_do
        self._publish = publish
        self._on_published = on_published

    async def begin(self) -> Batch:
        """Open a transaction; try again for a while if the file is busy."""
        give_up = self._clock.monotonic_seconds() + BUSY_SECONDS
        while True:
            try:
                return self.database.committer.begin(self.database.catalog)
            except OverloadedError:
                if self._clock.monotonic_seconds() >= give_up:
                    raise
                await self._clock.sleep(_BUSY_RETRY_SECONDS)

    async def make_durable(self, *, is_alone: bool) -> None:
        """Wait for the COMMIT of the open batch; on the loop if nobody is kept waiting by that.

        Raises:
            OverloadedError: The batch is not durable and was rolled back.
            OutcomeUnknown: Nobody can tell.
        """
        committer = self.database.committer
        nothing_else = is_alone and self._nothing_else_to_do()
        try:
            if nothing_else and committer.sync_is_fast:
                committer.commit()
            else:
                await self._commit_thread.run(committer.commit)
        except StorageError as error:
            raise OutcomeUnknown(str(error)) from error

    def finish(
        self,
        batch: Batch,
        timestamp: Timestamp,
        members: Sequence[MutationJob],
        before_announcing: Callable[[], None] = lambda: None,
    ) -> None:
        """Publish a durable batch and hand its answers out, in one turn.

        Raises:
            NotPublished: The storage failed. No member may be run again.
        """
        try:
            self._publish(batch, timestamp)
            before_announcing()
        except (OverloadedError, StorageError) as error:
            raise NotPublished(str(error)) from error
        self._counters.commits += batch.mutation_count
        self._counters.commit_batches += 1
        self._on_published()
        self.answer(members)

    def answer(self, members: Sequence[MutationJob]) -> None:
        """Hand out the answers of mutations whose view is durable."""
        self._backlog.serve(len(members))
        for job in members:
            deliver(job, job.outcome())


def deliver(job: MutationJob, outcome: MutationOutcome) -> None:
    """Hand an answer out; the fault of one receiver must not keep the others from theirs."""
    try:
        job.on_finished(outcome)
    except Exception:
        _log.exception("The answer of `%s` could not be delivered", job.call.path)
