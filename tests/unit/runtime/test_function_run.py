"""One run: its frozen time and seeded chance, nested calls, and ends that are none."""

from __future__ import annotations

from random import Random

import pytest

from realtime import MutationCtx, QueryCtx, mutation, query
from realtime.runtime.query_cache import TIME_DEPENDENT_SECONDS
from realtime.testing import VirtualClock, running_backend
from tests.unit.runtime.small_app import Note, app_of, call, failure_of, value_of

# Time and chance


@pytest.mark.asyncio
async def test_time_is_that_of_the_start_in_whole_milliseconds_also_in_nested_calls() -> None:
    clock = VirtualClock(start_ns=1_700_000_000_123_999_999)

    @query
    async def inner(ctx: QueryCtx) -> float:
        return ctx.now()

    @query
    async def outer(ctx: QueryCtx) -> list[float]:
        before = ctx.now()
        clock.advance(10)
        return [before, ctx.now(), await ctx.run_query(inner)]

    async with running_backend(app_of(inner, outer), clock=clock) as backend:
        assert await value_of(backend, "outer") == [1_700_000_000_123.0] * 3


@pytest.mark.asyncio
async def test_chance_is_drawn_from_the_clock_once_a_run_and_shared_with_nested_calls() -> None:
    seeds: list[bytes] = []

    class Clock(VirtualClock):
        def random_bytes(self, count: int) -> bytes:
            drawn = super().random_bytes(count)
            seeds.append(drawn)
            return drawn

    @query
    async def inner(ctx: QueryCtx) -> float:
        return ctx.random.random()

    @query
    async def outer(ctx: QueryCtx) -> list[float]:
        seeds.clear()
        return [ctx.random.random(), await ctx.run_query(inner), ctx.random.random()]

    async with running_backend(app_of(inner, outer), clock=Clock()) as backend:
        drawn = await value_of(backend, "outer")

    (seed,) = seeds
    expected = Random(seed)
    assert drawn == [expected.random() for _ in range(3)]


@pytest.mark.asyncio
@pytest.mark.parametrize("looks", ["at the clock", "at chance", "in a nested call", "not at all"])
async def test_result_of_a_run_that_looked_at_time_or_chance_gets_old(looks: str) -> None:
    clock = VirtualClock()
    runs: list[str] = []

    @query
    async def inner(ctx: QueryCtx) -> None:
        ctx.now()

    @query
    async def looking(ctx: QueryCtx) -> None:
        runs.append(looks)
        match looks:
            case "at the clock":
                ctx.now()
            case "at chance":
                ctx.random.random()
            case "in a nested call":
                await ctx.run_query(inner)
            case _:
                pass

    async with running_backend(app_of(inner, looking), clock=clock) as backend:
        await backend.run_query(call("looking"))
        clock.advance(TIME_DEPENDENT_SECONDS + 1)
        await backend.run_query(call("looking"))

    assert len(runs) == (1 if looks == "not at all" else 2)


# Nested calls


@pytest.mark.asyncio
async def test_forgotten_operation_of_a_nested_call_is_its_own_mistake() -> None:
    @mutation
    async def forgets(ctx: MutationCtx) -> None:
        ctx.db.insert(Note, label="a", text="lost")

    @mutation
    async def calls(ctx: MutationCtx) -> list[str]:
        try:
            await ctx.run_mutation(forgets)
        except Exception as error:
            return [str(error)]
        return []

    async with running_backend(app_of(forgets, calls)) as backend:
        (text,) = await value_of(backend, "calls")

    assert "`t:forgets` ended with an operation that was never awaited" in text


@pytest.mark.asyncio
async def test_nested_query_sees_the_writes_of_the_mutation_before_it() -> None:
    @query
    async def count(ctx: QueryCtx) -> int:
        return len(await ctx.db.query(Note).collect())

    @mutation
    async def adds(ctx: MutationCtx) -> list[int]:
        before = await ctx.run_query(count)
        await ctx.db.insert(Note, label="a", text="x")
        return [before, await ctx.run_query(count)]

    async with running_backend(app_of(count, adds)) as backend:
        assert await value_of(backend, "adds") == [0, 1]


@pytest.mark.asyncio
async def test_nested_result_is_a_copy() -> None:
    shared = {"names": ["ann"]}

    @query
    async def inner(ctx: QueryCtx) -> dict[str, list[str]]:
        return shared

    @query
    async def outer(ctx: QueryCtx) -> dict[str, list[str]]:
        got = await ctx.run_query(inner)
        got["names"].append("bob")
        return shared

    async with running_backend(app_of(inner, outer)) as backend:
        assert await value_of(backend, "outer") == {"names": ["ann"]}


# Ends that are none


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", ["sys.exit", "generator"])
async def test_handler_cannot_end_more_than_itself(ending: str) -> None:
    @query
    async def ends(ctx: QueryCtx) -> None:
        raise SystemExit(3) if ending == "sys.exit" else GeneratorExit

    @query
    async def quick(ctx: QueryCtx) -> str:
        return "served"

    async with running_backend(app_of(ends, quick)) as backend:
        text = await failure_of(backend, "ends")

        assert ("SystemExit" if ending == "sys.exit" else "GeneratorExit") in text
        assert await value_of(backend, "quick") == "served"


@pytest.mark.asyncio
async def test_clean_up_of_a_handler_that_awaits_something_else_runs_and_may_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import asyncio

    steps: list[str] = []

    @mutation
    async def waits(ctx: MutationCtx) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            steps.append("cleaned up")
            raise ValueError("in the clean-up")

    async with running_backend(app_of(waits)) as backend:
        text = await failure_of(backend, "waits")

    assert "may await only `ctx` operations" in text and "test_function_run.py:" in text
    assert steps == ["cleaned up"]
    assert "`t:waits` did not end cleanly" in caplog.text
