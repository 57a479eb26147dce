"""The official clients, unmodified, call actions: with success, failing, and cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from convex.http_client import ConvexHttpClient

from tests.conftest import StartServer
from tests.harness.programs import Node, start_python
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.waiting import wait_for

APP = ROOT / "tests" / "apps" / "courier"
CUT_OFF = "Connection lost while action was in flight"


@pytest.fixture(scope="module")
def couriers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of couriers that tells errors openly."""
    server = ServerProcess(tmp_path_factory.mktemp("couriers") / "data", app=APP, command="dev")
    try:
        yield server.start()
    finally:
        server.close()


def waiting_delivery(folder: Path, to: str) -> dict[str, str]:
    """Return the arguments of a delivery that waits for a file."""
    files = {"began": str(folder / "began"), "until": str(folder / "until")}
    return {"to": to, "content": "late book", **files}


def check_answers(result: dict[str, Any], path_prefix: str = "") -> None:
    """Check what came back of one success and two failures."""
    assert result["delivered"] == ["book"]
    empty, lost = result["empty"], result["lost"]
    assert empty["kind"] == "ConvexError"
    assert empty["data"]["code"] == "Empty"
    assert (
        "Uncaught ConvexError: Uncaught ConvexError: A parcel needs a content" in (empty["message"])
    )
    assert lost["kind"] != "ConvexError" and lost.get("data") is None
    assert "Uncaught ValueError: The parcel is lost" in lost["message"]
    assert lost["message"].startswith(path_prefix)


@pytest.mark.node
@pytest.mark.parametrize(
    ("client", "path_prefix"),
    [
        ("ConvexClient", "[CONVEX A(parcels:lose)]"),
        ("ConvexHttpClient", "[Request ID: "),
        ("useAction", "[CONVEX A(parcels:lose)]"),
    ],
)
def test_npm_client_calls_actions(
    node: Node, couriers: ServerProcess, client: str, path_prefix: str
) -> None:
    result = node.run("actions_client.mjs", client=client, url=couriers.url, to=client)

    check_answers(result, path_prefix)


@pytest.mark.node
def test_action_goes_on_when_the_socket_of_its_npm_client_is_cut(
    node: Node, couriers: ServerProcess, tmp_path: Path
) -> None:
    args = {"client": "ConvexClient", "url": couriers.url, "to": "cut"}
    delivery = waiting_delivery(tmp_path, "cut")
    with node.start("actions_client.mjs", **args, delivery=delivery) as program:
        program.receive_until(waiting=True)
        wait_for((tmp_path / "began").exists, "the action to run")
        program.send({"cut": True})
        result = program.receive()
    (tmp_path / "until").touch()

    assert CUT_OFF in result["cut"]["message"]
    assert result["afterwards"] == ["book", "lamp"]
    wait_for(
        lambda: couriers.run("parcels:list", {"to": "cut"}) == ["book", "lamp", "late book"],
        "the delivery",
    )


def test_python_client_calls_actions_and_sends_one_again_that_was_cut_off(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(app=APP, command="dev")
    began = tmp_path / "began"
    args = {"url": server.url, "to": "python", "delivery": waiting_delivery(tmp_path, "python")}
    with start_python("actions_client.py", **args) as program:
        program.receive_until(waiting=True)
        wait_for(began.exists, "the action to run")
        server.kill()
        began.unlink()
        server.restart()
        wait_for(began.exists, "the action to run again")
        (tmp_path / "until").touch()
        result = program.receive()

    check_answers(result)
    assert result["cut"] == "late book"
    assert result["afterwards"] == ["book", "late book", "lamp"]


def test_python_http_client_calls_actions(couriers: ServerProcess) -> None:
    client = ConvexHttpClient(couriers.url)

    answer = client.action("parcels:deliver", {"to": "python http", "content": "book"})

    assert answer == ["book"]
