"""The lane of mutations: batches, one after another.

A turn of this lane is one batch (`batch_run`). Mutations are taken round-robin from the clients
that have some waiting, one client's in order. What arrives during a batch is the next one: group
commit (`group_commit`) without a timer.

When the storage refuses rows or a COMMIT (a full disk), the batch is rolled back and its members
run again one by one, in order, before anybody else; those that still fail are rejected: nothing
of them happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Final

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.timestamp import Timestamp
from realtime.errors import OverloadedError, RealtimeError, StorageError, UnavailableError
from realtime.runtime.backlog import Backlog
from realtime.runtime.batch_run import MAX_BATCH_SECONDS, BatchRun
from realtime.runtime.batch_steps import BatchStep, BatchSteps
from realtime.runtime.checkpoints import IDLE_SECONDS
from realtime.runtime.counters import Counters
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.group_commit import GroupCommit, deliver
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.outcome import ClientError, MutationOutcome
from realtime.runtime.session_queue import SessionQueue
from realtime.storage.persistence import Persistence

OVERRUN_SECONDS: Final = 2 * MAX_BATCH_SECONDS


class MutationLane:
    """Queues mutations and runs them in batches; one task on the loop."""

    def __init__(
        self,
        database: Database,
        persistence: Persistence,
        runner: FunctionRunner,
        commit_thread: CommitThread,
        clock: Clock,
        counters: Counters,
        backlog: Backlog,
        queries: Backlog,
        *,
        loop_is_idle: Callable[[], bool],
        publish: Callable[[Batch, Timestamp], None],
        on_published: Callable[[], None],
        on_fenced: Callable[[BaseException], None],
    ) -> None:
        """`backlog` is that of this lane, `queries` that of the others.

        `publish` moves the database on; `on_published` follows, before the answers are out.
        """
        self._database = database
        self.runner = runner
        """Runs the functions of the app; replaced when the app changes."""
        self._clock = clock
        self._backlog = backlog
        self._queries = queries
        self._on_fenced = on_fenced
        self._waiting: SessionQueue[MutationJob] = SessionQueue(
            "mutations", "TooManyConcurrentMutations"
        )
        self._has_overrun = False
        """Whether a handler of the batch at hand has kept the loop from turning for long."""
        self._arrival = asyncio.Event()
        self._is_stopping = False
        self.steps = BatchSteps(self._arrival.set)
        self._group_commit = GroupCommit(
            database,
            persistence,
            commit_thread,
            clock,
            counters,
            backlog,
            nothing_else_to_do=lambda: not self._waiting and loop_is_idle(),
            publish=publish,
            on_published=on_published,
        )
        self._is_upkeep_due = False
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Start taking mutations."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._work(), name="mutation lane"),
            loop.create_task(self._keep_up(), name="upkeep"),
        ]

    async def close(self) -> None:
        """Finish the batch at hand and start no other."""
        self._is_stopping = True
        self._arrival.set()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def submit(self, client: object, job: MutationJob) -> None:
        """Queue a mutation of `client`; OverloadedError when too many wait."""
        self._waiting.append(client, job)
        self._backlog.add()
        self._arrival.set()

    def drop(self, client: object) -> list[MutationJob]:
        """Take back what a client has waiting and not started."""
        jobs = self._waiting.drop(client)
        self._backlog.serve(len(jobs))
        return jobs

    def drop_all(self, but: Container[object] = ()) -> list[MutationJob]:
        """Take back everything that waits, but for some clients."""
        jobs = self._waiting.drop_all(but)
        self._backlog.serve(len(jobs))
        return jobs

    # The task

    async def _work(self) -> None:
        try:
            while not self._is_stopping:
                if self._waiting or self.steps:
                    if self._waiting:
                        await self._run_batch()
                        await self._let_others_run()
                    if self.steps:
                        await self._take_step(self.steps.pop())
                        await asyncio.sleep(0)
                elif self._is_upkeep_due:
                    self._is_upkeep_due = False
                    await self._group_commit.checkpoints.when_idle()
                else:
                    self._arrival.clear()
                    await self._arrival.wait()
        except Exception as error:  # the database may be torn: nobody may go on
            self._on_fenced(error)

    async def _keep_up(self) -> None:
        """Have the lane look now and then whether it is idle."""
        while True:
            await self._clock.sleep(IDLE_SECONDS)
            self._is_upkeep_due = True
            self._arrival.set()

    async def _let_others_run(self) -> None:
        """Give sockets and queries a turn between two batches; more after a batch that overran."""
        if not self._has_overrun:
            await asyncio.sleep(0)
            return
        self._has_overrun = False
        self._backlog.release()
        await self._queries.caught_up()

    async def _take_step(self, step: BatchStep) -> None:
        """Take a step in a batch of its own, which may stay empty."""
        database, group_commit = self._database, self._group_commit
        try:
            batch = await group_commit.begin()
            result = step.work(batch)
            if batch.is_empty:
                database.committer.roll_back()
            else:
                timestamp = database.committer.next_timestamp()
                creation_time = database.allocator.last_creation_time
                database.committer.seal(batch, timestamp, creation_time)
                await group_commit.make_durable(is_alone=False)
                group_commit.finish(batch, timestamp, (), lambda: step.on_published(result))
                await group_commit.checkpoints.after_commit()
        except RealtimeError as error:
            database.committer.roll_back()
            step.fail(error)
            if isinstance(error, UnavailableError):  # another program has written to the file
                raise
        except Exception as error:
            step.fail(error)
            raise
        else:
            step.succeed(result)

    async def _run_batch(self) -> None:
        members: list[MutationJob] = []
        try:
            await self._batch_run(self._take, members).run()
        except (OverloadedError, StorageError) as error:
            self._database.committer.roll_back()
            if not members:  # it could not begin, so nobody would ever be taken
                self._reject_all(error)
            for job in members:
                await self._run_alone(job)

    async def _run_alone(self, job: MutationJob) -> None:
        """Run a member of a failed batch in a batch of its own; reject it if that fails too."""
        try:
            alone = iter([job])
            await self._batch_run(lambda: next(alone, None), []).run()
        except (OverloadedError, StorageError) as error:
            self._database.committer.roll_back()
            self._backlog.serve(1)
            self.reject(job, error)

    def _reject_all(self, error: RealtimeError) -> None:
        for job in self.drop_all():
            self.reject(job, error)

    def reject(self, job: MutationJob, error: RealtimeError) -> None:
        """Answer a mutation that could not be taken: nothing of it happened."""
        shown = ClientError(error.message)
        deliver(job, MutationOutcome(None, shown, self._database.durable, (), error))

    def _batch_run(
        self, take: Callable[[], MutationJob | None], members: list[MutationJob]
    ) -> BatchRun:
        return BatchRun(
            self._group_commit,
            self.runner,
            self._clock,
            take,
            members,
            note_turn=self._note_turn,
        )

    def _take(self) -> MutationJob | None:
        """Return the next waiting mutation, unless the lane is stopping."""
        return None if self._is_stopping else self._waiting.pop()

    def _note_turn(self, seconds: float) -> None:
        if seconds > OVERRUN_SECONDS:
            self._has_overrun = True
