"""Mutations of the official clients over a connection that is cut at each point of their way.

The npm client keeps its session, so what it sends again takes effect once. The Python client, which
is made from the Rust client, begins a new session with each socket: what was committed before the
cut happens again, also where the answer had come and only its transition had not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.fault_proxy import (
    MUTATION_CUTS,
    TO_CLIENT,
    TO_SERVER,
    FaultProxy,
    of_type,
)
from tests.harness.programs import Node, Program, start_python
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.waiting import wait_for

LIST = "entries:list"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of lists; each test has one of its own."""
    data = tmp_path_factory.mktemp("cut") / "data"
    server = ServerProcess(data, app=ROOT / "tests/apps/wire", command="dev")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def proxy(server: ServerProcess) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def list_name(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name


@pytest.fixture
def npm(node: Node, proxy: FaultProxy, list_name: str) -> Iterator[Program]:
    """An npm client behind the proxy that has seen its empty list."""
    with node.start("mutations.mjs", url=proxy.url, listName=list_name) as program:
        program.receive_until(ready=True)
        yield program


def request_ids(proxy: FaultProxy, type_name: str) -> list[int]:
    """Return the request ids of the messages of a type, in the order in which they passed."""
    direction = TO_SERVER if type_name == "Mutation" else TO_CLIENT
    return [message["requestId"] for message in proxy.passed(direction, type_name)]


@pytest.mark.node
@pytest.mark.parametrize("point", MUTATION_CUTS)
def test_mutation_of_the_npm_client_takes_effect_once_wherever_it_is_cut(
    proxy: FaultProxy, npm: Program, server: ServerProcess, list_name: str, point: str
) -> None:
    fault = MUTATION_CUTS[point](proxy)

    npm.send({"texts": ["hello"]})
    fault.wait()

    assert npm.receive() == {"text": "hello", "count": 1, "seen": True}
    answers = [0, 0] if point == "after the answer" else [0]
    wait_for(lambda: request_ids(proxy, "MutationResponse") == answers, "each answer")
    assert server.run(LIST, {"listName": list_name}) == ["hello"]
    assert proxy.connection_count == 2


@pytest.mark.node
@pytest.mark.parametrize("point", MUTATION_CUTS)
def test_mutations_of_the_npm_client_keep_their_order_across_a_cut(
    proxy: FaultProxy, npm: Program, server: ServerProcess, list_name: str, point: str
) -> None:
    texts = [f"line {number}" for number in range(20)]
    second = of_type("Mutation" if point == "before arrival" else "MutationResponse", requestId=1)
    cut = proxy.cut_after if point == "after the answer" else proxy.cut_before
    fault = cut(TO_SERVER if point == "before arrival" else TO_CLIENT, second)

    npm.send({"texts": texts})
    fault.wait()

    ended = [npm.receive() for _ in texts]
    assert [(each["text"], each["count"]) for each in ended] == [
        (text, number) for number, text in enumerate(texts, start=1)
    ]
    assert server.run(LIST, {"listName": list_name}) == texts


@pytest.mark.node
def test_answered_mutations_are_answered_from_what_was_stored(
    proxy: FaultProxy, npm: Program, server: ServerProcess, list_name: str
) -> None:
    texts = [f"line {number}" for number in range(5)]
    held = proxy.hold(TO_CLIENT, lambda m: m["type"] == "Transition" and bool(m["modifications"]))

    npm.send({"texts": texts})
    held.wait()
    wait_for(lambda: server.run(LIST, {"listName": list_name}) == texts, "all commits")
    held.cut()

    ended = [npm.receive() for _ in texts]
    assert [each["count"] for each in ended] == [1, 2, 3, 4, 5]
    assert server.run(LIST, {"listName": list_name}) == texts
    assert request_ids(proxy, "Mutation")[-5:] == [0, 1, 2, 3, 4]
    assert request_ids(proxy, "MutationResponse")[-5:] == [0, 1, 2, 3, 4]


@pytest.mark.node
def test_mutation_that_arrives_twice_takes_effect_once(
    proxy: FaultProxy, npm: Program, server: ServerProcess, list_name: str
) -> None:
    proxy.repeat(TO_SERVER, of_type("Mutation"))

    npm.send({"texts": ["hello", "again"]})

    assert [npm.receive()["count"], npm.receive()["count"]] == [1, 2]
    assert server.run(LIST, {"listName": list_name}) == ["hello", "again"]
    assert request_ids(proxy, "MutationResponse") == [0, 0, 1]


@pytest.mark.node
def test_promise_waits_for_the_transition_that_shows_the_effect(
    proxy: FaultProxy, npm: Program
) -> None:
    held = proxy.hold(TO_CLIENT, lambda m: m["type"] == "Transition" and bool(m["modifications"]))

    npm.send({"texts": ["hello"]})
    held.wait()
    assert request_ids(proxy, "MutationResponse") == [0], "the answer has passed"
    held.release()

    assert npm.receive() == {"text": "hello", "count": 1, "seen": True}


@pytest.mark.node
def test_failed_mutation_is_told_once_wherever_it_is_cut(
    proxy: FaultProxy, npm: Program, server: ServerProcess, list_name: str
) -> None:
    fault = MUTATION_CUTS["after commit"](proxy)

    npm.send({"texts": [""]})
    fault.wait()

    assert "Empty" in npm.receive()["error"]
    assert server.run(LIST, {"listName": list_name}) == []


@pytest.mark.parametrize(
    ("point", "times"), [("before arrival", 1), ("after commit", 2), ("after the answer", 2)]
)
def test_mutation_of_the_python_client_takes_effect_at_least_once(
    proxy: FaultProxy, server: ServerProcess, list_name: str, point: str, times: int
) -> None:
    with start_python("mutations.py", url=proxy.url, listName=list_name) as program:
        program.receive_until(ready=True)
        fault = MUTATION_CUTS[point](proxy)

        program.send({"texts": ["hello"]})
        fault.wait()

        assert program.receive()["text"] == "hello"
        assert server.run(LIST, {"listName": list_name}) == ["hello"] * times
