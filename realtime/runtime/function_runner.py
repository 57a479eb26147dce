"""Running a call from its text to its encoded outcome.

Here is the one loop that repeats a run: a `ConflictError`, from a handler or from a storage engine
that detects conflicts, is followed by at most four more runs, each in a new transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from realtime.clock import Clock
from realtime.database.transaction import Transaction
from realtime.errors import (
    ConflictError,
    LimitError,
    OverloadedError,
    RealtimeError,
    ValidationError,
)
from realtime.runtime.call_checks import check_argument_size, check_call, check_component
from realtime.runtime.counters import Counters
from realtime.runtime.error_texts import ErrorTexts, HandlerFailure
from realtime.runtime.function_path import module_form
from realtime.runtime.function_run import FunctionRun, RunSettings
from realtime.runtime.operation import Steps
from realtime.runtime.outcome import ClientError, FunctionCall, FunctionKind
from realtime.runtime.registry import AppFunction
from realtime.values.codec import is_dict, is_list
from realtime.values.display import sendable_text
from realtime.values.json_encoding import decode_json
from realtime.values.size import MAX_VALUE_NESTING, check_value_limits
from realtime.values.value import Value

MAX_RUNS = 5
_FEWEST_BYTES_OVER_A_LIMIT = 4096
_SEED_BYTES = 16
_NS_PER_MS = 1_000_000
_NOT_SHOWN = ClientError("")


class RunReport(msgspec.Struct, frozen=True):
    """What a run left behind: a value or an error, its log lines, and its transaction.

    `journal` is for the next run of a live query: after a failure the one that the run was given.
    `rejection` says that the call could not be taken and may succeed later; `cause` is what was
    raised, for a caller in this process.
    """

    value: bytes | None
    error: ClientError | None
    log_lines: tuple[str, ...]
    transaction: Transaction | None
    is_time_dependent: bool = False
    is_identity_dependent: bool = False
    journal: str | None = None
    rejection: OverloadedError | None = None
    cause: BaseException | None = None


class FunctionRunner:
    """Runs calls; each run gets its transaction from the caller."""

    def __init__(
        self, settings: RunSettings, texts: ErrorTexts, clock: Clock, counters: Counters
    ) -> None:
        self.settings = settings
        self.texts = texts
        self._clock = clock
        self._counters = counters

    def resolve(
        self, call: FunctionCall, kind: FunctionKind | None
    ) -> tuple[AppFunction, dict[str, Value]]:
        """Return the function and its decoded, unchecked arguments.

        Raises:
            RealtimeError: There is no such function for this caller, or the arguments are no
                arguments at all.
        """
        check_component(call)
        found = self.settings.registry.find(call.path)
        function = check_call(found, call.path, kind, is_admin=call.reaches_internal)
        check_argument_size(function, len(call.args))
        return function, _decode_arguments(call.args, function)

    def failure(self, call: FunctionCall, error: RealtimeError | HandlerFailure) -> ClientError:
        """Return what the client gets for a call that could not be run, or whose run failed.

        A nested call has no client: its caller gets the exception, and may catch it.
        """
        if call.is_nested:
            return _NOT_SHOWN
        return self.texts.client_error(error, call.path, call.request_id)

    def run(
        self,
        call: FunctionCall,
        function: AppFunction,
        args: dict[str, Value],
        begin: Callable[[], Transaction],
        may_suspend: Callable[[], bool],
        journal: str | None = None,
    ) -> Steps[RunReport]:
        """Run a function to its end, again after a conflict; `journal` is that of the last run.

        Raises:
            OverloadedError: The conflicts did not end, or the handler raised one itself.
        """
        for attempt in range(MAX_RUNS):
            transaction = begin()
            run = FunctionRun(
                self.settings,
                transaction,
                user=call.identity.user,
                now_ms=float(self._clock.now_ns() // _NS_PER_MS),
                draw_seed=lambda: self._clock.random_bytes(_SEED_BYTES),
                may_suspend=may_suspend,
                journal=journal,
            )
            self._counters.function_runs[function.path, function.kind] += 1
            try:
                result = yield from run.run(function, args)
                encoded = run.encode(function, result)
            except (HandlerFailure, RealtimeError) as error:
                cause = error.cause if isinstance(error, HandlerFailure) else error
                if isinstance(cause, ConflictError) and attempt + 1 < MAX_RUNS:
                    continue
                if isinstance(cause, (ConflictError, OverloadedError)):
                    raise _rejection(function, cause) from error
                return self._report(run, None, self.failure(call, error), journal, cause)
            self._counters.result_encodings[function.path] += 1
            return self._report(run, encoded, None, run.journal.page_end)
        raise AssertionError("the loop ends by itself")

    def _report(
        self,
        run: FunctionRun,
        value: bytes | None,
        error: ClientError | None,
        journal: str | None,
        cause: BaseException | None = None,
    ) -> RunReport:
        log_lines = () if self.texts.redact_errors else run.log_lines.lines()
        return RunReport(
            value,
            error,
            log_lines,
            run.transaction,
            run.is_time_dependent,
            run.is_identity_dependent,
            journal,
            cause=cause,
        )


def _rejection(function: AppFunction, cause: ConflictError | OverloadedError) -> OverloadedError:
    """Return the error of a call that may succeed later, from what its handler raised."""
    text = sendable_text(str(cause))
    if isinstance(cause, ConflictError):
        text = (
            f"What `{function.path}` read or wrote was changed by others while it ran, "
            f"{MAX_RUNS} times: {text}"
        )
    return OverloadedError(text, code=cause.code)


def _decode_arguments(encoded: bytes, function: AppFunction) -> dict[str, Value]:
    """Return the arguments object of a call's JSON text: `{…}`, `[{…}]` or nothing."""
    try:
        value: object = decode_json(encoded) if encoded else {}
    except ValidationError as error:
        raise _invalid_arguments(function, error) from error
    if is_list(value):
        if len(value) > 1:
            raise ValidationError(
                "ArgumentValidationError: Expected to receive a single object as the function's "
                f"argument. Instead received {len(value)} arguments: {_dump(encoded)}"
            )
        value = value[0] if value else {}
    if not is_dict(value):
        raise ValidationError(
            "ArgumentValidationError: Expected to receive an object as the function's argument. "
            f"Instead received: {_dump(encoded)}"
        )
    if _may_pass_limits(encoded):
        try:
            check_value_limits(value)
        except LimitError as error:
            raise _invalid_arguments(function, error) from error
    return cast("dict[str, Value]", value)


def _invalid_arguments(function: AppFunction, error: RealtimeError) -> ValidationError:
    return ValidationError(f"Invalid arguments for {module_form(function.path)}: {error.message}")


def _may_pass_limits(encoded: bytes) -> bool:
    """Say whether a value of this JSON text can be over a limit of values; mostly it can't."""
    return (
        len(encoded) > _FEWEST_BYTES_OVER_A_LIMIT
        or encoded.count(b"[") + encoded.count(b"{") > MAX_VALUE_NESTING
    )


def _dump(encoded: bytes) -> str:
    shown = 200
    text = encoded[:shown].decode(errors="replace")
    return text if len(encoded) <= shown else f"{text}…"
