"""Processor time of the server's own code, in one process and without sockets.

    python bench/in_process.py mutations --clients 100
    python bench/in_process.py live --clients 100
    python bench/in_process.py push --clients 1000 --profile

For comparing two versions of the code within a minute: the whole server runs, on a real file, but
for the sockets, whose place is taken by connections that count. Printed are the least and the
median of many rounds. On a busy machine use `--instructions`: it runs one round under valgrind
and counts; two counts of the same code differ by less than a thousandth. The clock then hardly
moves, so that all clients' mutations are one batch. Published figures come from `run.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import os
import pstats
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from processes import ROOT
from starlette.websockets import WebSocket

from realtime.clock import SystemClock
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ADMIN, FunctionCall
from realtime.runtime.registry import load_app
from realtime.server.admin_key import AdminKey
from realtime.server.application import Application, ServerSettings
from realtime.server.connection import EXTENSION, CloseCode, ConnectionListener
from realtime.storage.sqlite import SqliteStore

ADMIN_KEY = AdminKey("bench", "0" * 48)
LIST_SIZE = 50
SENDS_PER_ROUND = 20
PUSHES_PER_ROUND = 5
_CALL = '{"type":"Mutation","requestId":%d,"udfPath":"%s","args":[%s]}'
_SEND_ARGS = '{"sessionId":"%s","role":"user","content":"00000000 talk."}'
_MARK_ARGS = '{"messageId":"%s","commitSha":"%040x"}'


class CountingConnection:
    """The server's end of a client without a socket: takes every message at once."""

    is_paused = False
    unsent_bytes = 0

    def __init__(self) -> None:
        self.listener: ConnectionListener
        self.on_message: Callable[[Sequence[bytes]], None] = lambda _: None

    def attach(self, listener: ConnectionListener) -> None:
        """Take the listener."""
        self.listener = listener

    def write(self, messages: Sequence[Sequence[bytes]]) -> None:
        """Hand the messages to whoever waits for them."""
        for pieces in messages:
            self.on_message(pieces)

    def close(self, code: int, reason: str) -> None:
        """Fail, unless the server stops."""
        assert code == CloseCode.GOING_AWAY, f"The server closed a connection: {code} {reason}"

    def abort(self) -> None:
        """Fail as well."""
        raise AssertionError("The server cut a connection off")


class SlowClock(SystemClock):
    """A clock for a program that runs slowly: no slice or batch ends by its time."""

    def monotonic_seconds(self) -> float:
        """Return a small part of the time that has passed."""
        return super().monotonic_seconds() / 10_000


def set_counting(*, on: bool) -> None:
    """Switch valgrind's counting of this process on or off."""
    command = ["callgrind_control", "-i", "on" if on else "off", str(os.getpid())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Client:
    """A client: it hands texts to the server's end of its connection."""

    def __init__(self) -> None:
        self.connection = CountingConnection()
        self._requests = 0
        self._version = 0

    async def open(self, application: Application) -> None:
        """Connect."""

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(_: Any) -> None:
            pass

        scope: dict[str, Any] = {"type": "websocket", "path": "/api/sync", "headers": []}
        scope["extensions"] = {EXTENSION: {"connection": self.connection}}
        await application.sockets.endpoint(WebSocket(scope, receive, send))
        self._send({"type": "Connect", "sessionId": str(uuid.uuid4()), "connectionCount": 0})

    def call(self, path: str, args: str) -> None:
        """Send a mutation; `args` is its JSON object."""
        self.connection.listener.receive_text(_CALL % (self._requests, path, args))
        self._requests += 1

    def watch(self, session_id: str) -> None:
        """Subscribe to the messages of a session, and to no other any more."""
        version, self._version = self._version, self._version + 1
        changes: list[dict[str, Any]] = []
        if version:
            changes.append({"type": "Remove", "queryId": version})
        query = {"udfPath": "messages:list", "args": [{"sessionId": session_id}]}
        changes.append({"type": "Add", "queryId": self._version, **query})
        versions = {"baseVersion": version, "newVersion": self._version}
        self._send({"type": "ModifyQuerySet", **versions, "modifications": changes})

    def _send(self, message: dict[str, Any]) -> None:
        self.connection.listener.receive_text(json.dumps(message))


class Gathering:
    """Counts messages of the type that a load waits for, over all clients."""

    def __init__(self, clients: Sequence[Client], kind: bytes) -> None:
        self._kind = kind
        self._missing = 0
        self._done: asyncio.Future[None]
        for client in clients:
            client.connection.on_message = self._take

    def expect(self, count: int) -> asyncio.Future[None]:
        """Return a future that is done when `count` such messages have come."""
        self._missing = count
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def _take(self, pieces: Sequence[bytes]) -> None:
        if any(self._kind in piece[:100] for piece in pieces[:2]):
            self._missing -= 1
            if not self._missing:
                self._done.set_result(None)


async def call(application: Application, path: str, args: str = "{}") -> Any:
    """Run a function as the admin and return its value."""
    outcome = await application.backend.run_function(FunctionCall(path, args.encode(), ADMIN))
    assert outcome.error is None and outcome.value is not None, outcome.error
    return json.loads(outcome.value)


async def open_clients(application: Application, count: int) -> list[Client]:
    """Return connected clients."""
    clients = [Client() for _ in range(count)]
    for client in clients:
        await client.open(application)
    return clients


async def make_session(application: Application, repo_id: str, messages: int) -> str:
    """Return the id of a new session with so many messages."""
    args = json.dumps({"repoId": repo_id, "userId": "bench"})
    session_id: str = await call(application, "sessions:create", args)
    send = _SEND_ARGS % session_id
    await asyncio.gather(*(call(application, "messages:send", send) for _ in range(messages)))
    return session_id


class Sending:
    """Every client sends to a session of its own, again when all have what they wait for.

    Without a live list that is the response, with one the push; the list has 50 messages on
    average.
    """

    def __init__(self, application: Application, *, has_live_list: bool) -> None:
        self._application = application
        self._has_live_list = has_live_list
        self._clients: list[Client] = []
        self._args: list[str] = []
        self._gathering: Gathering

    async def open(self, count: int) -> None:
        """Connect `count` clients."""
        self._clients = await open_clients(self._application, count)
        kind = b'"QueryUpdated"' if self._has_live_list else b'"MutationResponse"'
        self._gathering = Gathering(self._clients, kind)

    async def prepare(self) -> None:
        """Make new sessions."""
        demo = await call(self._application, "seed:demo")
        messages = LIST_SIZE - SENDS_PER_ROUND // 2 if self._has_live_list else 0
        sessions = [
            await make_session(self._application, demo["repoId"], messages) for _ in self._clients
        ]
        self._args = [_SEND_ARGS % session_id for session_id in sessions]
        if self._has_live_list:
            arrived = self._gathering.expect(len(self._clients))
            for client, session_id in zip(self._clients, sessions, strict=True):
                client.watch(session_id)
            await arrived

    async def run(self) -> int:
        """Send the messages of one round; return how many."""
        for _ in range(SENDS_PER_ROUND):
            arrived = self._gathering.expect(len(self._clients))
            for client, args in zip(self._clients, self._args, strict=True):
                client.call("messages:send", args)
            await arrived
        return SENDS_PER_ROUND * len(self._clients)


class Pushing:
    """One list of 50 messages that all watch changes; an operation is the push to one of them."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._marks = iter(range(10**9))
        self._message_id = ""
        self._marker = Client()
        self._count = 0
        self._gathering: Gathering

    async def open(self, count: int) -> None:
        """Fill the list, and connect `count` clients that watch it."""
        demo = await call(self._application, "seed:demo")
        args = json.dumps({"sessionId": demo["sessionId"]})
        documents = await call(self._application, "messages:list", args)
        self._message_id = next(one["_id"] for one in documents if "changes" in one)
        for _ in range(LIST_SIZE - len(documents)):
            await call(self._application, "messages:send", _SEND_ARGS % demo["sessionId"])
        subscribers = await open_clients(self._application, count)
        await self._marker.open(self._application)
        self._count = count
        self._gathering = Gathering(subscribers, b'"QueryUpdated"')
        arrived = self._gathering.expect(count)
        for subscriber in subscribers:
            subscriber.watch(demo["sessionId"])
        await arrived

    async def prepare(self) -> None:
        """Do nothing: the list stays as long as it is."""

    async def run(self) -> int:
        """Change the list a few times; return how many pushes that was."""
        for _ in range(PUSHES_PER_ROUND):
            arrived = self._gathering.expect(self._count)
            args = _MARK_ARGS % (self._message_id, next(self._marks))
            self._marker.call("messages:markChangesCommitted", args)
            await arrived
        return PUSHES_PER_ROUND * self._count


LOADS: dict[str, Callable[[Application], Sending | Pushing]] = {
    "mutations": lambda application: Sending(application, has_live_list=False),
    "live": lambda application: Sending(application, has_live_list=True),
    "push": Pushing,
}


@asynccontextmanager
async def running_load(options: argparse.Namespace) -> AsyncIterator[Sending | Pushing]:
    """Run a server with the load's clients, warmed up."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="realtime-bench-"))
        clock = SlowClock() if options.counted else SystemClock()
        store = SqliteStore.open(Path(folder) / "realtime.sqlite3")
        backend = Backend(load_app(ROOT), store, clock, redact_errors=True)
        application = Application(backend, ServerSettings(ADMIN_KEY), clock)
        await application.start()
        stack.push_async_callback(application.stop)
        load = LOADS[options.load](application)
        await load.open(options.clients)
        await load.prepare()
        await load.run()
        gc.collect()
        gc.freeze()
        yield load


async def measure(options: argparse.Namespace) -> None:
    """Print the processor time of an operation."""
    profile = cProfile.Profile() if options.profile else None
    spent: list[float] = []
    async with running_load(options) as load:
        for _ in range(options.rounds):
            await load.prepare()
            if profile is not None:
                profile.enable()
            begin = time.process_time()
            operations = await load.run()
            spent.append((time.process_time() - begin) / operations * 1e6)
            if profile is not None:
                profile.disable()
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(options.lines)
    print(
        f"{options.load}, {options.clients} clients: {min(spent):.1f} µs CPU an operation "
        f"(median of {len(spent)} rounds: {statistics.median(spent):.1f})"
    )


async def run_counted(options: argparse.Namespace) -> None:
    """Run one round, counted by the valgrind around this process; print its operations."""
    async with running_load(options) as load:
        await load.prepare()
        set_counting(on=True)
        operations = await load.run()
        set_counting(on=False)
        print(operations)


def count_instructions(options: argparse.Namespace) -> None:
    """Run this program under valgrind and print the instructions of an operation."""
    with tempfile.TemporaryDirectory(prefix="realtime-bench-") as folder:
        output = options.callgrind_output or f"{folder}/callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        valgrind += [f"--callgrind-out-file={output}", sys.executable, __file__, options.load]
        done = subprocess.run(
            [*valgrind, "--clients", str(options.clients), "--counted"],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
        )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or collected is None:
        sys.exit(done.stderr)
    count = int(collected[1]) / int(done.stdout)
    print(f"{options.load}, {options.clients} clients: {count:,.0f} instructions an operation")


def main() -> None:
    """Measure one load and print its figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=sorted(LOADS))
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    parser.add_argument("--lines", type=int, default=45, help="of the profile")
    parser.add_argument("--instructions", action="store_true", help="count, in place of timing")
    parser.add_argument("--callgrind-output", help="keep valgrind's file, for callgrind_annotate")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.instructions:
        count_instructions(options)
    else:
        uvloop.run(run_counted(options) if options.counted else measure(options))


if __name__ == "__main__":
    main()
