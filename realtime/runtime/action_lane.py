"""The lane of actions: who runs, how many, for how long, and what a stop does to them.

Actions run at the same time, each in an asyncio task, in no order among themselves or to mutations.
A run belongs to nobody once it has begun: when its caller is gone it goes on, and only its answer
is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from realtime.clock import Clock
from realtime.errors import OverloadedError, RealtimeError
from realtime.runtime.action_run import ActionRun, ActionServices
from realtime.runtime.error_texts import HandlerFailure
from realtime.runtime.function_runner import FunctionRunner
from realtime.runtime.outcome import ActionOutcome, FunctionCall
from realtime.runtime.stretches import WatchingTaskFactory
from realtime.runtime.watchdog import time_limit_error

_log = logging.getLogger("realtime.runtime")

CLEAN_UP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class ActionLimits:
    """The limits of actions; times in seconds."""

    time_seconds: float = 600.0
    """Time of one run from its start to its end."""
    stretch_seconds: float = 1.0
    """Time that its own code may keep the event loop between two awaits."""
    running_per_client: int = 1_000
    running: int = 10_000
    blocking_threads: int = 32
    """Calls of `ctx.run_blocking` that run at the same time, of all actions together."""
    stop_seconds: float = 10.0
    """How long a stop waits for those that run."""


class ActionLane:
    """Runs actions on the event loop."""

    def __init__(
        self,
        services: ActionServices,
        limits: ActionLimits,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._services = services
        self._limits = limits
        self._clock = clock
        self._loop = loop
        self._running: set[ActionRun] = set()
        self._count_by_client: Counter[object] = Counter()
        self._task_factory = WatchingTaskFactory(loop)

    @property
    def running(self) -> Set[ActionRun]:
        """The runs that have not ended; answered ones too, while their handlers go on."""
        return self._running

    def open(self) -> None:
        """Begin to watch what actions do on the loop."""
        self._task_factory.install()

    def submit(
        self,
        client: object,
        call: FunctionCall,
        on_answered: Callable[[ActionOutcome], None],
    ) -> None:
        """Start an action; `on_answered` is called once, in a later turn of the loop.

        Raises:
            OverloadedError: Too many are running, of this client or in all.
        """
        limits = self._limits
        if (
            self._count_by_client[client] >= limits.running_per_client
            or len(self._running) >= limits.running
        ):
            raise OverloadedError(
                f"Too many actions are running (limit: {limits.running_per_client} a client, "
                f"{limits.running} in all). Wait for some to finish"
            )
        run = ActionRun(self._services, call, on_answered)
        self._running.add(run)
        self._count_by_client[client] += 1
        run.start(self._loop)
        timer = self._loop.create_task(self._limit_time(run), name=f"time limit of {call.path}")
        run.task.add_done_callback(partial(self._ended, run, client, timer))

    def change_code(self, runner: FunctionRunner) -> None:
        """Run other functions from now on; a run that has begun ends on the code it began with."""
        self._services = replace(
            self._services, settings=runner.settings, runner=runner, texts=runner.texts
        )

    def end_all(self, reason: RealtimeError) -> None:
        """End all runs for a reason that the server has."""
        for run in list(self._running):
            run.end(reason)

    async def close(self, reason: RealtimeError, wait_seconds: float) -> None:
        """Wait for the runs to end, then end them for `reason`."""
        await self._wait(wait_seconds)
        for run in self._running:
            _log.warning("`%s` was still running at the stop and was cancelled", run.path)
        self.end_all(reason)
        await self._wait(CLEAN_UP_SECONDS)
        for run in self._running:
            _log.warning("`%s` goes on although it was cancelled; it is left behind", run.path)
        self._task_factory.uninstall()

    async def _wait(self, seconds: float) -> None:
        if self._running:
            await asyncio.wait([run.task for run in self._running], timeout=seconds)

    async def _limit_time(self, run: ActionRun) -> None:
        """End a run whose time is over, and cancel it again while it does not end."""
        await self._clock.sleep(self._limits.time_seconds)
        run.end(time_limit_error(run.path, self._limits.time_seconds))
        while True:
            await self._clock.sleep(CLEAN_UP_SECONDS)
            _log.warning("`%s` goes on although its time is over; cancelled again", run.path)
            run.task.cancel()

    def _ended(
        self,
        run: ActionRun,
        client: object,
        timer: asyncio.Task[None],
        task: asyncio.Task[None],
    ) -> None:
        timer.cancel()
        self._running.discard(run)
        self._count_by_client[client] -= 1
        if not self._count_by_client[client]:
            del self._count_by_client[client]
        if task.cancelled():  # before its first step, or after its answer
            run.fail(HandlerFailure(asyncio.CancelledError()))
        elif (error := task.exception()) is not None:
            _log.error("The run of `%s` failed", run.path, exc_info=error)
            run.fail(error)
