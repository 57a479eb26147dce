"""An app, running: its database, its functions, its live queries.

The backend knows no sockets and opens no files; it is given a loaded app and an open storage.
What it gives back is ready for the wire. All of it lives on one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from realtime.clock import Clock
from realtime.database.database import Database, DatabaseLimits
from realtime.errors import RealtimeError, UnavailableError, ValidationError
from realtime.runtime.action_lane import ActionLimits
from realtime.runtime.app_change import AppChange
from realtime.runtime.backend_state import State, unavailable
from realtime.runtime.call_checks import check_call, value_or_raise
from realtime.runtime.counters import Counters
from realtime.runtime.cursor import Cursors
from realtime.runtime.error_texts import ErrorTexts
from realtime.runtime.function_run import RunSettings
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.lanes import Lanes
from realtime.runtime.mutation_job import MutationJob
from realtime.runtime.outcome import (
    ActionOutcome,
    FunctionCall,
    FunctionKind,
    LiveClient,
    MutationOutcome,
    NestedCall,
    QueryResult,
)
from realtime.runtime.query_cache import QueryCache
from realtime.runtime.registry import LoadedApp
from realtime.runtime.watchdog import Watchdog, report_blocked_loop
from realtime.storage.persistence import Persistence

_log = logging.getLogger("realtime.runtime")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a backend; times in seconds, sizes in bytes."""

    database: DatabaseLimits = field(default_factory=DatabaseLimits)
    user_time_seconds: float = 1.0
    """Time of one query's or mutation's own code; reads and writes are not counted."""
    query_cache_bytes: int = 8 * 1024 * 1024
    """For results that nobody is subscribed to."""
    actions: ActionLimits = field(default_factory=ActionLimits)


class Backend:
    """The running app. Start it once, on the loop on which it is used."""

    def __init__(
        self,
        app: LoadedApp,
        persistence: Persistence,
        clock: Clock,
        *,
        redact_errors: bool,
        limits: Limits | None = None,
        reports_blocked_loop: bool = False,
    ) -> None:
        """Recover from `persistence`; DefinitionError if the app does not fit what it holds."""
        self.app = app
        self.counters = Counters()
        self.state: State = "starting"
        self._limits = limits or Limits()
        self._clock = clock
        self._persistence = persistence
        self._database = Database(persistence, app.schema, clock, self._limits.database)
        self.redact_errors = redact_errors
        """Whether clients see error texts."""
        self._watchdog = Watchdog()
        if reports_blocked_loop:
            self._watchdog.on_blocked = report_blocked_loop
        self._cursors = Cursors(self._database.secret)
        self._runner = self._runner_of(app)
        self._changing = asyncio.Lock()
        """Held while the app changes."""
        self._cache = QueryCache(self._database.subscriptions, self._limits.query_cache_bytes)
        self._on_fenced: list[Callable[[BaseException], None]] = []
        self._lanes: Lanes

    # Life

    async def start(self) -> None:
        """Begin to take calls."""
        self._lanes = Lanes(
            self._database,
            self._persistence,
            self._runner,
            self._cache,
            self._clock,
            self.counters,
            self._limits.actions,
            state=lambda: self.state,
            on_fenced=self._fence,
        )
        self._watchdog.open()
        self._lanes.open()
        self.state = "running"

    async def stop(self) -> None:
        """Finish what runs, deliver its answers and transitions, and close the storage.

        Mutations that were queued and not started are rejected: nothing of them happened. Actions
        that run may finish, with the queries and mutations that they still call, for as long as
        their limits say; then they are cancelled.
        """
        was_running = self.state == "running"
        if was_running:
            self.state = "stopping"
        await self._lanes.close(was_running=was_running)
        if was_running:
            self.state = "stopped"
        self._watchdog.close()
        self._database.close()
        self._persistence.close()

    async def change_app(self, app: LoadedApp) -> None:
        """Serve another version of the app from here on, once what is stored fits its schema.

        Calls go on meanwhile, with the code and schema of before, which stay if this raises. The
        change is one step: a run that has begun ends on the code and schema it began with, live
        queries run again, and sockets stay open. One change at a time; others wait.

        Raises:
            DefinitionError: A document does not fit; the message names it and its field.
            OverloadedError: The storage is busy or has no room.
            StorageError: The storage failed.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        runner = self._runner_of(app)

        def activate() -> None:
            self.app = app
            self._runner = runner
            self._lanes.change_code(runner)

        async with self._changing:
            steps = self._lanes.mutations.steps
            change = AppChange(self._database, self._persistence, steps, self._clock)
            await change.run(app.schema, activate)

    def on_fenced(self, callback: Callable[[BaseException], None]) -> None:
        """Call `callback` with the cause when the backend can't go on."""
        self._on_fenced.append(callback)

    # State

    @property
    def timestamp(self) -> int:
        """The newest durable timestamp."""
        return self._database.durable

    @property
    def subscription_count(self) -> int:
        """How many queries live clients are subscribed to."""
        return self._lanes.live.subscription_count

    @property
    def running_action_count(self) -> int:
        """How many actions have not ended."""
        return len(self._lanes.actions.running)

    @property
    def wal_size_bytes(self) -> int:
        """The size of the write-ahead log."""
        return self._persistence.wal_size_bytes()

    def function_kind(self, path: str) -> FunctionKind | None:
        """Return the kind of a function, internal ones included; None if there is none."""
        try:
            function = self.app.registry.find(path)
        except ValidationError:
            return None
        return None if function is None else function.kind

    # Calls

    async def run_query(self, call: FunctionCall) -> QueryResult:
        """Return the result of a query at the newest durable timestamp.

        Raises:
            OverloadedError: Too much work is waiting.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        return await self._lanes.live.run_once(call)

    async def run_queries(self, calls: Sequence[FunctionCall]) -> list[QueryResult]:
        """Return the results of several queries, all at the newest durable timestamp.

        Raises:
            LimitError: The results are too large together.
            OverloadedError: Too much work is waiting.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        return await self._lanes.live.run_together(calls)

    async def run_query_at(self, call: FunctionCall, timestamp: int) -> QueryResult:
        """Return the result of a query at a timestamp of the last minute.

        Raises:
            OutOfRetentionError: It is too long ago.
            ValidationError: It is in the future.
            OverloadedError: Too much work is waiting.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        return await self._lanes.live.run_at(call, timestamp)

    async def run_action(self, call: FunctionCall) -> ActionOutcome:
        """Run an action and return its outcome; whoever waits may go, the action goes on.

        Raises:
            OverloadedError: Too many are running, or it came to a call that was not taken.
            UnavailableError: The backend is not running, or stopped before the action ended.
        """
        self._check_running()
        return await self._lanes.run_action(call)

    async def run_mutation(self, call: FunctionCall) -> MutationOutcome:
        """Run a mutation and return its outcome once what it saw is durable.

        Raises:
            OverloadedError: It was not taken; nothing happened.
            UnavailableError: The backend is not running, or was stopped before it was durable.
        """
        self._check_running()
        return await self._lanes.run_mutation(call, None)

    async def run_function(
        self, call: FunctionCall
    ) -> QueryResult | MutationOutcome | ActionOutcome:
        """Run a query, a mutation or an action, whichever the path names."""
        match self.function_kind(call.path):
            case "mutation":
                return await self.run_mutation(call)
            case "query":
                return await self.run_query(call)
            case "action":
                return await self.run_action(call)
            case None:
                pass
        try:
            found = self.app.registry.find(call.path)
            check_call(found, call.path, None, is_admin=call.reaches_internal)
        except RealtimeError as error:
            return QueryResult(None, self._runner.failure(call, error))
        raise AssertionError("a function that exists has a kind")

    async def run_here(self, call: NestedCall, kind: FunctionKind) -> bytes:
        """Run a call of this process; return the encoded result, or raise what was raised.

        Raises:
            UnavailableError: The backend is not running.
        """
        self._check_running()
        report: RunReport | MutationOutcome | ActionOutcome
        match kind:
            case "query":
                report = await self._lanes.live.run_nested(call, None)
            case "mutation":
                report = await self._lanes.run_mutation(call, None)
            case "action":
                report = await self.run_action(call)
        return value_or_raise(call.path, report.value, report.cause)

    async def settled(self) -> None:
        """Wait until calls of this process are answered and live queries are up to date."""
        await self._lanes.settled()

    def submit_mutation(
        self,
        call: FunctionCall,
        client: LiveClient,
        session_id: str | None,
        request_id: int,
        on_finished: Callable[[MutationOutcome], None],
    ) -> None:
        """Queue a mutation of a client; one client's run in the order of submission.

        Args:
            call: What to run.
            client: Whose queue it joins.
            session_id: With `request_id` the key under which the answer is stored for re-sends.
            request_id: The client's number of the request.
            on_finished: Called once, on the loop, when what the mutation saw is durable.

        Raises:
            OverloadedError: Too many are waiting.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        job = MutationJob(call, session_id, request_id, on_finished)
        self._lanes.mutations.submit(client, job)

    def submit_action(
        self,
        call: FunctionCall,
        client: LiveClient,
        on_finished: Callable[[ActionOutcome], None],
    ) -> None:
        """Start an action of a client, beside whatever else runs.

        Args:
            call: What to run.
            client: Among whose actions it counts; it may go, the action goes on.
            on_finished: Called once, in a later turn of the loop.

        Raises:
            OverloadedError: Too many are running.
            UnavailableError: The backend is not running.
        """
        self._check_running()
        self._lanes.actions.submit(client, call, on_finished)

    # Live clients

    def request_update(self, client: LiveClient) -> None:
        """Queue one update of a client's queries; does nothing while one is queued."""
        if self.state in ("running", "stopping"):
            self._lanes.live.request_update(client)

    def unsubscribe(self, client: LiveClient, query_id: int) -> None:
        """Forget one query of a client."""
        self._lanes.live.unsubscribe(client, query_id)

    def disconnect(self, client: LiveClient) -> None:
        """Forget a client: its queries, and its mutations that were not started."""
        self._lanes.disconnect(client)

    # Inside

    def _runner_of(self, app: LoadedApp) -> FunctionRunner:
        settings = RunSettings(
            app.registry,
            app.root,
            self._watchdog,
            self._limits.user_time_seconds,
            self._limits.database.scan_chunk,
            self._cursors,
        )
        texts = ErrorTexts(app.root, self._clock, redact_errors=self.redact_errors)
        return FunctionRunner(settings, texts, self._clock, self.counters)

    def _check_running(self) -> None:
        if self.state != "running":
            raise unavailable(self.state)

    def _fence(self, cause: BaseException) -> None:
        if isinstance(cause, UnavailableError):
            reason, traceback = cause.message, None
        else:
            reason, traceback = "The storage failed with an unknown outcome", cause
        _log.critical(
            "%s. The server takes no more calls; start it again to recover from the file",
            reason,
            exc_info=traceback,
        )
        self.state = "fenced"
        self._lanes.end_all(unavailable("fenced"))
        for callback in self._on_fenced:
            callback(cause)
