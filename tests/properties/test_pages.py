"""Pages that follow one another are always the whole list: nothing missing, nothing twice.

Writes of all kinds fall on and around the borders of live pages that have journals, are split as
the React hook splits them, and are carried over to new connections. A list of books is the model.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.outcome import FunctionCall
from realtime.runtime.registry import LoadedApp, load_app
from realtime.storage.memory import MemoryStore
from realtime.testing import running_backend
from tests.harness.live_client import JournalKeeper

SHELVES = Path(__file__).parents[1] / "apps" / "shelves"
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))


@pytest.fixture(scope="module")
def shelves() -> LoadedApp:
    return load_app(SHELVES)


class List:
    """A list in live pages, as `usePaginatedQuery` keeps it."""

    def __init__(
        self, backend: Backend, function: str, args: dict[str, Any], options: dict[str, Any]
    ) -> None:
        self._backend = backend
        self._client = JournalKeeper(backend)
        self._function = function
        self._args = args
        self._options = options
        self._pages: list[tuple[int, dict[str, Any]]] = []
        """Query ids and their options, in order."""
        self._next_id = 0
        self._begin({"cursor": None})

    async def load_more(self) -> None:
        """Load the next page, unless the last one is the end."""
        last = await self._value(len(self._pages) - 1)
        if not last["isDone"]:
            self._begin({"cursor": last["continueCursor"]})

    async def split(self, number: int) -> None:
        """Exchange a page for its halves, if it has any."""
        number %= len(self._pages)
        value = await self._value(number)
        if value["splitCursor"] is None:
            return
        query_id, options = self._pages[number]
        first = self._subscribe({**options, "endCursor": value["splitCursor"]})
        second = self._subscribe(
            {**options, "cursor": value["splitCursor"], "endCursor": value["continueCursor"]}
        )
        self._pages[number : number + 1] = [first, second]
        self._client.unsubscribe(query_id)

    async def reconnect(self) -> None:
        """Go on with a new connection, which has the journals of the last one."""
        await self._client.settled()
        journals = self._client.journals
        self._backend.disconnect(self._client)
        self._client = JournalKeeper(self._backend)
        for query_id, options in self._pages:
            self._client.subscribe(
                query_id, self._function, self._args_of(options), journals[query_id]
            )

    async def rows(self) -> tuple[list[Any], bool]:
        """Return the rows of all pages one after another, and whether that is all.

        A page that lacks documents is split before, as often as it takes.
        """
        number = 0
        found: list[Any] = []
        value: dict[str, Any] = {}
        while number < len(self._pages):
            value = await self._value(number)
            if value["pageStatus"] == "SplitRequired":
                await self.split(number)
                value = await self._value(number)
            if value["pageStatus"] != "SplitRequired":
                found += value["page"]
                number += 1
        return found, value["isDone"]

    async def _value(self, number: int) -> dict[str, Any]:
        value: dict[str, Any] = await self._client.value(self._pages[number][0])
        return value

    def _begin(self, options: dict[str, Any]) -> None:
        self._pages.append(self._subscribe(options))

    def _subscribe(self, options: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self._next_id += 1
        self._client.subscribe(self._next_id, self._function, self._args_of(options))
        return self._next_id, options

    def _args_of(self, options: dict[str, Any]) -> dict[str, Any]:
        return {**self._args, "paginationOpts": {**self._options, **options}}


async def mutate(backend: Backend, path: str, args: dict[str, Any]) -> Any:
    outcome = await backend.run_mutation(FunctionCall(path, json.dumps(args).encode()))
    assert outcome.value is not None, outcome.error
    return json.loads(outcome.value)


class Model:
    """The books of a shelf, in order of place and creation."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._books: dict[str, tuple[float, bool]] = {}

    async def add(self, place: float, is_secret: bool) -> None:
        args = {"shelf": "a", "place": place, "isSecret": is_secret}
        self._books[await mutate(self._backend, "books:add", args)] = (place, is_secret)

    async def remove(self, number: int) -> None:
        if self._books:
            book_id = list(self._books)[number % len(self._books)]
            await mutate(self._backend, "books:remove", {"bookId": book_id})
            del self._books[book_id]

    async def move(self, number: int, place: float, is_secret: bool) -> None:
        if self._books:
            book_id = list(self._books)[number % len(self._books)]
            args = {"bookId": book_id, "place": place, "isSecret": is_secret}
            await mutate(self._backend, "books:move", args)
            self._books[book_id] = (place, is_secret)

    def rows(self, function: str, order: str) -> list[str]:
        """The ids that the whole list has."""
        in_order = sorted(self._books, key=lambda book_id: self._books[book_id][0])
        if order == "desc":
            numbered = sorted(enumerate(self._books), key=lambda n: (self._books[n[1]][0], n[0]))
            in_order = [book_id for _, book_id in numbered][::-1]
        if function == "books:public":
            in_order = [book_id for book_id in in_order if not self._books[book_id][1]]
        return in_order


places = st.integers(0, 9).map(float)
numbers = st.integers(0, 20)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), places, st.booleans()),
        st.tuples(st.just("add"), places, st.booleans()),
        st.tuples(st.just("remove"), numbers),
        st.tuples(st.just("move"), numbers, places, st.booleans()),
        st.tuples(st.just("more")),
        st.tuples(st.just("more")),
        st.tuples(st.just("split"), numbers),
        st.tuples(st.just("reconnect")),
    ),
    min_size=5,
    max_size=40,
)
paging = st.fixed_dictionaries(
    {"numItems": st.integers(1, 4)},
    optional={"maximumRowsRead": st.integers(3, 6), "maximumBytesRead": st.integers(400, 900)},
)


async def play(
    shelves: LoadedApp, history: list[Any], options: dict[str, Any], function: str, order: str
) -> None:
    async with running_backend(shelves, persistence=MemoryStore(), limits=LIMITS) as backend:
        model = Model(backend)
        for place in range(6):
            await model.add(place, place == 3)
        pages = List(backend, function, {"shelf": "a", "order": order}, options)
        for kind, *details in history:
            match kind:
                case "more":
                    await pages.load_more()
                case "split":
                    await pages.split(*details)
                case "reconnect":
                    await pages.reconnect()
                case _:
                    await getattr(model, kind)(*details)
            rows, is_whole = await pages.rows()
            ids = [row["_id"] for row in rows]
            expected = model.rows(function, order)
            if is_whole:
                assert ids == expected
            else:
                assert ids == expected[: len(ids)], "the pages are the beginning of the list"


@settings(max_examples=200, deadline=None)
@given(
    history=steps,
    options=paging,
    function=st.sampled_from(["books:onShelf", "books:public"]),
    order=st.sampled_from(["asc", "desc"]),
)
def test_pages_are_the_whole_list_whatever_is_written_between_their_runs(
    shelves: LoadedApp, history: list[Any], options: dict[str, Any], function: str, order: str
) -> None:
    asyncio.run(play(shelves, history, options, function, order))


async def refuse(shelves: LoadedApp, text: str, position: int, character: str) -> None:
    async with running_backend(shelves, persistence=MemoryStore(), limits=LIMITS) as backend:
        await mutate(backend, "books:fill", {"shelf": "a", "count": 5})

        async def ask(cursor: str | None) -> Any:
            args = {"shelf": "a", "paginationOpts": {"numItems": 2, "cursor": cursor}}
            call = FunctionCall("books:onShelf", json.dumps(args).encode())
            return await backend.run_query(call)

        true_cursor = json.loads((await ask(None)).value)["continueCursor"]
        position %= len(true_cursor)
        changed = true_cursor[:position] + character + true_cursor[position + 1 :]
        for cursor in (text, changed, true_cursor + text, text + true_cursor):
            if cursor == true_cursor:
                continue
            result = await ask(cursor)
            assert result.value is None
            assert json.loads(result.error.data)["paginationError"] == "InvalidCursor"


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(max_size=80),
    position=st.integers(0),
    character=st.sampled_from("AQgw_-9z.= \n\x00ä"),
)
def test_any_malformed_cursor_is_refused(
    shelves: LoadedApp, text: str, position: int, character: str
) -> None:
    asyncio.run(refuse(shelves, text, position, character))
