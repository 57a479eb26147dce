"""A list of 12 MB reaches every official client, in parts where the client takes parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.programs import Node, start_python
from tests.harness.server_process import ROOT, ServerProcess

APP = ROOT / "tests/apps/wire"
LINES, LINE_LENGTH = 120, 100_000
FIRST = {"length": LINES, "sizes": [LINE_LENGTH]}


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of long lists."""
    server = ServerProcess(tmp_path_factory.mktemp("large") / "data", app=APP)
    try:
        yield server.start()
    finally:
        server.close()


def args(server: ServerProcess, name: str) -> dict[str, Any]:
    """Return what a program needs to know; each has a list of its own."""
    return {"url": server.url, "listName": name, "count": LINES, "size": LINE_LENGTH}


def check_lists(result: dict[str, Any]) -> None:
    """Check that both states of the list came whole."""
    assert result["added"] == 1
    for state, number in (("first", 0), ("last", 1)):
        line = f'{number}: "é€😀\\"'
        assert result[state].pop("line").startswith(line)
        assert result[state] == FIRST


@pytest.mark.node
@pytest.mark.parametrize(
    ("package", "transitions_are_cut"), [("convex", True), ("convex-1.27", False)]
)
def test_npm_client_gets_a_list_of_12_mb(
    node: Node, lists: ServerProcess, package: str, transitions_are_cut: bool
) -> None:
    result = node.run("large_list.mjs", package=package, **args(lists, package))

    check_lists(result)
    # Two states of over 12 MB in parts of 5 MB.
    assert result["messages"].get("TransitionChunk", 0) == (6 if transitions_are_cut else 0)


def test_python_client_gets_a_list_of_12_mb(lists: ServerProcess) -> None:
    with start_python("large_list.py", **args(lists, "python")) as program:
        result = program.receive()

    check_lists(result)
