"""Nothing acknowledged is lost, and nothing is there twice, when the server is killed under load.

Four clients send at the same time: the official npm client, our browser client in Chromium, the
official PyPI client and our client for asyncio. The server is killed several times in the middle of
it and started again on the same directory; the clients are left alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.harness.programs import Node, Program, start_python
from tests.harness.server_process import ServerProcess

pytestmark = [pytest.mark.node, pytest.mark.browser]

KEEPING_THEIR_SESSION = ("npm", "browser", "asyncio")
CLIENTS = (*KEEPING_THEIR_SESSION, "python")
KILLS = 3
ACKNOWLEDGED = 20
"""Of each client, before each kill and again after it."""


@dataclass
class Outcome:
    """What one client was told, and what was there in the end."""

    acknowledged: list[str] = field(default_factory=list)
    rounds: list[list[float]] = field(default_factory=list)
    """When each message of a round was acknowledged, in ms."""
    stored: list[str] = field(default_factory=list)
    live: Mapping[str, Any] = field(default_factory=dict)


class Load:
    """A server, the clients that send to it, and what has happened so far."""

    def __init__(self, server: ServerProcess, programs: Mapping[str, Program]) -> None:
        self.server = server
        self.programs = programs
        self.outcomes = {name: Outcome() for name in programs}
        self.killed_at_ms: list[float] = []

    def kill_once(self) -> None:
        """Kill the server while every client sends, start it, and go on until all are served."""
        for name in self.programs:
            self.outcomes[name].rounds.append([])
            self._tell(name, "send")
        self._receive_some_of_each()
        self.killed_at_ms.append(time.time() * 1000)
        self.server.kill()
        self.server.restart()
        self._receive_some_of_each()
        for name in self.programs:
            self._tell(name, "pause")
            while self._receive(name):
                pass

    def finish(self, sessions: Mapping[str, str]) -> None:
        """End the clients and take down what they and the server have."""
        for name, program in self.programs.items():
            self._tell(name, "end")
            outcome = self.outcomes[name]
            outcome.live = program.receive()
            stored = self.server.run("messages:list", {"sessionId": sessions[name]})
            outcome.stored = [message["content"] for message in stored]

    def _tell(self, name: str, action: str) -> None:
        self.programs[name].send({"action": action})

    def _receive_some_of_each(self) -> None:
        for name in self.programs:
            for _ in range(ACKNOWLEDGED):
                assert self._receive(name)

    def _receive(self, name: str) -> bool:
        """Take down one acknowledgement; false when the client has paused."""
        line = self.programs[name].receive()
        if "acknowledged" not in line:
            return False
        self.outcomes[name].acknowledged.append(line["acknowledged"])
        self.outcomes[name].rounds[-1].append(line["atMs"])
        return True


@pytest.fixture(scope="module")
def load(node: Node, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Four clients after all kills."""
    server = ServerProcess(tmp_path_factory.mktemp("recovery") / "data")
    with ExitStack() as stack:
        stack.callback(server.close)
        server.start()
        repo_id = server.run("seed:demo")["repoId"]
        sessions = {
            name: server.run("sessions:create", {"repoId": repo_id, "userId": name})
            for name in CLIENTS
        }
        args = {
            name: {"url": server.url, "sessionId": session_id, "name": name}
            for name, session_id in sessions.items()
        }
        programs = {
            "npm": node.start("recovery_client.mjs", **args["npm"]),
            "browser": node.start("recovery_page.mjs", **args["browser"], executablePath=chromium),
            "python": start_python("recovery_client.py", **args["python"]),
            "asyncio": start_python("recovery_async_client.py", **args["asyncio"]),
        }
        for program in programs.values():
            stack.enter_context(program)
            program.receive_until(ready=True)

        load = Load(server, programs)
        for _ in range(KILLS):
            load.kill_once()
        load.finish(sessions)
        yield load


@pytest.mark.parametrize("client", CLIENTS)
def test_every_acknowledged_message_is_there_after_kills(load: Load, client: str) -> None:
    outcome = load.outcomes[client]

    assert len(outcome.acknowledged) >= KILLS * 2 * ACKNOWLEDGED
    assert set(outcome.acknowledged) == set(outcome.stored)


@pytest.mark.parametrize("client", KEEPING_THEIR_SESSION)
def test_message_of_a_client_that_keeps_its_session_is_there_once(load: Load, client: str) -> None:
    counts = Counter(load.outcomes[client].stored)

    assert [content for content, count in counts.items() if count != 1] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_connected_client_resumes_its_live_list_by_itself(load: Load, client: str) -> None:
    outcome = load.outcomes[client]

    assert outcome.live["listed"] == outcome.stored


@pytest.mark.parametrize("client", KEEPING_THEIR_SESSION)
def test_client_was_really_cut_off_by_each_kill(load: Load, client: str) -> None:
    assert load.outcomes[client].live["connectionCount"] >= KILLS + 1


@pytest.mark.parametrize("client", CLIENTS)
def test_each_kill_came_while_the_client_was_sending(load: Load, client: str) -> None:
    for killed_at_ms, acknowledged_at_ms in zip(
        load.killed_at_ms, load.outcomes[client].rounds, strict=True
    ):
        assert min(acknowledged_at_ms) < killed_at_ms < max(acknowledged_at_ms)
