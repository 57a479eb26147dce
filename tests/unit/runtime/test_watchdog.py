"""The private exception that ends a handler arrives in the handler's code and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from realtime.errors import TimeLimitError
from realtime.runtime.watchdog import FunctionStopped, TimeBudget, Watchdog

LONG = 3_600.0


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    opened = Watchdog()
    opened.open()
    yield opened
    opened.close()


def loop_for_ever() -> None:
    while True:
        pass


def test_handler_is_stopped_when_its_time_is_used_up(watchdog: Watchdog) -> None:
    watchdog.arm(0.0)

    with pytest.raises(FunctionStopped):
        loop_for_ever()
    watchdog.clear()


def test_handler_that_ends_in_time_is_left_alone(watchdog: Watchdog) -> None:
    watchdog.arm(LONG)
    watchdog.disarm()

    watchdog.arm(0.0)
    with pytest.raises(FunctionStopped):
        loop_for_ever()
    watchdog.clear()


def test_exception_arrives_before_the_watchdog_is_cleared_or_not_at_all(
    watchdog: Watchdog,
) -> None:
    for rounds in range(20):
        try:
            watchdog.arm(0.0)
            for _ in range(rounds * 20_000):
                pass
            watchdog.disarm()
        except FunctionStopped:
            pass
        finally:
            watchdog.clear()

    assert sum(1 for _ in range(100_000)) == 100_000


def test_blocked_handler_is_reported_once_with_its_stack(watchdog: Watchdog) -> None:
    reports: list[str] = []
    reported = threading.Event()

    def report(stack: str) -> None:
        reports.append(stack)
        reported.set()

    watchdog.on_blocked = report
    watchdog.arm(LONG)
    while not reported.is_set():
        pass
    watchdog.disarm()

    assert len(reports) == 1
    assert "test_blocked_handler_is_reported_once_with_its_stack" in reports[0]


def test_budget_that_is_used_up_stops_the_next_pause(watchdog: Watchdog) -> None:
    budget = TimeBudget(watchdog, 0.0)
    budget.resume()

    with pytest.raises(FunctionStopped):
        budget.pause()
    budget.stop()


def test_error_of_a_budget_names_function_and_limit(watchdog: Watchdog) -> None:
    error = TimeBudget(watchdog, 1.5).error("messages:list")

    assert isinstance(error, TimeLimitError)
    assert error.message == (
        "Function execution timed out (maximum duration: 1.5s) in `messages:list`"
    )
