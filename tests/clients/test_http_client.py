"""The official npm `ConvexHttpClient`, unmodified, against the chat app."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import Chat
from tests.clients.expectations import check_errors, check_live_list, check_results
from tests.conftest import StartServer
from tests.harness.programs import Node
from tests.harness.server_process import ROOT

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def result(node: Node, chat: Chat) -> dict[str, Any]:
    """What the client got from every function."""
    return node.run("http_client.mjs", **chat.program_args)


def test_http_client_calls_every_function(result: dict[str, Any], chat: Chat) -> None:
    check_results(result, chat)


def test_http_client_reads_its_own_writes(result: dict[str, Any]) -> None:
    check_live_list(result)


def test_http_client_gets_the_reason_of_each_failure(result: dict[str, Any]) -> None:
    check_errors(result, "[Request ID: ")


def test_consistent_queries_are_of_one_timestamp(node: Node, start_server: StartServer) -> None:
    server = start_server(app=ROOT / "tests/apps/wire")

    result = node.run("consistent_queries.mjs", url=server.url, listName="a")

    assert result == {
        "first": ["before"],
        "second": ["before"],
        "present": ["before", "between"],
        "later": ["before", "between"],
    }
