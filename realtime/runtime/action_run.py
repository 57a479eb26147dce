"""One run of one action: its context, its nested calls, its result.

The handler is an ordinary coroutine in an asyncio task. Its queries and mutations run in their
lanes like those of clients, each a transaction of its own; actions that it calls run inside of it.

A run is answered once: with what the handler returned or raised, or before that with the reason for
which it was ended. An ended handler is cancelled, and cancelled again while it goes on; its `ctx`
works until it has really returned, so that it can put right what it leaves half done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from realtime.clock import Clock
from realtime.errors import (
    ApplicationError,
    ConflictError,
    OverloadedError,
    RealtimeError,
    TimeLimitError,
    UnavailableError,
    ValidationError,
)
from realtime.runtime.blocking_calls import BlockingCalls
from realtime.runtime.call_checks import (
    check_awaited,
    check_depth,
    check_kind,
    decode_arguments,
    decode_returned,
    encode_arguments,
    encode_returned,
    value_or_raise,
)
from realtime.runtime.context import ActionCtx, Reference
from realtime.runtime.counters import Counters
from realtime.runtime.error_texts import ErrorTexts, HandlerFailure
from realtime.runtime.function_run import RunSettings
from realtime.runtime.function_runner import FunctionRunner, RunReport
from realtime.runtime.log_lines import LogLines
from realtime.runtime.operation import Operation, Steps
from realtime.runtime.outcome import (
    ActionOutcome,
    ClientError,
    FunctionCall,
    FunctionKind,
    MutationOutcome,
    NestedCall,
)
from realtime.runtime.registry import AppFunction
from realtime.runtime.stretches import Stretches, WatchedCoroutine
from realtime.runtime.user_identity import UserIdentity
from realtime.runtime.watchdog import FunctionStopped, TimeBudget
from realtime.values.display import sendable_text
from realtime.values.json_encoding import encode_json
from realtime.values.validators import TableNames
from realtime.values.value import Value

R = TypeVar("R")

_NS_PER_MS = 1_000_000
_SEED_BYTES = 16


@dataclass(frozen=True, slots=True)
class ActionServices:
    """What all runs of actions of a backend share; times in seconds."""

    settings: RunSettings
    runner: FunctionRunner
    texts: ErrorTexts
    clock: Clock
    counters: Counters
    stretch_seconds: float
    blocking_calls: BlockingCalls
    tables: Callable[[], TableNames]
    run_query: Callable[[NestedCall, object], Awaitable[RunReport]]
    """The second argument is whose queue the call joins."""
    run_mutation: Callable[[NestedCall, object], Awaitable[MutationOutcome]]


class ActionRun:
    """The state of one run. Start it once; its answer comes exactly once."""

    def __init__(
        self,
        services: ActionServices,
        call: FunctionCall,
        on_answered: Callable[[ActionOutcome], None],
    ) -> None:
        self.services = services
        self.call = call
        self.path = call.path
        self.log_lines = LogLines()
        self.stretches = Stretches(self, services.settings.watchdog, services.stretch_seconds)
        self.task: asyncio.Task[None]
        """Set when the run starts."""
        self._on_answered: Callable[[ActionOutcome], None] | None = on_answered
        self._caller_context = copy_context()
        self._random: Random | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the run, in a task of its own."""
        coroutine = WatchedCoroutine(self._execute(), self.stretches, is_of_app=False)
        self.task = loop.create_task(coroutine, name=self.path, context=self.stretches.context())

    def end(self, reason: RealtimeError) -> None:
        """Answer the call with the reason for which the run ends, and cancel its handler."""
        self.fail(reason)
        self.task.cancel()

    def fail(self, error: BaseException) -> None:
        """Answer the call with an error, unless it has been answered."""
        if self._on_answered is not None:
            self._answer(self._failure(error))

    def _answer(self, outcome: ActionOutcome) -> None:
        """Answer the call in a later turn of the loop, out of the context of the action."""
        on_answered, self._on_answered = self._on_answered, None
        if on_answered is not None:
            self.task.get_loop().call_soon(on_answered, outcome, context=self._caller_context)

    def stop_stretch(self) -> TimeLimitError:
        """End the run because some of its code kept the loop; return the error that says so."""
        return self._stop(self.path)

    def _failure(self, error: BaseException) -> ActionOutcome:
        """Return the outcome of a run that ended with `error`."""
        cause = error.cause if isinstance(error, HandlerFailure) else error
        if isinstance(cause, (ConflictError, OverloadedError)):
            return self._rejection(OverloadedError(sendable_text(str(cause)), code=cause.code))
        if isinstance(cause, UnavailableError):
            return self._rejection(cause)
        if self.call.is_nested:  # its caller gets the exception, with its traceback
            shown = ClientError("")
        else:
            shown = self.services.texts.client_error(error, self.path, self.call.request_id)
        return ActionOutcome(None, shown, self._shown_lines(), cause=cause)

    def _rejection(self, reason: RealtimeError) -> ActionOutcome:
        return ActionOutcome(None, ClientError(reason.message), self._shown_lines(), reason)

    def _shown_lines(self) -> tuple[str, ...]:
        return () if self.services.texts.redact_errors else self.log_lines.lines()

    async def _execute(self) -> None:
        services = self.services
        try:
            function, args = services.runner.resolve(self.call, "action")
            self.path = function.path
            services.counters.function_runs[function.path, "action"] += 1
            result = await self.invoke(function, args, 1)
            encoded = encode_returned(function, result, {}, services.tables())
        except asyncio.CancelledError as error:
            self.fail(HandlerFailure(error))
        except (HandlerFailure, RealtimeError) as error:
            self.fail(error)
        else:
            services.counters.result_encodings[function.path] += 1
            self._answer(ActionOutcome(encoded, None, self._shown_lines()))

    # What the handlers' ctx asks for

    async def invoke(self, function: AppFunction, args: Any, depth: int) -> Any:
        """Check the arguments, run the handler and return what it returned, unchecked.

        Raises:
            RealtimeError: The call does not fit the function, or it was stopped.
            HandlerFailure: The handler raised.
        """
        decoded = decode_arguments(function, args, self.services.tables())
        scope = _Scope(self, depth)
        ctx = ActionCtx(scope)
        if function.signature.parameters is None:
            coroutine = function.handler(ctx, args)
        else:
            coroutine = function.handler(ctx, **decoded)
        try:
            try:
                self.stretches.budget.resume()
                result = await coroutine
            finally:
                self.stretches.budget.stop()
                scope.is_over = True
        except FunctionStopped:
            self.stretches.budget.stop()  # it may have arrived just before the one above
            raise self._stop(function.path) from None
        except (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:  # `sys.exit()` ends the function, not the server
            raise HandlerFailure(error) from error
        check_awaited(function, scope.unawaited, self.services.settings.root, "it was not run")
        return result

    async def run_in_lane(
        self, kind: FunctionKind, function: AppFunction, args: Mapping[str, Value]
    ) -> bytes:
        """Run a query or mutation in its lane and return its encoded result; raise what it raised.

        Its log lines join those of the run.
        """
        call = NestedCall(
            function.path, encode_json(dict(args)), self.call.identity, self.call.request_id
        )
        report: RunReport | MutationOutcome
        if kind == "query":
            report = await self.services.run_query(call, self)
        else:
            report = await self.services.run_mutation(call, self)
        self.log_lines.extend(report.log_lines)
        return value_or_raise(function.path, report.value, report.cause)

    def random(self) -> Random:
        """Return the run's source of randomness."""
        if self._random is None:
            self._random = Random(self.services.clock.random_bytes(_SEED_BYTES))
        return self._random

    def _stop(self, path: str) -> TimeLimitError:
        error = TimeLimitError(
            "Function execution timed out (maximum duration without an await: "
            f"{self.services.stretch_seconds:g}s) in `{path}`. Nobody else is served meanwhile: "
            "await in between, or leave the work to `ctx.run_blocking`"
        )
        self.end(error)
        return error


class _Scope:
    """What one handler of a run stands on: its `ctx` leads here."""

    def __init__(self, run: ActionRun, depth: int) -> None:
        self._run = run
        self._depth = depth
        self.log_lines = run.log_lines
        self.unawaited: dict[Operation[object], None] = {}
        self.is_over = False
        """Whether the handler has ended; set once."""

    @property
    def budget(self) -> TimeBudget:
        """The time of the code that runs at this moment."""
        return self._run.stretches.budget

    def check_active(self) -> None:
        """Raise if an operation is awaited too late, or by somebody else."""
        if self.is_over:
            raise ValidationError(
                "An operation of a `ctx` was awaited after its action had ended. Await it before: "
                "an action has to wait for the tasks that it starts"
            )
        if not self._run.stretches.is_running:
            raise ValidationError(
                "An operation of a `ctx` was awaited outside of its action. Await it in the action "
                "itself, or in a task that the action has started"
            )

    def now_ms(self) -> float:
        """Return the real time."""
        return float(self._run.services.clock.now_ns() // _NS_PER_MS)

    def random(self) -> Random:
        """Return the run's source of randomness."""
        return self._run.random()

    def user_identity(self) -> UserIdentity | None:
        """Return who called the action, also in actions that it calls."""
        return self._run.call.identity.user

    def call(
        self,
        kind: FunctionKind,
        reference: Reference,
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> Steps[Any]:
        """Run another function: a query or mutation by itself, an action inside this one."""
        run = self._run
        function = run.services.settings.registry.resolve(reference)
        check_kind(function, kind)
        encoded = encode_arguments(function, args, named)
        try:
            if kind == "action":
                check_depth(self._depth)
                result = yield from run.invoke(function, encoded, self._depth + 1).__await__()
                value = encode_returned(function, result, {}, run.services.tables())
            else:
                value = yield from run.run_in_lane(kind, function, encoded).__await__()
        except Exception as error:
            failure = error.cause if isinstance(error, HandlerFailure) else error
            if isinstance(failure, ApplicationError):
                failure.nesting += 1
            raise failure from failure.__cause__
        return decode_returned(function, value)

    def run_blocking(self, call: Callable[[], R]) -> Steps[R]:
        """Run a call in a thread of its own."""
        return (yield from self._run.services.blocking_calls.run(call).__await__())
