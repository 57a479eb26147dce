"""Only what changed runs, counted by the metrics of the program.

A message in one session runs nobody else's list, however many are subscribed; and what a thousand
clients share is run and encoded once.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from realtime.values.ids import decode_id, encode_id
from tests.acceptance.raw_client import RawClient
from tests.harness.server_process import Metrics, ServerProcess
from tests.harness.waiting import wait_for

LIST = "messages:list"
MESSAGES = 5
SUBSCRIBERS = 1_000
QUERIES_PER_SOCKET = 500
SOCKETS_AT_ONCE = 50
FILES_NEEDED = 3 * SUBSCRIBERS


@pytest.fixture(scope="module", autouse=True)
def many_files() -> Iterator[None]:
    """Let this process and the server that it starts have a socket for each subscriber."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_NEEDED if hard == resource.RLIM_INFINITY else min(FILES_NEEDED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(frozen=True)
class Work:
    """What the server has done between two looks at its metrics."""

    list_runs: float
    list_encodings: float
    other_runs: float
    batches: float


def work_between(before: Metrics, after: Metrics) -> Work:
    def grown(name: str, **labels: str) -> float:
        return after.total(name, **labels) - before.total(name, **labels)

    runs = grown("realtime_function_runs_total", kind="query")
    list_runs = grown("realtime_function_runs_total", path=LIST, kind="query")
    return Work(
        list_runs,
        grown("realtime_result_encodings_total", path=LIST),
        runs - list_runs,
        grown("realtime_commit_batches_total"),
    )


@pytest.fixture(scope="module")
def repo_id(server: ServerProcess) -> str:
    """The demo repository."""
    return str(server.run("seed:demo")["repoId"])


@pytest.fixture
def session_id(server: ServerProcess, repo_id: str) -> str:
    """A new session without messages, on a server to which nobody is connected."""
    wait_for(lambda: server.metrics().value("realtime_sockets") == 0, "clients to be gone")
    return str(server.run("sessions:create", {"repoId": repo_id, "userId": "writer"}))


def message(session_id: str, content: str) -> dict[str, Any]:
    return {"sessionId": session_id, "role": "user", "content": content}


def contents(result: list[dict[str, Any]]) -> list[str]:
    return [document["content"] for document in result]


@asynccontextmanager
async def subscribers(url: str, session_id: str, count: int) -> AsyncIterator[list[RawClient]]:
    """Clients that watch one list, each on a socket of its own."""
    limit = asyncio.Semaphore(SOCKETS_AT_ONCE)

    async def connect() -> RawClient:
        async with limit:
            client = await stack.enter_async_context(RawClient(url))
            await client.subscribe(LIST, {"sessionId": session_id})
            return client

    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(connect() for _ in range(count)))


@asynccontextmanager
async def bystanders(
    url: str, session_id: str, count: int
) -> AsyncIterator[tuple[list[RawClient], float]]:
    """Clients that watch `count` lists of other sessions, many on a socket."""
    number = decode_id(session_id).table_number
    others = [encode_id(number, os.urandom(16)) for _ in range(count)]
    async with AsyncExitStack() as stack:
        clients = []
        for start in range(0, count, QUERIES_PER_SOCKET):
            client = await stack.enter_async_context(RawClient(url))
            part = others[start : start + QUERIES_PER_SOCKET]
            await client.add_queries([(LIST, {"sessionId": other}) for other in part])
            clients.append(client)
        for client in clients:
            await client.receive()
        yield clients, sum(len(client.results) for client in clients)


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [1, 100, 10_000])
async def test_message_runs_no_list_of_another_session(
    server: ServerProcess, session_id: str, count: int
) -> None:
    async with (
        bystanders(server.url, session_id, count) as (others, subscribed),
        RawClient(server.url) as writer,
    ):
        await writer.subscribe(LIST, {"sessionId": session_id})
        before = server.metrics()

        for number in range(MESSAGES):
            await writer.mutate("messages:send", message(session_id, str(number)))
        work = work_between(before, server.metrics())
        told = [await client.arrived() for client in others]

    assert subscribed == count
    assert before.value("realtime_subscriptions") == count + 1
    assert work == Work(list_runs=MESSAGES, list_encodings=MESSAGES, other_runs=0, batches=MESSAGES)
    assert contents(writer.results[0]) == ["0", "1", "2", "3", "4"]
    assert told == [[] for _ in others]


@pytest.mark.asyncio
async def test_change_of_a_message_runs_the_list_that_holds_it_and_no_other(
    server: ServerProcess, repo_id: str, session_id: str
) -> None:
    demo = server.run("seed:demo")["sessionId"]
    async with RawClient(server.url) as writer, RawClient(server.url) as other:
        await writer.subscribe(LIST, {"sessionId": demo})
        await other.subscribe(LIST, {"sessionId": session_id})
        changed = writer.results[0][1]
        before = server.metrics()

        mark = {"messageId": changed["_id"], "commitSha": "abc123"}
        await writer.mutate("messages:markChangesCommitted", mark)
        work = work_between(before, server.metrics())
        told = await other.arrived()

    assert work == Work(list_runs=1, list_encodings=1, other_runs=0, batches=1)
    assert writer.results[0][1]["changes"]["committed"] is True
    assert told == []


@pytest.fixture
def subscriber_count() -> int:
    """As many sockets as the machine allows, up to a thousand."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(SUBSCRIBERS, soft // 3)


@pytest.mark.asyncio
async def test_shared_list_is_run_and_encoded_once_for_each_batch(
    server: ServerProcess, session_id: str, subscriber_count: int
) -> None:
    at_first = server.metrics()
    async with (
        subscribers(server.url, session_id, subscriber_count) as clients,
        RawClient(server.url) as writer,
    ):
        before = server.metrics()
        transitions_before = [client.transition_count for client in clients]

        for number in range(MESSAGES):
            await writer.mutate("messages:send", message(session_id, str(number)))
            told = await asyncio.gather(*(client.receive() for client in clients))
            assert {m["type"] for m in told} == {"Transition"}
            assert all(len(contents(client.results[0])) == number + 1 for client in clients)
        work = work_between(before, server.metrics())
        late = await asyncio.gather(*(client.arrived() for client in clients))

    assert before.value("realtime_sockets") == subscriber_count + 1
    assert before.value("realtime_subscriptions") == subscriber_count
    assert work_between(at_first, before) == Work(1, 1, other_runs=0, batches=0)
    assert work == Work(list_runs=MESSAGES, list_encodings=MESSAGES, other_runs=0, batches=MESSAGES)
    assert transitions_before == [1] * subscriber_count
    assert late == [[] for _ in clients]
    assert all(contents(client.results[0]) == ["0", "1", "2", "3", "4"] for client in clients)


@pytest.mark.asyncio
async def test_burst_runs_a_shared_list_at_most_once_for_each_batch(
    server: ServerProcess, session_id: str
) -> None:
    messages, watchers = 200, 100
    async with (
        subscribers(server.url, session_id, watchers) as clients,
        RawClient(server.url) as writer,
    ):
        before = server.metrics()

        for number in range(messages):
            await writer.ask("messages:send", message(session_id, str(number)))
        for client in clients:
            await client.receive_until(lambda _, c=client: len(c.results[0]) == messages)
        work = work_between(before, server.metrics())

    assert 1 <= work.list_runs <= work.batches <= messages
    assert work.list_encodings == work.list_runs
    for client in clients:
        assert client.transition_count - 1 <= work.batches
        assert contents(client.results[0]) == [str(number) for number in range(messages)]
