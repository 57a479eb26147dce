"""A query that every commit makes stale, beside quiet ones on the same socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.programs import Node
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.sync_socket import SyncSocket

BUSY, OWN = "busy", "own"
QUIET = [f"quiet {number}" for number in range(19)]
WRITERS = 4
MUTATIONS = 30


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of lists."""
    server = ServerProcess(tmp_path_factory.mktemp("busy") / "data", app=ROOT / "tests/apps/wire")
    try:
        yield server.start()
    finally:
        server.close()


@contextmanager
def writing(server: ServerProcess) -> Iterator[None]:
    """Have others add to the busy list without a pause until the block ends."""
    is_over = threading.Event()

    def write() -> None:
        body = {"path": "entries:add", "args": {"listName": BUSY, "text": "x"}}
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not is_over.is_set():
                client.post("/api/mutation", json=body).raise_for_status()

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.mark.node
def test_npm_client_gets_answers_and_news_while_others_write_all_the_time(
    node: Node, server: ServerProcess
) -> None:
    args = {"url": server.url, "busy": BUSY, "quiet": QUIET, "own": OWN, "count": MUTATIONS}
    with node.start("busy_queries.mjs", **args) as program:
        program.receive_until(ready=True)
        with writing(server):
            result = program.receive()

    count = len(result["counts"])
    assert count >= MUTATIONS
    assert result["counts"] == list(range(1, count + 1)), "every promise was fulfilled"
    assert result["updates"] == [1] * len(QUIET), "what has not changed is not sent again"
    assert result["lengths"] == sorted(set(result["lengths"])), "time never goes back"
    assert len(set(result["seen"])) > MUTATIONS / 2, "news kept coming between the mutations"


def test_each_transition_is_one_state_while_others_write_all_the_time(
    server: ServerProcess,
) -> None:
    with SyncSocket(server.url).greet() as client:
        client.add_query(0, "entries:list", [{"listName": BUSY}])
        client.add_query(1, "entries:length", [{"listName": BUSY}])
        for number, name in enumerate(QUIET[:-1], start=2):
            client.add_query(number, "entries:list", [{"listName": name}])
        results: dict[int, object] = {}
        answered: list[int] = []
        transitions = 0
        with writing(server):
            client.mutate(0, "entries:add", [{"listName": OWN, "text": "0"}])
            while len(answered) < MUTATIONS or transitions < MUTATIONS:
                message = client.receive()
                if message["type"] == "MutationResponse":
                    answered.append(message["requestId"])
                    text = str(len(answered))
                    client.mutate(len(answered), "entries:add", [{"listName": OWN, "text": text}])
                    continue
                transitions += 1
                results |= {m["queryId"]: m["value"] for m in message["modifications"]}
                lines = results.get(0, [])
                assert isinstance(lines, list)
                assert results.get(1, len(lines)) == len(lines)

    assert answered == sorted(answered)
