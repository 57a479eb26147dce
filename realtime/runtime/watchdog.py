"""Stopping a function that does not end.

A handler runs on the event-loop thread, so one endless loop would stop everybody. A watchdog thread
raises a private exception in the loop thread when the handler's time is used up.

Such an exception arrives between any two bytecodes. It may only arrive in the app's code, never in
ours, or it would tear our structures: so a guard is *armed* just before control goes to the handler
and *disarmed* by the first line of everything that the handler calls on its `ctx`. Disarming and
firing exclude each other by a lock, and disarming absorbs an exception that was fired but has not
arrived yet. Time spent while disarmed (reads, validation) is not counted.

A call into C that does not return can't be interrupted; the exception waits for its return.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from realtime.errors import TimeLimitError

_POLL_SECONDS = 0.02
_IDLE_POLLS = 100
_STACK_FRAMES = 3
"""The innermost frames: those of the handler."""
BLOCKED_SECONDS = 0.1
_JUMPS = 100
_CLEAN_UP_SECONDS = 0.05

_log = logging.getLogger("realtime.functions")


class FunctionStopped(BaseException):
    """Raised inside a handler whose time is used up; not for handlers to catch."""


_set_async_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exception.argtypes = (ctypes.c_ulong, ctypes.py_object)


class Watchdog:
    """Watches the handlers of one thread, one at a time."""

    def __init__(self) -> None:
        self._thread_id = threading.get_ident()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_parked = False
        self._is_closed = False
        self.on_blocked: Callable[[str], None] | None = None
        """Called in the watchdog's thread with the stack of a handler that runs on and on."""
        self._armed_at = 0.0
        self._reported_at = 0.0
        self._deadline: float | None = None
        self._has_fired = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start watching the calling thread."""
        self._thread_id = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="realtime-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def arm(self, seconds: float) -> None:
        """Let the exception come after `seconds` from now."""
        self._armed_at = time.monotonic()
        self._deadline = self._armed_at + seconds
        if self._is_parked:
            self._wake.set()

    def disarm(self) -> None:
        """Keep the exception from coming; FunctionStopped if it was fired."""
        with self._lock:
            self._deadline = None
            has_fired, self._has_fired = self._has_fired, False
        if has_fired:
            _absorb()
            raise FunctionStopped

    def clear(self) -> None:
        """Disarm for good; an exception that was fired is swallowed, wherever it arrives."""
        while True:
            try:
                with self._lock:
                    self._deadline = None
                    has_fired, self._has_fired = self._has_fired, False
                if has_fired:
                    _absorb()
                return
            except FunctionStopped:
                continue

    def _watch(self) -> None:
        idle_polls = 0
        while not self._is_closed:
            if self._deadline is None:
                idle_polls += 1
            else:
                idle_polls = 0
                self._report_if_blocked()
                self._fire_if_due()
            if idle_polls < _IDLE_POLLS:
                self._wake.wait(_POLL_SECONDS)
            else:
                self._is_parked = True
                if self._deadline is None:
                    self._wake.wait()
                self._is_parked = False
                idle_polls = 0
            self._wake.clear()

    def _report_if_blocked(self) -> None:
        """Say once, with the stack, that one stretch of a handler keeps the loop from turning."""
        armed_at = self._armed_at
        if self.on_blocked is None or armed_at == self._reported_at:
            return
        if time.monotonic() - armed_at < BLOCKED_SECONDS or self._deadline is None:
            return
        self._reported_at = armed_at
        frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
        if frame is not None:
            self.on_blocked("".join(traceback.format_stack(frame, _STACK_FRAMES)))

    def _fire_if_due(self) -> None:
        with self._lock:
            deadline = self._deadline
            if deadline is not None and time.monotonic() >= deadline:
                self._has_fired = True
                _set_async_exception(self._thread_id, FunctionStopped)


def _absorb() -> None:
    """Let an exception that was fired arrive here, if it has not arrived before.

    Taking it back through the C API would leave the interpreter looking for it for ever, at every
    jump. A jump is where it arrives, so a few of them are enough.
    """
    try:
        for _ in range(_JUMPS):
            pass
    except FunctionStopped:
        pass


class TimeBudget:
    """The time that one function run has left for its own code, nested functions included."""

    def __init__(self, watchdog: Watchdog, limit_seconds: float) -> None:
        self._watchdog = watchdog
        self._limit_seconds = limit_seconds
        self._used_seconds = 0.0
        self._started: float | None = None

    @property
    def is_counting(self) -> bool:
        """Whether control is with the handler."""
        return self._started is not None

    @property
    def is_used_up(self) -> bool:
        """Whether no time is left; what is being counted is not looked at."""
        return self._used_seconds >= self._limit_seconds

    def resume(self, at_least_seconds: float = 0.0) -> None:
        """Start counting: control goes to the handler."""
        now = time.monotonic()
        if self._started is not None:
            self._used_seconds += now - self._started
        self._started = now
        left_seconds = self._limit_seconds - self._used_seconds
        self._watchdog.arm(left_seconds if left_seconds > at_least_seconds else at_least_seconds)

    def pause(self) -> None:
        """Stop counting: control has come back. FunctionStopped if the time is used up."""
        try:
            self._watchdog.disarm()
        finally:
            self._stop_counting()
        if self.is_used_up:
            raise FunctionStopped

    def stop(self) -> None:
        """Stop counting for good, however control came back."""
        self._watchdog.clear()
        self._stop_counting()

    def error(self, path: str) -> TimeLimitError:
        """Return the error of a run of the function `path` whose time is used up."""
        return time_limit_error(path, self._limit_seconds)

    def _stop_counting(self) -> None:
        if self._started is not None:
            self._used_seconds += time.monotonic() - self._started
            self._started = None


def time_limit_error(path: str, limit_seconds: float) -> TimeLimitError:
    """Return the error of a run of the function `path` that took longer than it may."""
    return TimeLimitError(
        f"Function execution timed out (maximum duration: {limit_seconds:g}s) in `{path}`"
    )


def close_coroutine(coroutine: Coroutine[Any, Any, Any], budget: TimeBudget, path: str) -> None:
    """End a handler that has not ended by itself; its clean-up gets little time."""
    try:
        try:
            budget.resume(at_least_seconds=_CLEAN_UP_SECONDS)
            coroutine.close()
        finally:
            budget.stop()
    except KeyboardInterrupt:
        raise
    except BaseException:
        budget.stop()
        _log.exception("`%s` did not end cleanly", path)


def report_blocked_loop(stack: str) -> None:
    """Log the stack of a handler that keeps the loop: a callback for `Watchdog.on_blocked`."""
    milliseconds = int(BLOCKED_SECONDS * 1000)
    _log.warning("A handler has kept everybody waiting for %d ms, in\n%s", milliseconds, stack)
