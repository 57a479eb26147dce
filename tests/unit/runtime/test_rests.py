"""Who waits for the same end of a rest goes on together, and at that time."""

from __future__ import annotations

import pytest

from realtime.runtime.rests import Rests
from realtime.testing import VirtualClock
from tests.harness.waiting import turns


class Waiting:
    """Rests on a virtual clock, and the groups that went on."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.groups: list[list[str]] = []
        self.rests: Rests[str] = Rests(self.clock, self.groups.append)

    def wait(self, name: str, seconds: float) -> None:
        self.rests.wait(name, self.clock.monotonic_seconds() + seconds)

    async def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await turns(5)


@pytest.mark.asyncio
async def test_all_who_wait_for_one_end_go_on_as_one_group_in_order() -> None:
    waiting = Waiting()
    for name, seconds in (("a", 2.0), ("b", 1.0), ("c", 2.0)):
        waiting.wait(name, seconds)
    await turns(5)

    await waiting.passes(1.1)
    after_one = list(waiting.groups)
    await waiting.passes(1.0)

    assert after_one == [["b"]]
    assert waiting.groups == [["b"], ["a", "c"]]
    assert len(waiting.rests) == 0


@pytest.mark.asyncio
async def test_nobody_goes_on_before_the_end() -> None:
    waiting = Waiting()
    waiting.wait("a", 1.0)
    await turns(5)

    await waiting.passes(0.9)

    assert (waiting.groups, len(waiting.rests)) == ([], 1)
    waiting.rests.end_all()


@pytest.mark.asyncio
async def test_time_that_has_passed_before_the_loop_turns_counts() -> None:
    waiting = Waiting()
    waiting.wait("a", 1.0)

    await waiting.passes(1.1)

    assert waiting.groups == [["a"]]


@pytest.mark.asyncio
async def test_all_rests_can_be_ended_at_once() -> None:
    waiting = Waiting()
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        waiting.wait(name, seconds)

    waiting.rests.end_all()
    await waiting.passes(10.0)

    assert waiting.groups == [["a"], ["b"]]
