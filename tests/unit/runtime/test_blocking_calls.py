"""Calls that block run in threads, a bounded number at a time."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from realtime.errors import OverloadedError
from realtime.runtime.blocking_calls import BlockingCalls

variable: ContextVar[str] = ContextVar("variable", default="unset")


class Gate:
    """A call that blocks until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.open.wait(30)
        return "through"

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 30)


async def turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def calls(max_threads: int = 1) -> BlockingCalls:
    return BlockingCalls(asyncio.get_running_loop(), max_threads)


@pytest.mark.asyncio
async def test_call_returns_what_the_function_returns_and_raises_what_it_raises() -> None:
    blocking = calls()

    assert await blocking.run(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await blocking.run(lambda: 1 / 0)
    assert await blocking.run(lambda: 6) == 6


@pytest.mark.asyncio
async def test_call_runs_in_the_context_of_its_caller() -> None:
    variable.set("of the caller")

    assert await calls().run(variable.get) == "of the caller"


@pytest.mark.asyncio
async def test_stop_iteration_becomes_an_error_that_can_be_awaited() -> None:
    empty: Any = iter(())

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await calls().run(lambda: next(empty))


@pytest.mark.asyncio
async def test_call_over_the_limit_waits_until_another_one_has_ended() -> None:
    blocking = calls(max_threads=2)
    gates = [Gate(), Gate(), Gate()]
    running = [asyncio.create_task(blocking.run(gate)) for gate in gates]
    await gates[0].until_entered()
    await gates[1].until_entered()
    await turn()
    third_began_early = gates[2].entered.is_set()
    gates[0].open.set()
    await running[0]
    await gates[2].until_entered()
    for gate in gates:
        gate.open.set()

    assert not third_began_early
    assert await asyncio.gather(*running) == ["through"] * 3


@pytest.mark.asyncio
async def test_cancelled_call_keeps_its_thread_until_it_ends() -> None:
    blocking = calls()
    gate, next_gate = Gate(), Gate()
    running = asyncio.create_task(blocking.run(gate))
    await gate.until_entered()
    running.cancel()
    waiting = asyncio.create_task(blocking.run(next_gate))
    await turn()
    await turn()
    began_early = next_gate.entered.is_set()
    next_gate.open.set()
    gate.open.set()

    assert not began_early
    assert await waiting == "through"


@pytest.mark.asyncio
async def test_cancelled_call_that_waits_is_dropped() -> None:
    blocking = calls()
    gate, dropped = Gate(), Gate()
    running = asyncio.create_task(blocking.run(gate))
    await gate.until_entered()
    waiting = asyncio.create_task(blocking.run(dropped))
    await turn()
    waiting.cancel()
    gate.open.set()
    await running

    assert await blocking.run(lambda: "next") == "next"
    assert not dropped.entered.is_set()


@pytest.mark.asyncio
async def test_too_many_waiting_calls_are_refused() -> None:
    blocking = BlockingCalls(asyncio.get_running_loop(), 1, max_waiting=1)
    gate = Gate()
    running = [asyncio.create_task(blocking.run(gate)) for _ in range(2)]
    await gate.until_entered()
    await turn()

    with pytest.raises(OverloadedError, match="Too many blocking calls are waiting"):
        await blocking.run(lambda: None)
    gate.open.set()
    await asyncio.gather(*running)
