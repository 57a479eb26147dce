"""What actions may do, and what they get."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from realtime.runtime.outcome import FunctionCall, Identity
from realtime.runtime.session_queue import MAX_WAITING_PER_SESSION
from realtime.runtime.user_identity import UserIdentity
from tests.integration.runtime.errands import call, errands, turns


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


@pytest.mark.asyncio
async def test_blocking_call_runs_in_a_thread_and_hands_its_result_over() -> None:
    async with errands() as app:
        name, parsed, failed = await app.run("errands:block")

        assert name == "realtime-blocking-call"
        assert parsed == 255
        assert "invalid literal" in failed
