"""What actions may do, what they get, and what ends them."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import OverloadedError, StorageError, UnavailableError
from realtime.runtime.action_lane import CLEAN_UP_SECONDS, ActionLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import (
    ADMIN,
    ANONYMOUS,
    ActionOutcome,
    FunctionCall,
    Identity,
    LiveClient,
    SocketRequest,
)
from realtime.runtime.session_queue import MAX_WAITING_PER_SESSION
from realtime.runtime.user_identity import UserIdentity
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock, running_backend

WORKSHOP = Path(__file__).parents[2] / "apps" / "workshop"
QUICK = ActionLimits(stop_seconds=0.0)


class Errands:
    """A backend of the workshop, and what its actions share with the test."""

    def __init__(self, backend: Backend, clock: VirtualClock, store: MemoryStore) -> None:
        self.backend = backend
        self.clock = clock
        self.store = store
        functions = backend.app.registry.functions
        self._module = functions["errands:hold"].handler.__globals__
        self.held: asyncio.Event = self._module["held"]
        self.release: asyncio.Event = self._module["release"]
        self.cleaned_up: list[str] = self._module["cleaned_up"]

    def start(self, path: str, **args: Any) -> asyncio.Task[ActionOutcome]:
        return asyncio.create_task(self.backend.run_action(call(path, **args)))

    async def run(self, path: str, **args: Any) -> Any:
        outcome = await self.backend.run_action(call(path, **args))
        assert outcome.value is not None, outcome.error
        return json.loads(outcome.value)

    async def failure(self, path: str, **args: Any) -> str:
        outcome = await self.backend.run_action(call(path, **args))
        assert outcome.error is not None, outcome.value
        return outcome.error.message

    async def add(self, label: str, text: str) -> None:
        outcome = await self.backend.run_mutation(call("notes:add", label=label, text=text))
        assert outcome.error is None

    async def labelled(self, label: str) -> Any:
        result = await self.backend.run_query(call("notes:labelled", label=label))
        assert result.value is not None
        return json.loads(result.value)


def call(path: str, *, admin: bool = False, **args: Any) -> FunctionCall:
    return FunctionCall(path, json.dumps(args).encode(), ADMIN if admin else ANONYMOUS)


@asynccontextmanager
async def errands(actions: ActionLimits = QUICK, **options: Any) -> AsyncIterator[Errands]:
    clock, store = VirtualClock(), MemoryStore()
    limits = Limits(actions=actions)
    async with running_backend(
        WORKSHOP, persistence=store, clock=clock, limits=limits, **options
    ) as backend:
        yield Errands(backend, clock, store)


async def turns(count: int) -> None:
    """Let the loop turn; enough turns for whatever could happen without waiting."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


# Calls


@pytest.mark.asyncio
async def test_action_awaits_what_it_likes_and_returns() -> None:
    async with errands() as app:
        assert await app.run("errands:shout", text="hey", times=2) == "HEYHEY"
        assert app.backend.counters.function_runs["errands:shout", "action"] == 1


@pytest.mark.asyncio
async def test_each_nested_read_sees_what_was_written_before_it() -> None:
    async with errands() as app:
        await app.add("a", "one")
        await app.add("a", "two")

        assert await app.run("errands:copy", label="a", to="b") == ["one", "two"]
        assert app.backend.counters.commits == 4


@pytest.mark.asyncio
async def test_nested_mutations_are_durable_before_they_return() -> None:
    reached, commit = threading.Event(), threading.Event()

    def hold_those_in_the_thread() -> None:
        if threading.current_thread() is not threading.main_thread():
            reached.set()
            assert commit.wait(30)

    async with errands() as app:
        app.store.before_commit = hold_those_in_the_thread
        running = app.start("errands:together", label="a")
        await asyncio.to_thread(reached.wait, 30)
        await turns(50)
        ended_early, seen_early = running.done(), await app.labelled("a")
        commit.set()
        value = (await running).value

        assert not ended_early
        assert seen_early == ["first"]
        assert value is not None and len(json.loads(value)[0]) == 21


@pytest.mark.asyncio
async def test_operations_of_a_gather_begin_in_order_and_reads_are_of_one_time() -> None:
    async with errands() as app:
        after, *reads = await app.run("errands:together", label="a")

        assert after == ["first", *(str(number) for number in range(20))]
        assert all(after[: len(read)] == read for read in reads)


@pytest.mark.asyncio
async def test_mutations_of_an_action_wait_in_a_queue_of_their_own() -> None:
    async with errands() as app:
        ends = await app.run("errands:flood", label="a", count=MAX_WAITING_PER_SESSION + 100)

        assert ends == {"str": MAX_WAITING_PER_SESSION, "OverloadedError": 100}
        assert len(await app.labelled("a")) == MAX_WAITING_PER_SESSION


@pytest.mark.asyncio
async def test_nested_calls_are_made_in_the_name_of_the_caller() -> None:
    user = UserIdentity.from_wire({"issuer": "https://id.example", "subject": "ann"})
    async with errands() as app:
        outcome = await app.backend.run_action(
            FunctionCall("errands:who", b"{}", Identity(user=user))
        )

        assert outcome.value == b'["ann","ann","ann"]'
        assert await app.run("errands:who") == [None, None]


@pytest.mark.asyncio
async def test_context_of_an_action_does_not_reach_what_runs_in_the_lanes() -> None:
    async with errands() as app:
        assert await app.run("errands:setAVariable") == ["set", "unset"]


@pytest.mark.asyncio
async def test_arguments_and_results_are_checked_with_the_texts_of_others() -> None:
    async with errands() as app:
        illtyped = await app.failure("errands:shout", text=5)
        returned = await app.failure("errands:returnNonsense")

        assert "ArgumentValidationError: Value does not match validator.\nPath: .text" in illtyped
        assert "ReturnsValidationError: Value does not match validator." in returned


@pytest.mark.asyncio
async def test_too_large_arguments_are_refused() -> None:
    async with errands() as app:
        text = await app.failure("errands:shout", text="x" * 17 * 1024 * 1024)

        assert "Arguments for errands.js:shout are too large" in text


@pytest.mark.asyncio
async def test_kinds_are_told_apart() -> None:
    async with errands() as app:
        as_query = await app.backend.run_query(call("errands:shout", text="x"))
        as_action = await app.failure("notes:labelled", label="a")
        by_path = await app.backend.run_function(call("errands:shout", text="x"))

        assert as_query.error is not None
        assert (
            "Trying to execute errands.js:shout as Query, but it is defined as Action."
            in as_query.error.message
        )
        assert (
            "Trying to execute notes.js:labelled as Action, but it is defined as Query."
            in as_action
        )
        assert by_path.value == b'"X"'


@pytest.mark.asyncio
async def test_internal_action_is_found_by_functions_and_admins_alone() -> None:
    async with errands() as app:
        text = await app.failure("errands:logOne")
        as_admin = await app.backend.run_action(call("errands:logOne", admin=True))

        assert "Could not find public function for 'errands:logOne'." in text
        assert as_admin.error is None
        assert (await app.backend.run_action(call("errands:logAll"))).error is None


@pytest.mark.asyncio
async def test_actions_see_the_real_time_and_different_random_numbers() -> None:
    async with errands() as app:
        running = app.start("errands:moments")
        await app.held.wait()
        app.clock.advance(5)
        app.release.set()
        value = (await running).value
        assert value is not None
        before, after, one, other = json.loads(value)

        assert after == before + 5_000
        assert one != other


# Errors


@pytest.mark.asyncio
async def test_data_of_a_nested_failure_arrives_with_one_prefix_a_level() -> None:
    async with errands() as app:
        once = await app.backend.run_action(call("errands:passOnAFailure", label="a"))
        twice = await app.backend.run_action(call("errands:passOnTwice", label="a"))

        assert once.error is not None and twice.error is not None
        assert once.error.data == twice.error.data == b'{"code":"Refused"}'
        prefix = "Uncaught ConvexError: "
        assert f"\n{prefix * 2}Refused\n    at refuse (../functions/notes.py:" in once.error.message
        assert "    at pass_on_a_failure (../functions/errands.py:" in once.error.message
        assert f"\n{prefix * 3}Refused\n" in twice.error.message
        assert twice.error.message.count("Request ID") == 1
        assert await app.labelled("a") == []


@pytest.mark.asyncio
async def test_nested_failures_are_caught_as_what_was_raised() -> None:
    async with errands() as app:
        await app.backend.run_query(call("notes:logs"))  # its failure is in the cache
        caught = await app.run("errands:catch", label="a")

        assert caught == [
            {"code": "Refused"},
            "after the logs",
            "after the logs",
            "ValidationError: ArgumentValidationError: Value does not match validator.",
            "ValidationError: Trying to execute notes.js:add as Query, but it is defined as "
            "Mutation.",
            "NotFoundError: Could not find function for 'notes:unheardOf'. Did you forget to run "
            "`npx convex dev`?",
        ]


@pytest.mark.asyncio
async def test_failure_of_a_nested_query_is_shown_to_others_as_it_would_be_without() -> None:
    async with errands() as app:
        await app.run("errands:catch", label="a")
        result = await app.backend.run_query(call("notes:logs"))

        assert result.error is not None
        assert "Uncaught ValueError: after the logs" in result.error.message


@pytest.mark.asyncio
async def test_redacted_action_keeps_data_and_request_id_alone() -> None:
    async with errands(redact_errors=True) as app:
        request = SocketRequest("6d6f0000-0000-4000-8000-000000000000", 7)
        outcome = await app.backend.run_action(
            FunctionCall("errands:passOnAFailure", b'{"label":"a"}', request_id=request)
        )
        logged = await app.backend.run_action(call("errands:logAll"))

        assert outcome.error is not None
        assert outcome.error.message == f"[Request ID: {request}] Server Error"
        assert outcome.error.data == b'{"code":"Refused"}'
        assert logged.log_lines == ()


@pytest.mark.asyncio
async def test_log_lines_of_nested_calls_stand_where_the_calls_were() -> None:
    async with errands() as app:
        outcome = await app.backend.run_action(call("errands:logAll"))

        assert outcome.log_lines == (
            "[LOG] 'before'",
            "[LOG] 'hello' 1.0 {a: [true]}",
            "[WARN] 'careful'",
            "[WARN] 'between'",
            "[INFO] 'inner'",
            "[LOG] 'after'",
        )


@pytest.mark.asyncio
async def test_conflict_of_an_action_is_no_reason_to_repeat_it() -> None:
    async with errands() as app:
        with pytest.raises(OverloadedError) as refusal:
            await app.backend.run_action(call("errands:conflict"))
        with pytest.raises(OverloadedError, match="Come back later"):
            await app.backend.run_action(call("errands:overload"))

        assert refusal.value.code == "OptimisticConcurrencyControlFailure"
        assert app.cleaned_up == ["ran"]


@pytest.mark.asyncio
async def test_calls_nest_eight_deep() -> None:
    async with errands() as app:
        outcome = await app.backend.run_action(call("errands:deep", depth=1))

        assert outcome.error is not None
        assert "call depth limit exceeded" in outcome.error.message
        assert outcome.log_lines[-1] == "[LOG] 9.0"


@pytest.mark.asyncio
async def test_what_is_more_than_an_exception_stays_inside() -> None:
    async with errands() as app:
        caught = await app.run("errands:callWhatExits")
        cancelled = await app.failure("errands:cancelItself")

        assert caught == "`errands:exits` ended with SystemExit(3)"
        assert "Uncaught CancelledError" in cancelled


@pytest.mark.asyncio
async def test_action_is_told_what_takes_the_place_of_db() -> None:
    async with errands() as app:
        text = await app.failure("errands:useTheDatabase")

        assert "Uncaught AttributeError: An action has no `ctx.db`" in text
        assert "`ctx.run_query`" in text and "`ctx.run_mutation`" in text


@pytest.mark.asyncio
async def test_operation_that_was_never_awaited_is_named() -> None:
    async with errands() as app:
        text = await app.failure("errands:forgetAwait", label="a")

        assert "never awaited, created at functions/errands.py:" in text
        assert "it was not run" in text
        assert await app.labelled("a") == []


@pytest.mark.asyncio
async def test_operation_after_the_end_of_its_action_fails() -> None:
    async with errands() as app:
        await app.run("errands:leaveATaskBehind", label="a")
        app.release.set()
        while not app.cleaned_up:
            await turns(1)

        (text,) = app.cleaned_up
        assert "was awaited after its action had ended" in text
        assert await app.labelled("a") == []


@pytest.mark.asyncio
async def test_operation_in_somebody_elses_task_fails() -> None:
    async with errands() as app:
        await app.failure("errands:lendItsCtx")

        (text,) = app.cleaned_up
        assert "was awaited outside of its action" in text
        assert await app.labelled("lent") == []


# Threads


@pytest.mark.asyncio
async def test_blocking_call_runs_in_a_thread_and_hands_its_result_over() -> None:
    async with errands() as app:
        name, parsed, failed = await app.run("errands:block")

        assert name == "realtime-blocking-call"
        assert parsed == 255
        assert "invalid literal" in failed


# Limits


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
