"""From a save under `realtime dev` to the new result at a client.

    python -m bench.reload                       the chat app, and an app of 200 modules
    python -m bench.reload --saves 20

A client watches a query over a socket; its module is saved with another constant in it, again when
the result has come; the types are made at each save. Meanwhile another one asks for `/version`
without a pause: its longest wait is what everybody feels of a load.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.large_app import FUNCTIONS, MODULES, write_large_app
from tests.harness.server_process import ROOT, ServerProcess
from tests.harness.sync_socket import SyncSocket

SAVES = 10
_PROBE = """\
from realtime import QueryCtx, query

@query
async def number(ctx: QueryCtx) -> int:
    return {number}
"""


@dataclass
class Waits:
    """How long somebody waited who asked again and again, in seconds."""

    longest: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def measured(self, url: str) -> Iterator[None]:
        """Ask until the block ends."""
        thread = threading.Thread(target=self._ask, args=(url,))
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _ask(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not self._stopping.wait(0.001):
                begin = time.monotonic()
                client.get("/version")
                self.longest = max(self.longest, time.monotonic() - begin)


def measure(app: Path, data: Path, saves: int) -> tuple[list[float], float]:
    """Return the seconds from each save to its result, and the longest wait of others."""
    probe = app / "functions" / "probe.py"
    probe.write_text(_PROBE.format(number=0))
    server = ServerProcess(data, app=app, command="dev", options=("--codegen",))
    waits = Waits()
    try:
        server.start()
        with SyncSocket(server.url).greet() as socket, waits.measured(server.url):
            socket.add_query(0, "probe:number", [{}])
            assert socket.receive_result(0)["value"] == 0
            times: list[float] = []
            for number in range(1, saves + 1):
                begin = time.monotonic()
                probe.write_text(_PROBE.format(number=number))
                assert socket.receive_result(0)["value"] == number
                times.append(time.monotonic() - begin)
    finally:
        server.close()
    return times, waits.longest


def main() -> None:
    """Measure both apps and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=SAVES)
    parser.add_argument("--modules", type=int, default=MODULES)
    options = parser.parse_args()
    print("| app | save to result, median ms | longest ms | longest wait of others ms |")
    print("|---|---:|---:|---:|")
    with TemporaryDirectory() as folder:
        chat, large = Path(folder) / "chat", Path(folder) / "large"
        chat.mkdir()
        shutil.copy(ROOT / "schema.py", chat)
        shutil.copytree(ROOT / "functions", chat / "functions")
        write_large_app(large, options.modules, FUNCTIONS)
        for name, app in (("chat", chat), (f"{options.modules} modules", large)):
            times, wait = measure(app, Path(folder) / f"{app.name}-data", options.saves)
            figures = (statistics.median(times), max(times), wait)
            print(f"| {name} |", " | ".join(f"{1000 * each:.0f}" for each in figures), "|")


if __name__ == "__main__":
    main()
