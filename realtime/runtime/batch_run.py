"""One batch of mutations: taken one after another, run in one open SQLite transaction.

It goes on until nothing waits or the batch is large enough. A mutation that is suspended lets the
loop turn, and is not kept waiting for by its predecessors: their part is committed first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from realtime.clock import Clock
from realtime.database.committer import Batch
from realtime.database.timestamp import Timestamp
from realtime.database.transaction import Transaction
from realtime.errors import OverloadedError, RealtimeError, StorageError
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.group_commit import GroupCommit
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.operation import Steps
from realtime.runtime.outcome import ClientError
from realtime.storage.records import RequestRecord

BATCH_ROWS: Final = 500
BATCH_BYTES: Final = 2 * 1024 * 1024
BATCH_SECONDS: Final = 0.005
BATCH_SYNCS: Final = 4
MAX_BATCH_SECONDS: Final = 0.020
"""A batch may run for as long as four syncs take: on a slow disk a short one would leave the
processor waiting. Beyond 20 ms sockets and queries would wait too long for their turn."""
SLICE_ROWS: Final = 500


class BatchRun:
    """One batch from BEGIN to its answers."""

    def __init__(
        self,
        group_commit: GroupCommit,
        runner: FunctionRunner,
        clock: Clock,
        take: Callable[[], MutationJob | None],
        members: list[MutationJob],
        *,
        note_turn: Callable[[float], None],
    ) -> None:
        """Run what `take` gives until that is None.

        `members` is filled as mutations are taken, so that the caller can repeat them. `note_turn`
        is told how long the loop has waited for each of its turns, in seconds.
        """
        self._group_commit = group_commit
        self._committer = group_commit.database.committer
        self._runner = runner
        self._clock = clock
        self._take = take
        self._members = members
        self._note_turn = note_turn
        self._started = clock.monotonic_seconds()
        sync_seconds = self._committer.recent_sync_seconds
        self._seconds = min(max(BATCH_SECONDS, BATCH_SYNCS * sync_seconds), MAX_BATCH_SECONDS)
        self._batch: Batch
        self._newest = group_commit.database.durable
        """The timestamp of what the next mutation will see."""
        self._unanswered: list[MutationJob] = []
        """Members of the open transaction that have run."""
        self._turn_began: float
        """When the loop last had its turn."""

    async def run(self) -> None:
        """Take mutations until the batch is full, commit, publish, answer."""
        self._batch = await self._group_commit.begin()
        self._turn_began = self._clock.monotonic_seconds()
        while (job := self._take()) is not None:
            self._members.append(job)
            await self._run_job(job)
            self._unanswered.append(job)
            if self._is_full():
                break
        await self._commit()

    def _is_full(self) -> bool:
        batch, now = self._batch, self._clock.monotonic_seconds()
        self._note_turn(now - self._turn_began)
        return (
            batch.row_count >= BATCH_ROWS
            or batch.size_bytes >= BATCH_BYTES
            or now - self._started >= self._seconds
        )

    async def _run_job(self, job: MutationJob) -> None:
        assert self._group_commit.persistence.in_transaction
        job.timestamp = self._newest
        job.record = self._stored_answer(job)
        if job.record is not None:
            job.timestamp = Timestamp(job.record.timestamp)
            return
        try:
            function, args = self._runner.resolve(job.call, "mutation")
        except RealtimeError as error:
            failure = self._runner.failure(job.call, error)
            job.report = RunReport(None, failure, (), None, cause=error)
            return
        steps = self._runner.run(job.call, function, args, self._begin_run, lambda: True)
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
        if not self._group_commit.persistence.in_transaction:
            raise StorageError("The storage ended the transaction while a mutation was running")
        await self._write(job)

    def _begin_run(self) -> Transaction:
        return self._group_commit.database.begin_mutation(self._batch)

    async def _let_go(self) -> None:
        """Let the loop turn for a suspended mutation, its predecessors answered."""
        if self._unanswered:
            await self._commit()
            self._batch = await self._group_commit.begin()
        await self._let_loop_turn()

    async def _let_loop_turn(self) -> None:
        self._note_turn(self._clock.monotonic_seconds() - self._turn_began)
        await asyncio.sleep(0)
        self._turn_began = self._clock.monotonic_seconds()

    def _stored_answer(self, job: MutationJob) -> RequestRecord | None:
        if job.session_id is None:
            return None
        return self._committer.find_request(self._batch, job.session_id, job.request_id)

    async def _write(self, job: MutationJob) -> None:
        """Add the rows of a success to the batch, and its answer if it may be asked for again.

        Also an answer without rows is kept: a second run might find something to do, and the
        client was told that there was nothing.
        """
        report = job.report
        assert report is not None
        committer, batch = self._committer, self._batch
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
        group_commit, batch = self._group_commit, self._batch
        allocator = group_commit.database.allocator
        if batch.is_empty:
            self._committer.roll_back()
            self._answer_without_commit()
            return
        timestamp = batch.last_timestamp
        self._committer.seal(batch, timestamp, allocator.last_creation_time)
        await group_commit.make_durable(is_alone=len(self._unanswered) == 1)
        answered, self._unanswered = self._unanswered, []
        self._forget(answered)
        group_commit.finish(batch, timestamp, answered)
        await group_commit.checkpoints.after_commit()

    def _answer_without_commit(self) -> None:
        answered, self._unanswered = self._unanswered, []
        self._forget(answered)
        self._group_commit.answer(answered)

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


def _rejected_report(error: OverloadedError) -> RunReport:
    return RunReport(None, ClientError(error.message), (), None, rejection=error)
