"""Pages through the official clients, unmodified: whole, in order, and where they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.programs import Node, Program, start_python
from tests.harness.server_process import ServerProcess

SHELVES = Path(__file__).parents[1] / "apps" / "shelves"
HOOKS = ("usePaginatedQuery", "usePaginatedQuery_experimental")
INVALID_CURSOR = {"isConvexSystemError": True, "paginationError": "InvalidCursor"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the shelves."""
    process = ServerProcess(tmp_path / "data", app=SHELVES, command="dev")
    try:
        yield process.start()
    finally:
        process.close()


class Shelf:
    """A shelf and what its hook has rendered; each write makes a version of the shelf."""

    def __init__(self, server: ServerProcess, program: Program) -> None:
        self._server = server
        self._program = program
        self._places: list[float] = []
        self._versions: list[list[str]] = [[]]
        self._seen = 0
        """The version that the last state was of, at least."""

    def add(self, *places: float) -> None:
        """Put books at places where there is none."""
        for place in places:
            self._server.run("books:add", {"shelf": "a", "place": place})
            self._places.append(place)
            self._keep_version()

    def remove(self, *places: float) -> None:
        """Take books away."""
        for place in places:
            self._server.run("books:removeAt", {"shelf": "a", "place": place})
            self._places.remove(place)
            self._keep_version()

    def has(self, places: Iterable[float]) -> None:
        """Learn that the shelf has other books now."""
        self._places = list(places)
        self._keep_version()

    def more(self, count: int) -> None:
        """Make the hook load more."""
        self._program.send({"more": count})

    def shows(self, count: int, status: str = "CanLoadMore") -> None:
        """Wait until the newest version is shown, up to its book number `count`.

        Every state on the way must be the beginning of a version, and of no older one than the
        state before: no book is missing in between, and none stands there twice.
        """
        wanted = self._versions[-1][:count]
        while True:
            state = self._program.receive()
            if "titles" not in state:
                continue
            self._check(state["titles"])
            if state["titles"] == wanted and state["status"] == status:
                return

    def subscriptions(self) -> list[dict[str, Any]]:
        """The pages that the client has asked for so far."""
        self._program.send({"added": True})
        while True:
            answer = self._program.receive()
            if "added" in answer:
                added: list[dict[str, Any]] = answer["added"]
                return added
            self._check(answer["titles"])

    def _keep_version(self) -> None:
        self._versions.append([f"{place:g}" for place in sorted(self._places)])

    def _check(self, titles: list[str]) -> None:
        fitting = [
            number
            for number in range(self._seen, len(self._versions))
            if titles == self._versions[number][: len(titles)]
        ]
        assert fitting, f"{titles} is not the beginning of any of {self._versions[self._seen :]}"
        self._seen = fitting[0]


@pytest.fixture(params=HOOKS)
def shelf(request: pytest.FixtureRequest, node: Node, server: ServerProcess) -> Iterator[Shelf]:
    """Nine books, of which the hook shows the first six on two pages."""
    args = {"url": server.url, "hook": request.param, "shelf": "a", "items": 3}
    with node.start("react_pages.mjs", **args) as program:
        shelf = Shelf(server, program)
        server.run("books:fill", {"shelf": "a", "count": 9})
        shelf.has(range(9))
        shelf.shows(3)
        shelf.more(3)
        shelf.shows(6)
        yield shelf


@pytest.mark.node
def test_react_pages_show_no_gap_and_no_duplicate_while_books_come_and_go(shelf: Shelf) -> None:
    shelf.add(1.5, 2.5, 2.25, 5.5, 0.5)
    shelf.remove(2, 3, 5)
    shelf.add(2.75, 4.5)
    shelf.remove(0, 2.25)

    # Behind 2 and behind 5 the pages end, though there is no such book any more.
    shelf.shows(len([0.5, 1, 1.5]) + len([2.5, 2.75, 4, 4.5]))
    shelf.more(3)
    shelf.shows(7 + len([5.5, 6, 7]))
    shelf.more(3)
    shelf.shows(7 + len([5.5, 6, 7, 8]), status="Exhausted")
    shelf.add(9, 10, 11, 12)
    shelf.shows(7 + 8, status="Exhausted")


@pytest.mark.node
def test_react_splits_a_page_that_has_grown(shelf: Shelf) -> None:
    before = len(shelf.subscriptions())
    shelf.add(0.1, 0.2, 0.3, 0.4, 1.1, 1.2)
    shelf.shows(12)
    shelf.add(0.15, 1.15)
    shelf.shows(14)

    halves = shelf.subscriptions()[before:]
    assert [half["hasEnd"] for half in halves] == [True, True]
    assert [half["isFirst"] for half in halves] == [True, False]


@pytest.mark.node
def test_react_pages_go_on_after_a_restart(shelf: Shelf, server: ServerProcess) -> None:
    shelf.add(0.5, 3.5)
    shelf.shows(8)

    server.terminate()
    server.restart()
    shelf.add(1.5)

    shelf.shows(9)
    pages = shelf.subscriptions()
    again = [page for page in pages if page["connection"] == pages[-1]["connection"]]
    assert [page["hasJournal"] for page in again] == [True, True]
    assert pages[0]["connection"] < again[0]["connection"]


@pytest.mark.node
@pytest.mark.parametrize("shelf", HOOKS[:1], indirect=True)  # the other one fails at any error
def test_react_begins_again_when_its_cursors_are_not_of_this_database(
    shelf: Shelf, server: ServerProcess, tmp_path: Path
) -> None:
    other = ServerProcess(tmp_path / "other", app=SHELVES, command="dev")
    try:
        other.start().run("books:fill", {"shelf": "a", "count": 5})
    finally:
        other.close()
    server.terminate()
    server.data = other.data
    shelf.has(range(5))
    server.restart()

    shelf.shows(3)
    shelf.more(3)
    shelf.shows(5, status="Exhausted")


def fill(server: ServerProcess) -> list[list[str]]:
    """Put seven books on the shelf `a`; return their pages of three."""
    server.run("books:fill", {"shelf": "a", "count": 7})
    return [["0", "1", "2"], ["3", "4", "5"], ["6"]]


@pytest.mark.node
def test_http_client_reads_pages(node: Node, server: ServerProcess) -> None:
    pages = fill(server)

    result = node.run("http_pages.mjs", url=server.url, shelf="a", items=3)

    assert result == {"pages": pages, "isConvexError": True, "data": INVALID_CURSOR}


def test_python_client_reads_pages(server: ServerProcess) -> None:
    pages = fill(server)

    with start_python("python_pages.py", url=server.url, shelf="a", items=3) as program:
        result = program.receive()

    assert result == {"pages": pages, "isConvexError": True, "data": INVALID_CURSOR}
