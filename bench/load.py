"""A load generator: one process, one kind of load, one server; results as JSON on standard output.

    python bench/load.py mutations --port 3210 --pid 1234 --clients 100 --mean-list-size 50
    python bench/load.py fanout --port 3210 --pid 1234 --subscribers 1000
    python bench/load.py continuous --port 3210 --pid 1234 --subscribers 1000
    python bench/load.py idle --port 3210 --pid 1234 --connections 1000 [--shared]

The server must have the functions of the chat app; `REALTIME_ADMIN_KEY` must hold its key, with
which `seed:demo` is called. Every run is bounded in time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chat import (
    LIST_MESSAGES,
    CountingSubscriber,
    Marker,
    MutationClient,
    SharedList,
    Subscriber,
    UnaffectedClient,
    create_sessions,
    listed_documents,
    send_messages,
)
from recording import Recorder, clock, summarize_ms
from server_probe import ServerWindow, memory_bytes
from sync_client import HOST, TIMEOUT_SECONDS, LoadError, SyncConnection

SHARED_LIST_SIZE = 50
SETUP_LIMIT_SECONDS = 120.0
QUERIES_PER_SOCKET = 100
SETTLING_SECONDS = 1.0

Report = dict[str, Any]


def call_function(port: int, path: str, args: dict[str, Any], admin_key: str) -> Any:
    """Run a function with the admin key over HTTP and return its value."""
    request = urllib.request.Request(
        f"http://{HOST}:{port}/api/function",
        data=json.dumps({"path": path, "args": args, "format": "json"}).encode(),
        headers={"Authorization": f"Convex {admin_key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise LoadError(f"`{path}` was answered {error.code}: {error.read()[:300]!r}") from error
    if answer["status"] != "success":
        raise LoadError(f"`{path}` failed: {answer['errorMessage']}")
    return answer["value"]


async def open_all(connections: Sequence[SyncConnection], port: int) -> None:
    """Open connections, a bounded number at a time."""
    for begin in range(0, len(connections), 50):
        await asyncio.gather(*(one.open(port) for one in connections[begin : begin + 50]))


class Load:
    """What all kinds of load share: the target, the window, the failures."""

    def __init__(self, options: argparse.Namespace, demo: dict[str, str]) -> None:
        self.options = options
        self.port: int = options.port
        self.demo = demo
        self.failures: list[str] = []
        self.recorder = Recorder()
        self.server = ServerWindow(options.port, options.pid)

    async def measure(self, extra: Callable[[], Awaitable[None]] | None = None) -> Report:
        """Let the load run: first unmeasured, then through the window; return the report."""
        await asyncio.sleep(self.options.warmup)
        await self.server.begin()
        generator_cpu = time.process_time()
        self.recorder.begin()
        await (asyncio.sleep(self.options.seconds) if extra is None else extra())
        self.recorder.end()
        generator_cpu = time.process_time() - generator_cpu
        report: Report = self.recorder.report()
        report |= await self.server.end()
        report["generator_cpu_seconds"] = round(generator_cpu, 3)
        if self.recorder.operations:
            spent = report["server_cpu_seconds"] / self.recorder.operations
            report["server_cpu_us_per_operation"] = round(spent * 1e6, 1)
        return report


async def subscribe_unaffected(load: Load, subscriptions: int, sessions: int) -> None:
    """Create sessions and subscribe to the lists of the first `subscriptions` of them."""
    if not sessions:
        return
    creators = [SyncConnection(load.failures) for _ in range(5)]
    await open_all(creators, load.port)
    ids = (await create_sessions(creators, load.demo["repoId"], sessions))[:subscriptions]
    for creator in creators:
        creator.close()
    parts = [ids[begin : begin + QUERIES_PER_SOCKET] for begin in range(0, len(ids), 100)]
    clients = [UnaffectedClient(load.failures) for _ in parts]
    await open_all(clients, load.port)
    for client, part in zip(clients, parts, strict=True):
        await client.subscribe([(LIST_MESSAGES, {"sessionId": one}) for one in part])
        client.begin()


async def load_mutations(load: Load) -> Report:
    """Closed-loop mutation clients, with or without a live list each."""
    options = load.options
    mean: int = options.mean_list_size
    await subscribe_unaffected(load, options.unaffected, options.unaffected_sessions)
    pause = options.clients / options.rate if options.rate else 0.0
    clients = [
        MutationClient(
            load.failures,
            load.recorder,
            repo_id=load.demo["repoId"],
            mean_list_size=mean,
            pause_seconds=pause,
        )
        for _ in range(options.clients)
    ]
    # The first lists have sizes spread over the whole range, so that the mean holds at once.
    sizes = [(2 * number + 1) * mean // len(clients) for number in range(len(clients))]
    for begin in range(0, len(clients), 20):
        pairs = zip(clients[begin : begin + 20], sizes[begin : begin + 20], strict=True)
        await asyncio.gather(*(client.prepare(load.port, size) for client, size in pairs))
    for client in clients:
        client.begin()
    if options.report_every:
        report = await load.measure(lambda: report_intervals(load))
    else:
        report = await load.measure()
    await asyncio.gather(*(client.stop() for client in clients))
    return report


async def report_intervals(load: Load) -> None:
    """Print one line of JSON per interval until the time is up or something failed."""
    recorder = load.recorder
    begin = clock()
    end = begin + load.options.seconds
    operations, acknowledgements = recorder.operations, len(recorder.acknowledgements)
    while clock() < end and not load.failures:
        await asyncio.sleep(min(load.options.report_every, max(0.0, end - clock())))
        seconds = clock() - begin
        done = recorder.operations - operations
        interval = {
            "operations": done,
            "operations_per_second": round(done / seconds, 1),
            "ack_ms": summarize_ms(recorder.acknowledgements[acknowledgements:]),
        }
        begin += seconds
        operations, acknowledgements = recorder.operations, len(recorder.acknowledgements)
        print(json.dumps({"interval": interval}), flush=True)


async def open_shared_list(load: Load) -> tuple[SharedList, Marker, dict[str, str]]:
    """Fill the demo session to its size; return its list, who changes it, and its arguments."""
    shared = SharedList(load.failures, load.recorder)
    arguments = {"sessionId": load.demo["sessionId"]}
    filler = SyncConnection(load.failures)
    await filler.open(load.port)
    documents = listed_documents(await filler.subscribe([(LIST_MESSAGES, arguments)]))
    await send_messages(filler, load.demo["sessionId"], SHARED_LIST_SIZE - len(documents))
    filler.close()
    shared.message_id = next(one["_id"] for one in documents if "changes" in one)
    marker = Marker(shared)
    await marker.open(load.port)
    return shared, marker, arguments


async def subscribe_all(
    load: Load, subscribers: Sequence[SyncConnection], arguments: dict[str, str]
) -> None:
    """Open the subscribers and wait until each has the list."""
    await open_all(subscribers, load.port)
    for begin in range(0, len(subscribers), 50):
        part = subscribers[begin : begin + 50]
        await asyncio.gather(*(one.subscribe([(LIST_MESSAGES, arguments)]) for one in part))


def push_report(shared: SharedList) -> Report:
    """Return what was pushed as JSON members."""
    mean = shared.push_bytes / shared.push_count if shared.push_count else 0.0
    return {"pushes": shared.push_count, "push_bytes": round(mean)}


async def load_fanout(load: Load) -> Report:
    """One list, many subscribers: the next change when all of them have the one before.

    With several changes at once it is the last state that all must have; those before it may be
    pushed or left out.
    """
    shared, marker, arguments = await open_shared_list(load)
    subscribers = [Subscriber(shared) for _ in range(load.options.subscribers)]
    await subscribe_all(load, subscribers, arguments)
    for subscriber in subscribers:
        subscriber.begin()
    last_arrivals: list[float] = []

    async def change_once() -> None:
        acks: list[float] = []
        marks = [marker.next_mark() for _ in range(load.options.changes)]
        arrived = shared.expect(marks[-1], len(subscribers))
        sent_at = clock()
        acknowledged = [marker.change(mark) for mark in marks]
        for future in acknowledged:
            future.add_done_callback(lambda _: acks.append(clock() - sent_at))
        await asyncio.wait_for(asyncio.gather(*acknowledged, arrived), TIMEOUT_SECONDS)
        recorder = load.recorder
        if recorder.is_recording:
            recorder.operations += len(marks)
            recorder.acknowledgements.extend(acks)
            recorder.pushes.extend(arrival - sent_at for arrival in shared.arrivals)
            last_arrivals.append(shared.arrivals[-1] - sent_at)

    async def change_until_end() -> None:
        end = clock() + load.options.seconds
        while clock() < end and not load.failures:
            await change_once()

    for _ in range(5):
        await change_once()
    report = await load.measure(change_until_end)
    report |= push_report(shared)
    report["last_push_ms"] = summarize_ms(last_arrivals)
    if shared.push_count:
        spent = report["server_cpu_seconds"] / shared.push_count
        report["server_cpu_us_per_push"] = round(spent * 1e6, 2)
    return report


async def load_continuous(load: Load) -> Report:
    """One list that never stops changing: the next change when the last one is acknowledged.

    The pushes of states that were overtaken may be left out; what is pushed is counted. A line
    is printed when the changes begin.
    """
    shared, marker, arguments = await open_shared_list(load)
    subscribers = [CountingSubscriber(shared) for _ in range(load.options.subscribers)]
    await subscribe_all(load, subscribers, arguments)
    for subscriber in subscribers:
        subscriber.begin()
    is_stopping = False

    async def change_continuously() -> None:
        while not is_stopping and not load.failures:
            sent_at = clock()
            await asyncio.wait_for(marker.change(marker.next_mark()), TIMEOUT_SECONDS)
            if load.recorder.is_recording:
                load.recorder.operations += 1
                load.recorder.acknowledgements.append(clock() - sent_at)

    changing = asyncio.create_task(change_continuously())
    print(json.dumps({"begun": True}), flush=True)
    report = await load.measure()
    is_stopping = True
    await changing
    return report | push_report(shared)


async def load_idle(load: Load) -> Report:
    """Connections with one subscription each, and what one of them costs in memory."""
    options = load.options
    count: int = options.connections
    creators = [SyncConnection(load.failures) for _ in range(5)]
    await open_all(creators, load.port)
    if options.shared:
        session_ids = [load.demo["sessionId"]] * count
    else:
        session_ids = await create_sessions(creators, load.demo["repoId"], count)
    clients = [UnaffectedClient(load.failures) for _ in range(count)]
    await asyncio.sleep(SETTLING_SECONDS)
    before = memory_bytes(options.pid)
    await open_all(clients, load.port)
    for begin in range(0, count, 50):
        pairs = zip(clients[begin : begin + 50], session_ids[begin : begin + 50], strict=True)
        await asyncio.gather(
            *(client.subscribe([(LIST_MESSAGES, {"sessionId": one})]) for client, one in pairs)
        )
    await asyncio.sleep(SETTLING_SECONDS)
    spent = memory_bytes(options.pid) - before
    return {"connections": count, "memory_bytes_per_connection": round(spent / count)}


KINDS: dict[str, Callable[[Load], Awaitable[Report]]] = {
    "mutations": load_mutations,
    "fanout": load_fanout,
    "continuous": load_continuous,
    "idle": load_idle,
}


async def run(options: argparse.Namespace, demo: dict[str, str]) -> Report:
    """Run one load within its time; failures are part of the report."""
    load = Load(options, demo)
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: load.failures.append(repr(context.get("exception", context)))
    )
    limit = SETUP_LIMIT_SECONDS + options.warmup + options.seconds + TIMEOUT_SECONDS
    try:
        report = await asyncio.wait_for(KINDS[options.kind](load), limit)
    except (LoadError, OSError, TimeoutError) as error:
        load.failures.append(f"{type(error).__name__}: {error}")
        report = {}
    return report | {"failures": load.failures[:20]}


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the window")
    parser.add_argument("--warmup", type=float, default=1.0, help="seconds before the window")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--mean-list-size", type=int, default=0, help="0: no live list")
    parser.add_argument("--rate", type=float, default=0.0, help="mutations/s at most; 0: no limit")
    parser.add_argument("--report-every", type=float, default=0.0, help="seconds; 0: at the end")
    parser.add_argument("--unaffected", type=int, default=0, help="subscriptions to other lists")
    parser.add_argument("--unaffected-sessions", type=int, default=0)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--changes", type=int, default=1, help="changes sent at once")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--shared", action="store_true", help="all watch the same list")
    return parser.parse_args(arguments)


def run_loop(options: argparse.Namespace, demo: dict[str, str]) -> Report:
    """Run the load on uvloop where it exists."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(run(options, demo))
    return uvloop.run(run(options, demo))


def main() -> int:
    """Run the load and print its report."""
    options = parse_options()
    admin_key = os.environ.get("REALTIME_ADMIN_KEY", "")
    gc.disable()
    try:
        demo = call_function(options.port, "seed:demo", {}, admin_key)
        report = run_loop(options, demo)
    except (LoadError, OSError) as error:
        report = {"failures": [f"{type(error).__name__}: {error}"]}
    print(json.dumps(report))
    return 1 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
