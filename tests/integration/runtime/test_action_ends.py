"""What ends actions, and what they keep from ending: limits, a stop, a fence."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import replace
from typing import Any

import pytest

from realtime.errors import OverloadedError, StorageError, UnavailableError
from realtime.runtime.action_lane import CLEAN_UP_SECONDS
from realtime.runtime.outcome import ActionOutcome, LiveClient
from tests.integration.runtime.errands import QUICK, call, errands, turns


@pytest.mark.asyncio
async def test_action_is_cancelled_when_its_time_is_over() -> None:
    async with errands(replace(QUICK, time_seconds=600.0)) as app:
        running = app.start("errands:hold", label="a")
        await app.held.wait()
        app.clock.advance(599)
        await turns(20)
        ended_early = running.done()
        app.clock.advance(1)
        outcome = await running
        await turns(5)

        assert not ended_early
        assert outcome.error is not None
        assert (
            "Function execution timed out (maximum duration: 600s) in `errands:hold`"
            in outcome.error.message
        )
        assert app.cleaned_up == ["hold"]
        assert app.backend.running_action_count == 0


@pytest.mark.asyncio
async def test_cancelled_action_may_still_note_what_it_leaves() -> None:
    async with errands() as app:
        running = app.start("errands:cleanUp", label="a")
        await app.held.wait()
        app.clock.advance(600)
        await running
        while not app.cleaned_up:
            await turns(1)

        assert await app.labelled("a") == ["cancelled"]


@pytest.mark.asyncio
async def test_action_that_resists_is_cancelled_again_and_counts_as_running() -> None:
    async with errands() as app:
        running = app.start("errands:holdOn")
        await app.held.wait()
        app.clock.advance(600)
        await running
        await turns(5)
        resisted = list(app.cleaned_up)
        app.clock.advance(CLEAN_UP_SECONDS)
        await turns(5)

        assert resisted == ["passed over"]
        assert app.cleaned_up == ["passed over"] * 2
        assert app.backend.running_action_count == 1
        app.release.set()
        await turns(5)
        assert app.backend.running_action_count == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("errands:spin", "errands:spin"),
        ("errands:spinAfterAnOperation", "errands:spinAfterAnOperation"),
        ("errands:spinInTasks", "errands:spinInTasks"),
        ("errands:spinAndPassOver", "errands:spinAndPassOver"),
        ("errands:spinInside", "errands:spin"),
    ],
)
async def test_code_that_keeps_the_loop_is_stopped_and_the_server_goes_on(
    path: str, named: str
) -> None:
    async with errands(replace(QUICK, stretch_seconds=0.05)) as app:
        text = await app.failure(path)
        await turns(20)

        assert (
            "Function execution timed out (maximum duration without an await: 0.05s) in "
            f"`{named}`" in text
        )
        assert app.backend.running_action_count == 0
        assert await app.run("errands:shout", text="still here") == "STILL HERE"


@pytest.mark.asyncio
async def test_too_many_actions_of_a_client_or_in_all_are_refused() -> None:
    answers: list[ActionOutcome] = []
    limits = replace(QUICK, running_per_client=2, running=3)
    async with errands(limits) as app:
        first, second = _client(), _client()
        for client in (first, first, second):
            app.backend.submit_action(call("errands:hold", label="a"), client, answers.append)
        with pytest.raises(OverloadedError, match="2 a client, 3 in all"):
            app.backend.submit_action(call("errands:hold", label="a"), second, answers.append)
        app.release.set()
        while len(answers) < 3:
            await turns(1)
        app.backend.submit_action(call("errands:shout", text="x"), first, answers.append)
        with pytest.raises(OverloadedError):
            for _ in range(2):
                app.backend.submit_action(call("errands:hold", label="a"), first, answers.append)
        while len(answers) < 5:
            await turns(1)

        assert [outcome.error for outcome in answers] == [None] * 5


def _client() -> LiveClient:
    client: Any = object()
    return client  # type: ignore[no-any-return]


@pytest.mark.asyncio
async def test_action_outlives_whoever_waits_for_it() -> None:
    async with errands() as app:
        waiting = app.start("errands:hold", label="a")
        await app.held.wait()
        waiting.cancel()
        await turns(5)
        app.release.set()
        while app.backend.running_action_count:
            await turns(1)

        assert await app.labelled("a") == ["after the wait"]


# The end of the server


@pytest.mark.asyncio
async def test_stop_lets_a_running_action_finish_its_work() -> None:
    async with errands(replace(QUICK, stop_seconds=30.0)) as app:
        running = app.start("errands:hold", label="a")
        await app.held.wait()
        stopping = asyncio.create_task(app.backend.stop())
        await turns(5)
        with pytest.raises(UnavailableError):
            await app.backend.run_action(call("errands:shout", text="x"))
        app.release.set()
        outcome = await running
        await stopping

        assert outcome.value == b'["after the wait"]'


@pytest.mark.asyncio
async def test_stop_runs_what_a_running_action_has_queued() -> None:
    reached, commit = threading.Event(), threading.Event()

    def hold_those_in_the_thread() -> None:
        if threading.current_thread() is not threading.main_thread():
            reached.set()
            assert commit.wait(30)

    async with errands(replace(QUICK, stop_seconds=30.0)) as app:
        running = app.start("errands:hold", label="a")
        await app.held.wait()
        app.store.before_commit = hold_those_in_the_thread
        writes = [asyncio.create_task(app.add("b", str(number))) for number in range(2)]
        await asyncio.to_thread(reached.wait, 30)
        app.release.set()
        await turns(10)
        stopping = asyncio.create_task(app.backend.stop())
        await turns(10)
        commit.set()
        outcome = await running
        await asyncio.gather(stopping, *writes)

        assert outcome.value == b'["after the wait"]'


@pytest.mark.asyncio
async def test_stop_cancels_what_does_not_end_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with errands() as app:
        running = app.start("errands:hold", label="a")
        await app.held.wait()
        with caplog.at_level(logging.WARNING, "realtime.runtime"):
            await app.backend.stop()

        with pytest.raises(UnavailableError, match="cancelled it"):
            await running
        assert app.cleaned_up == ["hold"]
        assert "`errands:hold` was still running at the stop and was cancelled" in caplog.messages


@pytest.mark.asyncio
async def test_fence_fails_running_actions() -> None:
    def fail() -> None:
        raise StorageError("The disk is gone")

    async with errands() as app:
        running = app.start("errands:hold", label="a")
        await app.held.wait()
        app.store.before_commit = fail
        with pytest.raises(UnavailableError):
            await app.add("a", "x")

        with pytest.raises(UnavailableError, match="must be restarted"):
            await running
        assert app.cleaned_up == ["hold"]
        with pytest.raises(UnavailableError):
            await app.backend.run_action(call("errands:shout", text="x"))


@pytest.mark.asyncio
async def test_loop_keeps_the_task_factory_that_it_had() -> None:
    loop = asyncio.get_running_loop()
    made: list[str] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append("task")
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        async with errands() as app:
            assert await app.run("errands:shout", text="x") == "X"
        assert loop.get_task_factory() is factory
        assert made
    finally:
        loop.set_task_factory(None)
