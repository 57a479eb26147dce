"""The lanes of a backend, as one: what runs its functions, from the first call to the last answer.

Mutations, queries and actions have a lane each, and each needs the others: mutations stand back for
queries that wait and make live ones stale; actions call both. They are opened together, end
together, and change to another version of the app's code together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from realtime.clock import Clock
from realtime.database.commit_thread import CommitThread
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.timestamp import Timestamp
from realtime.errors import RealtimeError, UnavailableError
from realtime.runtime.action_lane import ActionLane, ActionLimits
from realtime.runtime.action_run import ActionServices
from realtime.runtime.backend_state import State, unavailable
from realtime.runtime.backlog import Backlog
from realtime.runtime.blocking_calls import BlockingCalls
from realtime.runtime.counters import Counters
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.live_queries import LiveQueries
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.mutation_lane import MutationLane
from realtime.runtime.outcome import (
    ActionOutcome,
    FunctionCall,
    LiveClient,
    MutationOutcome,
    NestedCall,
)
from realtime.runtime.query_cache import QueryCache
from realtime.runtime.query_lane import QueryLane
from realtime.storage.persistence import Persistence

_log = logging.getLogger("realtime.runtime")

_T = TypeVar("_T")

_STOP_SECONDS = 5.0


class Lanes:
    """Everything that runs functions, on the loop on which it is made."""

    def __init__(
        self,
        database: Database,
        persistence: Persistence,
        runner: FunctionRunner,
        cache: QueryCache,
        clock: Clock,
        counters: Counters,
        limits: ActionLimits,
        *,
        state: Callable[[], State],
        on_fenced: Callable[[BaseException], None],
    ) -> None:
        """`state` is that of the backend: the reason for which nested calls are refused."""
        loop = asyncio.get_running_loop()
        self._database = database
        self._cache = cache
        self._limits = limits
        self._state = state
        self._awaited: set[asyncio.Future[Any]] = set()
        """Answers that callers wait for; at a fence nobody knows what would be in them."""
        self._takes_nested = False
        """Whether actions may call queries and mutations: until the last of them has ended."""
        self._commit_thread = CommitThread(loop)
        waiting, others = Backlog(loop, clock), Backlog(loop, clock)
        self.queries = QueryLane(loop, clock, self._commit_thread, others, waiting)
        self.live = LiveQueries(database, runner, cache, self.queries, clock, loop)
        self.mutations = MutationLane(
            database,
            persistence,
            runner,
            self._commit_thread,
            clock,
            counters,
            waiting,
            others,
            loop_is_idle=lambda: not self.queries.has_work,
            publish=self._publish,
            on_published=self.live.announce_stale,
            on_fenced=on_fenced,
        )
        services = ActionServices(
            runner.settings,
            runner,
            runner.texts,
            clock,
            counters,
            limits.stretch_seconds,
            BlockingCalls(loop, limits.blocking_threads),
            tables=lambda: database.catalog,
            run_query=self._run_nested_query,
            run_mutation=self._run_nested_mutation,
        )
        self.actions = ActionLane(services, limits, clock, loop)

    def open(self) -> None:
        """Begin to run what comes."""
        self.mutations.open()
        self.actions.open()
        self._takes_nested = True

    async def close(self, *, was_running: bool) -> None:
        """Finish what runs and deliver its answers; with `was_running`, transitions as well.

        Mutations that have not started are rejected. Actions that run may finish, with the calls
        that they still make, for as long as their limits say; then they are cancelled.
        """
        stopping = unavailable("stopping")
        if was_running:
            self._reject_mutations(stopping, but_of_actions=True)
            self.mutations.steps.refuse_all(stopping)
        wait_seconds = self._limits.stop_seconds if was_running else 0.0
        await self.actions.close(unavailable("cancelled"), wait_seconds)
        self._takes_nested = False
        self._reject_mutations(stopping)
        await self.mutations.close()
        if was_running:
            self.live.end_rests()
            try:
                await asyncio.wait_for(self.queries.drained(), _STOP_SECONDS)
            except TimeoutError:
                _log.warning("Some live queries were not brought up to date before the stop")
        self.queries.close()
        self._commit_thread.close()

    def end_all(self, error: UnavailableError) -> None:
        """Answer everybody with `error`, and take nothing more."""
        self._takes_nested = False
        self._reject_mutations(error)
        self.mutations.steps.refuse_all(error)
        for answer in self._awaited:
            if not answer.done():
                answer.set_exception(error)
        self.actions.end_all(error)
        self.live.fail_all(error)

    def change_code(self, runner: FunctionRunner) -> None:
        """Run other functions from the newest commit on."""
        self.mutations.runner = runner
        self.actions.change_code(runner)
        self.live.change_code(runner)

    def disconnect(self, client: LiveClient) -> None:
        """Forget a client: its queries, and its mutations that were not started."""
        self.mutations.drop(client)
        self.live.disconnect(client)

    async def settled(self) -> None:
        """Wait until calls that somebody awaits are answered and live queries are up to date."""
        await asyncio.sleep(0)  # tasks that were just made submit their calls
        while waiting := [*self._awaited, *(run.task for run in self.actions.running)]:
            await asyncio.wait(waiting)
        await self.queries.drained()

    async def run_mutation(self, call: FunctionCall, client: object | None) -> MutationOutcome:
        """Run a mutation in the queue of `client`, or in one of its own; raise its rejection."""
        answer: asyncio.Future[MutationOutcome] = asyncio.get_running_loop().create_future()
        job = MutationJob(call, None, 0, partial(_resolve, answer))
        self.mutations.submit(client or call.caller or answer, job)
        self._awaited.add(answer)
        try:
            outcome = await answer
        finally:
            self._awaited.discard(answer)
        if outcome.rejection is not None:
            raise outcome.rejection
        return outcome

    async def run_action(self, call: FunctionCall) -> ActionOutcome:
        """Run an action and return its outcome; raise its rejection."""
        answer: asyncio.Future[ActionOutcome] = asyncio.get_running_loop().create_future()
        self.actions.submit(call.caller or answer, call, partial(_resolve, answer))
        outcome = await answer
        if outcome.rejection is not None:
            raise outcome.rejection
        return outcome

    # Inside

    async def _run_nested_query(self, call: NestedCall, caller: object) -> RunReport:
        self._check_takes_nested()
        return await self.live.run_nested(call, caller)

    async def _run_nested_mutation(self, call: NestedCall, client: object) -> MutationOutcome:
        self._check_takes_nested()
        return await self.run_mutation(call, client)

    def _check_takes_nested(self) -> None:
        if not self._takes_nested:
            raise unavailable(self._state())

    def _publish(self, batch: Batch, timestamp: Timestamp) -> None:
        self._cache.now_timestamp = timestamp
        self._database.advance(batch, timestamp)

    def _reject_mutations(self, error: RealtimeError, *, but_of_actions: bool = False) -> None:
        """Reject those that wait, but those that actions have called if these may finish."""
        spared = self.actions.running if but_of_actions else ()
        for job in self.mutations.drop_all(but=spared):
            self.mutations.reject(job, error)


def _resolve(answer: asyncio.Future[_T], outcome: _T) -> None:
    """Give whoever still waits what it waits for."""
    if not answer.done():
        answer.set_result(outcome)
