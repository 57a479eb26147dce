"""Failures in actions: of what they call, and of what they may not do."""

from __future__ import annotations

import pytest

from realtime.errors import OverloadedError
from realtime.runtime.outcome import FunctionCall, SocketRequest
from tests.integration.runtime.errands import call, errands, turns


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
