"""The lane of mutations: batches, one after another.

A turn of this lane is one batch. Mutations are taken round-robin from the clients that have some
waiting, one client's in order, and run one after another in one open SQLite transaction, until
none is waiting or the batch is large enough. Then one COMMIT makes them durable, in the commit
thread while the loop serves sockets and queries, or on the loop when nothing else is to be done
and the disk is fast. What arrives meanwhile is the next batch: group commit without a timer.

Nobody gets an answer before the batch is durable and published: not the mutations without writes
and not the failed ones either, for they may have seen what their predecessors wrote.

When the storage refuses rows or a COMMIT (a full disk), the batch is rolled back and its members
run again one by one, in order, before anybody else; those that still fail are rejected: nothing
of them happened. When the outcome of a COMMIT is unknown, the server fences.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Sequence

import msgspec

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.timestamp import Timestamp
from realtime.database.transaction import Transaction
from realtime.errors import OverloadedError, RealtimeError, StorageError, UnavailableError
from realtime.runtime.backlog import Backlog
from realtime.runtime.batch_steps import BatchStep, BatchSteps
from realtime.runtime.checkpoints import IDLE_SECONDS, Checkpoints, OutcomeUnknown
from realtime.runtime.counters import Counters
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.operation import Steps
from realtime.runtime.outcome import ClientError, MutationOutcome
from realtime.runtime.session_queue import SessionQueue
from realtime.storage.persistence import Persistence, RequestRecord

_log = logging.getLogger("realtime.runtime")

BATCH_ROWS = 500
BATCH_BYTES = 2 * 1024 * 1024
BATCH_SECONDS = 0.005
BATCH_SYNCS = 4
MAX_BATCH_SECONDS = 0.020
"""A batch may run for as long as four syncs take: on a slow disk a short one would leave the
processor waiting. Beyond 20 ms sockets and queries would wait too long for their turn."""
OVERRUN_SECONDS = 2 * MAX_BATCH_SECONDS
SLICE_ROWS = 500
BUSY_SECONDS = 5.0
_BUSY_RETRY_SECONDS = 0.02


class NotPublished(Exception):
    """A batch that is on disk could not be made visible: memory and file disagree."""


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
        self._persistence = persistence
        self.runner = runner
        """Runs the functions of the app; replaced when the app changes."""
        self._commit_thread = commit_thread
        self._clock = clock
        self._counters = counters
        self._backlog = backlog
        self._queries = queries
        self._loop_is_idle = loop_is_idle
        self._publish = publish
        self._on_published = on_published
        self._on_fenced = on_fenced
        self._waiting: SessionQueue[MutationJob] = SessionQueue(
            "mutations", "TooManyConcurrentMutations"
        )
        self._has_overrun = False
        """Whether a handler of the batch at hand has kept the loop from turning for long."""
        self._arrival = asyncio.Event()
        self._is_stopping = False
        self.steps = BatchSteps(self._arrival.set)
        self.checkpoints = Checkpoints(database, persistence, commit_thread, clock)
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
                    await self.checkpoints.when_idle()
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
        database = self._database
        try:
            batch = await self.begin_batch()
            result = step.work(batch)
            if batch.is_empty:
                database.committer.roll_back()
            else:
                timestamp = database.committer.next_timestamp()
                creation_time = database.allocator.last_creation_time
                database.committer.seal(batch, timestamp, creation_time)
                await self.make_durable(is_alone=False)
                self.finish(batch, timestamp, (), lambda: step.on_published(result))
                await self.checkpoints.after_commit()
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
            await _BatchRun(self, members).run()
        except (OverloadedError, StorageError) as error:
            self._database.committer.roll_back()
            if not members:  # it could not begin, so nobody would ever be taken
                self._reject_all(error)
            for job in members:
                await self._run_alone(job)

    async def _run_alone(self, job: MutationJob) -> None:
        """Run a member of a failed batch in a batch of its own; reject it if that fails too."""
        try:
            await _BatchRun(self, [], only=job).run()
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
        _answer(job, MutationOutcome(None, shown, self._database.durable, (), error))

    # What a batch run needs

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @property
    def persistence(self) -> Persistence:
        """The storage."""
        return self._persistence

    def take(self) -> MutationJob | None:
        """Return the next waiting mutation, unless the lane is stopping."""
        return None if self._is_stopping else self._waiting.pop()

    @property
    def now_seconds(self) -> float:
        """Return monotonic time."""
        return self._clock.monotonic_seconds()

    def note_turn(self, seconds: float) -> None:
        """Take note of how long the loop had to wait for one turn of a batch."""
        if seconds > OVERRUN_SECONDS:
            self._has_overrun = True

    async def make_durable(self, *, is_alone: bool) -> None:
        """Wait for the COMMIT of the open batch; on the loop if nobody is kept waiting by that.

        Raises:
            OverloadedError: The batch is not durable and was rolled back.
            OutcomeUnknown: Nobody can tell.
        """
        committer = self._database.committer
        nothing_else = is_alone and not self._waiting and self._loop_is_idle()
        try:
            if nothing_else and committer.sync_is_fast:
                committer.commit()
            else:
                await self._commit_thread.run(committer.commit)
        except StorageError as error:
            raise OutcomeUnknown(str(error)) from error

    async def begin_batch(self) -> Batch:
        """Open a transaction; try again for a while if the file is busy."""
        give_up = self.now_seconds + BUSY_SECONDS
        while True:
            try:
                return self._database.committer.begin(self._database.catalog)
            except OverloadedError:
                if self.now_seconds >= give_up:
                    raise
                await self._clock.sleep(_BUSY_RETRY_SECONDS)

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
            _answer(job, job.outcome())


class _BatchRun:
    """One batch from BEGIN to its answers."""

    def __init__(
        self, lane: MutationLane, members: list[MutationJob], only: MutationJob | None = None
    ) -> None:
        """`members` is filled as mutations are taken, so that the caller can repeat them."""
        self._lane = lane
        self._members = members
        self._only = only
        self._started = lane.now_seconds
        sync_seconds = lane.database.committer.recent_sync_seconds
        self._seconds = min(max(BATCH_SECONDS, BATCH_SYNCS * sync_seconds), MAX_BATCH_SECONDS)
        self._batch: Batch
        self._newest = lane.database.durable
        """The timestamp of what the next mutation will see."""
        self._unanswered: list[MutationJob] = []
        """Members of the open transaction that have run."""
        self._turn_began: float
        """When the loop last had its turn."""

    async def run(self) -> None:
        """Take mutations until the batch is full, commit, publish, answer."""
        self._batch = await self._lane.begin_batch()
        self._turn_began = self._lane.now_seconds
        while (job := self._take()) is not None:
            self._members.append(job)
            await self._run_job(job)
            self._unanswered.append(job)
            if self._is_full():
                break
        await self._commit()

    def _take(self) -> MutationJob | None:
        if self._only is None:
            return self._lane.take()
        job, self._only = self._only, None
        self._started = float("-inf")  # a batch of one
        return job

    def _is_full(self) -> bool:
        batch, now = self._batch, self._lane.now_seconds
        self._lane.note_turn(now - self._turn_began)
        return (
            batch.row_count >= BATCH_ROWS
            or batch.size_bytes >= BATCH_BYTES
            or now - self._started >= self._seconds
        )

    async def _run_job(self, job: MutationJob) -> None:
        assert self._lane.persistence.in_transaction
        job.timestamp = self._newest
        job.record = self._stored_answer(job)
        if job.record is not None:
            job.timestamp = Timestamp(job.record.timestamp)
            return
        try:
            function, args = self._lane.runner.resolve(job.call, "mutation")
        except RealtimeError as error:
            failure = self._lane.runner.failure(job.call, error)
            job.report = RunReport(None, failure, (), None, cause=error)
            return
        steps = self._lane.runner.run(job.call, function, args, self._begin_run, lambda: True)
        while True:
            try:
                _step(steps)
            except StopIteration as stop:
                job.report = stop.value
                break
            except OverloadedError as error:
                job.report = _rejected_report(error)
                break
            await self._let_go()
        if not self._lane.persistence.in_transaction:
            raise StorageError("The storage ended the transaction while a mutation was running")
        await self._write(job)

    def _begin_run(self) -> Transaction:
        return self._lane.database.begin_mutation(self._batch)

    async def _let_go(self) -> None:
        """Let the loop turn for a suspended mutation, its predecessors answered."""
        if self._unanswered:
            await self._commit()
            self._batch = await self._lane.begin_batch()
        await self._let_loop_turn()

    async def _let_loop_turn(self) -> None:
        self._lane.note_turn(self._lane.now_seconds - self._turn_began)
        await asyncio.sleep(0)
        self._turn_began = self._lane.now_seconds

    def _stored_answer(self, job: MutationJob) -> RequestRecord | None:
        if job.session_id is None:
            return None
        committer = self._lane.database.committer
        return committer.find_request(self._batch, job.session_id, job.request_id)

    async def _write(self, job: MutationJob) -> None:
        """Add the rows of a success to the batch, and its answer if it may be asked for again.

        Also an answer without rows is kept: a second run might find something to do, and the
        client was told that there was nothing.
        """
        report = job.report
        assert report is not None
        committer, batch = self._lane.database.committer, self._batch
        writes = report.transaction.write_set if report.transaction is not None else None
        if report.error is not None or writes is None or not (writes or job.session_id):
            return
        rows = writes.row_writes()
        while len(rows) > SLICE_ROWS:
            committer.add(batch, writes, rows[:SLICE_ROWS], is_last=False)
            rows = rows[SLICE_ROWS:]
            await self._let_loop_turn()
        committer.add(batch, writes, rows)
        job.timestamp = self._newest = committer.next_timestamp()
        batch.last_timestamp = job.timestamp
        batch.mutation_count += 1
        if job.session_id is not None:
            assert report.value is not None
            batch.requests[job.session_id, job.request_id] = RequestRecord(
                job.session_id,
                job.request_id,
                job.call.path,
                job.timestamp,
                report.value,
                msgspec.json.encode(report.log_lines),
            )

    async def _commit(self) -> None:
        lane, batch = self._lane, self._batch
        database = lane.database
        if batch.is_empty:
            database.committer.roll_back()
            self._answer_without_commit()
            return
        timestamp = batch.last_timestamp
        database.committer.seal(batch, timestamp, database.allocator.last_creation_time)
        await lane.make_durable(is_alone=len(self._unanswered) == 1)
        answered, self._unanswered = self._unanswered, []
        self._forget(answered)
        lane.finish(batch, timestamp, answered)
        await lane.checkpoints.after_commit()

    def _answer_without_commit(self) -> None:
        answered, self._unanswered = self._unanswered, []
        self._forget(answered)
        self._lane.answer(answered)

    def _forget(self, answered: list[MutationJob]) -> None:
        """Answered mutations must not be repeated when a later part of the batch fails."""
        done = set(map(id, answered))
        self._members[:] = [job for job in self._members if id(job) not in done]


def _step(steps: Steps[RunReport]) -> None:
    """Run a handler on, outside of any task, as in the other lanes.

    `asyncio.timeout` in a handler, or `current_task().cancel()`, would end the lane otherwise.
    """
    task = asyncio.current_task()
    assert task is not None, "the lane is a task"
    loop = task.get_loop()
    asyncio.tasks._leave_task(loop, task)
    try:
        next(steps)
    finally:
        asyncio.tasks._enter_task(loop, task)


def _answer(job: MutationJob, outcome: MutationOutcome) -> None:
    """Hand an answer out; the fault of one receiver must not keep the others from theirs."""
    try:
        job.on_finished(outcome)
    except Exception:
        _log.exception("The answer of `%s` could not be delivered", job.call.path)


def _rejected_report(error: OverloadedError) -> RunReport:
    return RunReport(None, ClientError(error.message), (), None, rejection=error)
