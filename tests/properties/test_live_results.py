"""Whatever happens, each delivered result is right at its timestamp, and none stays stale.

Histories of concurrent writes, subscriptions, reads of the past and refused COMMITs run on the real
backend; scans read two rows at a time, so all of them suspend. A dictionary is the model.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.database.database import DatabaseLimits
from realtime.errors import RealtimeError, StorageFullError
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import FunctionCall, MutationOutcome, QueryCall, QueryResult
from realtime.runtime.registry import LoadedApp, load_app
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import running_backend

BOARD = Path(__file__).parents[1] / "apps" / "board"
LISTS = ("a", "b")
DEADLINE_SECONDS = 30.0
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))

Card = tuple[str, str, float, bool]
"""Id, list, rank, done."""
State = dict[str, Card]


@pytest.fixture(scope="module")
def board() -> LoadedApp:
    return load_app(BOARD)


# The model


def expected(state: State, path: str, args: Mapping[str, Any]) -> Any:
    """What a query of the board must give in `state` (ids in order of creation)."""
    if path == "cards:get":
        return state.get(args["cardId"])
    cards = [card for card in state.values() if card[1] == args["listName"]]
    by_rank = sorted(cards, key=lambda card: card[2])
    match path:
        case "cards:inList":
            return cards
        case "cards:twice":
            return [cards, cards]
        case "cards:highest":
            newest_first = sorted(enumerate(cards), key=lambda c: (c[1][2], c[0]), reverse=True)
            return [card for _, card in newest_first][: args["count"]]
        case "cards:ranked":
            return [card for card in by_rank if args["low"] <= card[2] < args["high"]]
        case "cards:stillOpen":
            return [card for card in by_rank if not card[3]][: args["count"]]
        case _:
            raise AssertionError(path)


def seen(value: Any) -> Any:
    """A result of the board in the form of the model."""
    if isinstance(value, list):
        return [seen(item) for item in value]
    if value is None:
        return None
    return (value["_id"], value["listName"], value["rank"], value["done"])


@dataclass
class History:
    """The states that were acknowledged, by timestamp."""

    states: list[tuple[int, State]] = field(default_factory=lambda: [(0, {})])

    def at(self, timestamp: int) -> State:
        return next(state for ts, state in reversed(self.states) if ts <= timestamp)

    def apply(self, path: str, args: Mapping[str, Any], outcome: MutationOutcome) -> None:
        if outcome.value is None:
            return
        value = json.loads(outcome.value)
        state = dict(self.states[-1][1])
        match path:
            case "cards:add" | "cards:addAfterFailedAttempt":
                state[value] = (value, args["listName"], args["rank"], False)
            case "cards:addCounted":
                count = sum(card[1] == args["listName"] for card in state.values())
                state[value] = (value, args["listName"], float(count), False)
            case "cards:change":
                card_id = args["cardId"]
                assert value == (card_id in state)
                if value:
                    state[card_id] = (card_id, state[card_id][1], args["rank"], args["done"])
            case "cards:remove":
                assert value == (args["cardId"] in state)
                state.pop(args["cardId"], None)
            case _:
                raise AssertionError(path)
        assert outcome.timestamp >= self.states[-1][0]
        self.states.append((outcome.timestamp, state))


class Client:
    """A live client that checks each result it is given."""

    def __init__(self, backend: Backend, history: History) -> None:
        self.queries: dict[int, tuple[str, dict[str, Any]]] = {}
        self.results: dict[int, QueryResult] = {}
        self.timestamp = 0
        self.updates: list[tuple[int, dict[int, QueryResult]]] = []
        self._stale: set[int] = set()
        self._in_update: set[int] = set()
        self._backend = backend
        self._history = history

    def subscribe(self, query_id: int, path: str, args: dict[str, Any]) -> None:
        self.queries[query_id] = (path, args)
        self._stale.add(query_id)
        self._backend.request_update(self)

    def unsubscribe(self, query_id: int) -> None:
        self.queries.pop(query_id, None)
        self.results.pop(query_id, None)
        self._backend.unsubscribe(self, query_id)

    def begin_update(self) -> dict[int, QueryCall]:
        self._in_update, self._stale = self._stale, set()
        return self._calls(self._in_update)

    def restart_update(self) -> dict[int, QueryCall]:
        self._in_update, self._stale = self._in_update | self._stale, set()
        return self._calls(self._in_update)

    def stale_queries(self) -> list[QueryCall]:
        return list(self._calls(self._stale).values())

    def _calls(self, wanted: set[int]) -> dict[int, QueryCall]:
        return {
            query_id: QueryCall(call(*self.queries[query_id]))
            for query_id in wanted
            if query_id in self.queries
        }

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        assert timestamp >= self.timestamp
        self.timestamp = timestamp
        self.updates.append((timestamp, dict(results)))
        for query_id, result in results.items():
            if query_id in self.queries:
                self.results[query_id] = result
        state = self._history.at(timestamp)
        for query_id, (path, args) in self.queries.items():
            if query_id in self.results:
                assert value_of(self.results[query_id]) == expected(state, path, args), (
                    "every result is right at the timestamp of the update"
                )

    def query_invalidated(self, query_id: int) -> None:
        self._stale.add(query_id)
        self._backend.request_update(self)

    def fail(self, error: RealtimeError) -> None:
        raise AssertionError(error)


def call(path: str, args: Mapping[str, Any]) -> FunctionCall:
    return FunctionCall(path, json.dumps(args).encode())


def value_of(result: QueryResult) -> Any:
    assert result.value is not None, result.error
    return seen(json.loads(result.value))


# The histories

lists = st.sampled_from(LISTS)
ranks = st.integers(0, 4).map(float)
cards = st.integers(0, 9)
writes = st.one_of(
    st.tuples(st.just("cards:add"), st.fixed_dictionaries({"listName": lists, "rank": ranks})),
    st.tuples(st.just("cards:addCounted"), st.fixed_dictionaries({"listName": lists})),
    st.tuples(
        st.just("cards:addAfterFailedAttempt"),
        st.fixed_dictionaries({"listName": lists, "rank": ranks}),
    ),
    st.tuples(
        st.just("cards:addAndRefuse"), st.fixed_dictionaries({"listName": lists, "rank": ranks})
    ),
    st.tuples(
        st.just("cards:change"),
        st.fixed_dictionaries({"cardId": cards, "rank": ranks, "done": st.booleans()}),
    ),
    st.tuples(st.just("cards:remove"), st.fixed_dictionaries({"cardId": cards})),
)
reads = st.one_of(
    st.tuples(
        st.sampled_from(("cards:inList", "cards:twice")),
        st.fixed_dictionaries({"listName": lists}),
    ),
    st.tuples(
        st.sampled_from(("cards:highest", "cards:stillOpen")),
        st.fixed_dictionaries({"listName": lists, "count": st.integers(1, 3)}),
    ),
    st.tuples(
        st.just("cards:ranked"),
        st.fixed_dictionaries({"listName": lists, "low": ranks, "high": ranks}),
    ),
    st.tuples(st.just("cards:get"), st.fixed_dictionaries({"cardId": cards})),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(writes, min_size=1, max_size=4)),
        st.tuples(st.just("subscribe"), st.integers(0, 2), st.integers(0, 3), reads),
        st.tuples(st.just("unsubscribe"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("look back"), st.integers(0, 20), reads),
        st.tuples(st.just("refuse the next commit")),
        st.tuples(st.just("turn"), st.integers(1, 5)),
    ),
    min_size=4,
    max_size=40,
)


async def turn() -> None:
    """Let the loop turn once."""
    loop = asyncio.get_running_loop()
    turned = loop.create_future()
    loop.call_soon(turned.set_result, None)
    await turned


class Play:
    """One history on one backend."""

    def __init__(self, backend: Backend, refuse_next_commit: Callable[[], None]) -> None:
        self.backend = backend
        self.history = History()
        self.clients = [Client(backend, self.history) for _ in range(3)]
        self._refuse_next_commit = refuse_next_commit
        self._query_ids = 0
        self._ids: dict[tuple[int, int], int] = {}
        self._unanswered = 0
        self._card_ids: list[str] = []
        self._batch_ends = [backend.timestamp]
        """The timestamps of which there were snapshots."""
        self._past: list[tuple[asyncio.Task[QueryResult], Any]] = []
        """Reads of the past, maybe under way, with what they must give."""

    async def run(self, history: list[Any]) -> None:
        for step in history:
            await self._take(*step)
        async with asyncio.timeout(DEADLINE_SECONDS):  # every mutation is answered
            while self._unanswered:
                await turn()
        for task, wanted in self._past:
            assert value_of(await task) == wanted, "the past is as it was"
        await self._settle()

    async def _take(self, kind: str, *details: Any) -> None:
        match kind:
            case "write":
                for path, args in details[0]:
                    self.submit(path, self._with_card(args))
            case "subscribe":
                client, slot, (path, args) = details
                self._query_ids += 1
                self._drop(client, slot)
                self._ids[client, slot] = self._query_ids
                self.clients[client].subscribe(self._query_ids, path, self._with_card(args))
            case "unsubscribe":
                self._drop(*details)
            case "look back":
                count, (path, args) = details
                self._look_back(count, path, self._with_card(args))
            case "turn":
                for _ in range(details[0]):
                    await turn()
            case _:
                self._refuse_next_commit()

    def _with_card(self, args: dict[str, Any]) -> dict[str, Any]:
        if "cardId" not in args:
            return args
        if not self._card_ids:
            return {**args, "cardId": "j57032yfwnm01k875kcbwvwzc84w4p06"}
        return {**args, "cardId": self._card_ids[args["cardId"] % len(self._card_ids)]}

    def _drop(self, client: int, slot: int) -> None:
        query_id = self._ids.pop((client, slot), None)
        if query_id is not None:
            self.clients[client].unsubscribe(query_id)

    def _look_back(self, count: int, path: str, args: dict[str, Any]) -> None:
        """Read at the timestamp of an earlier write; inside a batch that is the batch's end."""
        states = self.history.states
        timestamp = max(states[-1 - count % len(states)][0], self._batch_ends[0])
        end = next(end for end in self._batch_ends if end >= timestamp)
        wanted = expected(self.history.at(end), path, args)
        read = self.backend.run_query_at(call(path, args), timestamp)
        self._past.append((asyncio.ensure_future(read), wanted))

    def submit(self, path: str, args: dict[str, Any]) -> None:
        def finish(outcome: MutationOutcome) -> None:
            self._unanswered -= 1
            self.history.apply(path, args, outcome)
            if self.backend.timestamp > self._batch_ends[-1]:
                self._batch_ends.append(self.backend.timestamp)
            if outcome.value is not None and path.startswith("cards:add"):
                self._card_ids.append(json.loads(outcome.value))

        self._unanswered += 1
        self.backend.submit_mutation(call(path, args), self.clients[0], None, 0, finish)

    async def _settle(self) -> None:
        """At rest every live result is what a fresh run gives, and the model."""
        for _ in range(200):
            await turn()
        state = self.history.states[-1][1]
        for client in self.clients:
            for query_id, (path, args) in client.queries.items():
                fresh = await self.backend.run_query(call(path, args))
                live = client.results[query_id]
                assert live.value == fresh.value
                assert value_of(live) == expected(state, path, args)


def refusals(store: MemoryStore | SqliteStore) -> Callable[[], None]:
    """Return a switch that makes the next COMMIT fail for want of room."""

    def refuse() -> None:
        store.before_commit = None
        raise StorageFullError("No room, for once")

    def switch() -> None:
        store.before_commit = refuse

    return switch


async def play(board: LoadedApp, store: MemoryStore | SqliteStore, history: list[Any]) -> None:
    async with running_backend(board, persistence=store, limits=LIMITS) as backend:
        await Play(backend, refusals(store)).run(history)


@settings(max_examples=150)
@given(history=steps)
def test_live_results_are_never_wrong_and_never_stay_stale(
    board: LoadedApp, history: list[Any]
) -> None:
    asyncio.run(play(board, MemoryStore(), history))


@settings(max_examples=25)
@given(history=steps)
def test_live_results_are_right_on_sqlite_too(board: LoadedApp, history: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(board, SqliteStore.open(Path(folder) / "data.sqlite3"), history))


async def read_slowly_while_another_reads_on(board: LoadedApp) -> None:
    async with running_backend(board, persistence=MemoryStore(), limits=LIMITS) as backend:
        game = Play(backend, lambda: None)
        slow, other, _ = game.clients
        await game.run([("write", [("cards:add", {"listName": "a", "rank": 0.0})])] * 200)
        slow.subscribe(1, "cards:inList", {"listName": "a"})
        slow.subscribe(2, "cards:inList", {"listName": "b"})
        began_at = backend.timestamp
        await turn()
        game.submit("cards:add", {"listName": "b", "rank": 1.0})
        while not other.results:
            if backend.timestamp > began_at and not other.queries:
                other.subscribe(1, "cards:inList", {"listName": "b"})
            await turn()
        early = (dict(slow.results), slow.timestamp)
        while not slow.results:
            await turn()

        assert early == ({}, 0), "the slow update is still under way when the other is done"
        first_timestamp, first_results = slow.updates[0]
        assert first_timestamp == began_at
        assert value_of(first_results[2]) == []


def test_update_that_takes_long_stays_at_the_time_at_which_it_began(board: LoadedApp) -> None:
    asyncio.run(asyncio.wait_for(read_slowly_while_another_reads_on(board), 30))
