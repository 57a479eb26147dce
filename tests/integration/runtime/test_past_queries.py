"""Queries of the recent past, and several queries at one timestamp, on both stores."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from realtime.database.database import DatabaseLimits
from realtime.errors import LimitError, OutOfRetentionError, ValidationError
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import QueryResult
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from tests.harness.waiting import turns
from tests.integration.runtime.workshop import Store, ask, call, mutate, workshop

pytestmark = pytest.mark.asyncio

SMALL = Limits(database=DatabaseLimits(scan_chunk=2))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else SqliteStore.open(tmp_path / "d.sqlite3")


def value(result: QueryResult) -> object:
    assert result.value is not None, result.error
    return json.loads(result.value)


async def labelled_at(backend: Backend, timestamp: int, label: str = "a") -> object:
    return value(await backend.run_query_at(call("notes:labelled", label=label), timestamp))


async def test_query_sees_the_state_of_its_timestamp(store: Store) -> None:
    async with workshop(store) as backend:
        timestamps = [backend.timestamp]
        for number in range(4):
            await mutate(backend, "notes:add", label="a", text=str(number))
            timestamps.append(backend.timestamp)

        states = [await labelled_at(backend, timestamp) for timestamp in timestamps]

    assert states == [["0", "1", "2", "3"][:count] for count in range(5)]


async def test_past_is_neither_taken_from_the_cache_nor_put_there(store: Store) -> None:
    async with workshop(store) as backend:
        await mutate(backend, "notes:add", label="a", text="0")
        before = backend.timestamp
        await mutate(backend, "notes:add", label="a", text="1")
        present = await ask(backend, "notes:labelled", label="a")

        past = await labelled_at(backend, before)
        again = await ask(backend, "notes:labelled", label="a")

    assert (past, present, again) == (["0"], ["0", "1"], ["0", "1"])


async def test_suspended_read_of_the_past_stays_where_it_began(store: Store) -> None:
    async with workshop(store, limits=SMALL) as backend:
        for number in range(20):
            await mutate(backend, "notes:add", label="a", text=str(number))
        before = backend.timestamp
        await mutate(backend, "notes:add", label="a", text="20")
        reading = asyncio.ensure_future(labelled_at(backend, before))
        await turns(2)
        assert not reading.done()

        await mutate(backend, "notes:add", label="a", text="21")

        assert await reading == [str(number) for number in range(20)]


async def test_read_of_the_past_that_outlives_its_hold_is_repeated(store: Store) -> None:
    clock = VirtualClock()
    async with workshop(store, limits=SMALL, clock=clock) as backend:
        for number in range(20):
            await mutate(backend, "notes:add", label="a", text=str(number))
        before = backend.timestamp
        await mutate(backend, "notes:add", label="a", text="20")
        reading = asyncio.ensure_future(labelled_at(backend, before))
        await turns(2)
        assert not reading.done()

        clock.advance(16)
        await mutate(backend, "notes:add", label="a", text="21")
        await mutate(backend, "notes:add", label="a", text="22")

        assert await reading == [str(number) for number in range(20)]


async def test_past_beyond_the_retention_is_refused(store: Store) -> None:
    clock = VirtualClock()
    async with workshop(store, clock=clock) as backend:
        await mutate(backend, "notes:add", label="a", text="0")
        before = backend.timestamp
        clock.advance(30)
        await mutate(backend, "notes:add", label="a", text="1")
        assert await labelled_at(backend, before) == ["0"]

        clock.advance(61)

        with pytest.raises(OutOfRetentionError, match="Ask for a new timestamp"):
            await labelled_at(backend, before)
        assert await labelled_at(backend, backend.timestamp) == ["0", "1"]


async def test_timestamp_in_the_future_is_refused(store: Store) -> None:
    async with workshop(store) as backend:
        with pytest.raises(ValidationError, match="in the future of this server"):
            await labelled_at(backend, 2**63 - 1)


async def test_queries_together_are_of_one_timestamp(store: Store) -> None:
    async with workshop(store, limits=SMALL) as backend:
        for number in range(20):
            await mutate(backend, "notes:add", label="a", text=str(number))
        calls = [call("notes:labelled", label=label) for label in ("a", "b", "a")]
        reading = asyncio.ensure_future(backend.run_queries(calls))
        await turns(2)
        assert not reading.done()
        await mutate(backend, "notes:add", label="b", text="late")

        results = await reading

    expected = [str(number) for number in range(20)]
    assert list(map(value, results)) == [expected, [], expected]


async def test_results_that_are_too_large_together_are_refused(store: Store) -> None:
    async with workshop(store) as backend:
        for number in range(14):
            await mutate(backend, "notes:add", label="a", text=str(number) + "x" * 1_000_000)

        with pytest.raises(LimitError, match="after 5 of 6 queries"):
            await backend.run_queries([call("notes:labelled", label="a")] * 6)


async def test_failed_query_of_the_past_is_told_as_one_of_the_present(store: Store) -> None:
    async with workshop(store) as backend:
        missing = await backend.run_query_at(call("notes:nowhere"), backend.timestamp)

    assert missing.error is not None
    assert "Could not find public function for 'notes:nowhere'" in missing.error.message
