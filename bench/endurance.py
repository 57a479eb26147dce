"""Sustained writes with live lists and always one suspended long scan.

A scan that is suspended holds a snapshot, and a snapshot that is held keeps the log file from
being reset; a server that gets this wrong grows its log or its memory without end. So: writers that
send the next message when the one before is acknowledged; in a second process clients with a live
list each, which wait for the list too; and long scans over HTTP, one always under way, each with
arguments of its own so that no cache answers it. Every few seconds the sizes are taken.

    python bench/endurance.py --minutes 20
    python bench/endurance.py --minutes 0.5 --interval 5 --entries 4000

The app must have the functions of `bench/app`. The exit status is 1 if the verdict is not met.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http.client
import itertools
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load import call_function
from machine import describe_machine
from processes import (
    BENCH,
    HOST,
    Server,
    parse_report,
    realtime_target,
    running_load,
    running_server,
    stop_on_signal,
)
from recording import clock
from server_probe import memory_bytes
from tables import Table, number, render_plain

_MIB = 2**20
MAX_LOG_BYTES = 64 * _MIB
LIST_SIZE = 50
SCANNERS = 2
_FILL_CHUNK = 500
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 180.0


@dataclass
class Sample:
    """One interval; the log's size is the largest that was seen in it."""

    seconds: float
    log_bytes: int
    memory_bytes: int
    mutations_per_second: float
    ack_p50_ms: float | None
    ack_p99_ms: float | None
    ack_max_ms: float | None
    scans: int


@dataclass
class Scans:
    """Long scans in a loop, some at a time, until told to stop."""

    server: Server
    entries: int
    finished: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    covered_seconds: float = 0.0
    _under_way: int = 0
    _since: float = 0.0
    _is_stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Scan while the block runs."""
        numbers = itertools.count()
        threads = [
            threading.Thread(target=self._scan, args=(numbers,), daemon=True)
            for _ in range(SCANNERS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_stopping.set()
            for thread in threads:
                thread.join(timeout=30)

    def _scan(self, numbers: Iterator[int]) -> None:
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=60)
        with contextlib.closing(connection):
            while not self._is_stopping.is_set() and len(self.failures) < 10:
                try:
                    self._scan_once(connection, next(numbers) % self.entries)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    connection.close()
                    if not self._is_stopping.is_set():
                        self.failures.append(f"A scan failed: {error!r}")

    def _scan_once(self, connection: http.client.HTTPConnection, entry: int) -> None:
        call = {"path": "entries:count", "args": {"text": f"[{entry}]"}, "format": "json"}
        begin = clock()
        self._count_under_way(1, begin)
        try:
            connection.request(
                "POST", "/api/query", json.dumps(call), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            body = response.read()
        finally:
            self._count_under_way(-1, clock())
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            self.refused += 1
            self._is_stopping.wait(0.1)
            return
        answer = json.loads(body)
        if response.status != http.HTTPStatus.OK or answer.get("value") != 1:
            self.failures.append(f"A scan answered {response.status} {body[:300]!r}")
            return
        self.durations.append(clock() - begin)
        self.finished += 1

    def _count_under_way(self, change: int, now: float) -> None:
        with self._lock:
            if self._under_way:
                self.covered_seconds += now - self._since
            self._since = now
            self._under_way += change


def fill_entries(server: Server, count: int) -> None:
    """Insert the rows that the scans read."""
    for first in range(0, count, _FILL_CHUNK):
        args = {"first": first, "count": min(_FILL_CHUNK, count - first)}
        call_function(server.port, "entries:fill", args, server.admin_key)


def log_bytes(data: Path) -> int:
    """Return the size of the write-ahead log in a data directory."""
    sizes = [0]
    for path in data.rglob("*-wal"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return max(sizes)


def read_lines(process: subprocess.Popen[bytes], lines: queue.Queue[bytes | None]) -> None:
    """Put the load's output into a queue; None ends it."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


class Endurance:
    """One run: what was sampled, and what the loads said at their end."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        self.server = server
        self.options = options
        self.samples: list[Sample] = []
        self.report: dict[str, Any] = {"failures": ["The writers printed no report"]}
        self.live_report: dict[str, Any] = {"failures": ["The live clients printed no report"]}
        self.scans = Scans(server, options.entries)
        self.scan_seconds = 0.0

    def run(self) -> None:
        """Fill, load, scan and sample until the loads end."""
        options = self.options
        fill_entries(self.server, options.entries)
        seconds = options.minutes * 60
        base = ["mutations", "--seconds", str(seconds)]
        write = [*base, "--clients", str(options.writers), "--report-every", str(options.interval)]
        live = [*base, "--clients", str(options.live_clients), "--mean-list-size", str(LIST_SIZE)]
        deadline = clock() + seconds + _GRACE_SECONDS
        begin = clock()
        with (
            self.scans.running(),
            running_load(self.server, live) as live_process,
            running_load(self.server, [*write, "--rate", str(options.rate)]) as writing,
        ):
            lines: queue.Queue[bytes | None] = queue.Queue()
            reader = threading.Thread(target=read_lines, args=(writing, lines), daemon=True)
            reader.start()
            self._follow(lines, deadline=deadline)
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, _ = live_process.communicate(timeout=_GRACE_SECONDS)
                self.live_report = parse_report(output)
        self.scan_seconds = clock() - begin

    def _follow(self, lines: queue.Queue[bytes | None], *, deadline: float) -> None:
        begin = clock()
        largest_log = scans_before = 0
        while clock() < deadline:
            largest_log = max(largest_log, log_bytes(self.server.data))
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                return
            message = parse_report(line)
            if "interval" not in message:
                self.report = message
                continue
            sample = self._sample(message["interval"], clock() - begin, largest_log, scans_before)
            self.samples.append(sample)
            largest_log, scans_before = 0, self.scans.finished
            if not self.options.json:
                print_progress(sample)
        self.report = {"failures": ["The writers did not end in time"]}

    def _sample(
        self, interval: dict[str, Any], seconds: float, largest_log: int, scans_before: int
    ) -> Sample:
        acks: dict[str, float] = interval["ack_ms"] or {}
        return Sample(
            seconds=round(seconds, 1),
            log_bytes=largest_log,
            memory_bytes=memory_bytes(self.server.pid),
            mutations_per_second=interval["operations_per_second"],
            ack_p50_ms=acks.get("p50"),
            ack_p99_ms=acks.get("p99"),
            ack_max_ms=acks.get("max"),
            scans=self.scans.finished - scans_before,
        )

    def verdict(self) -> dict[str, Any]:
        """Return the figures of the whole run and whether they hold."""
        failures = [*self.report["failures"], *self.live_report["failures"], *self.scans.failures]
        largest_log = max((sample.log_bytes for sample in self.samples), default=0)
        growth = memory_growth_bytes([sample.memory_bytes for sample in self.samples])
        covered = self.scans.covered_seconds / self.scan_seconds if self.scan_seconds else 0.0
        is_log_bounded = largest_log < MAX_LOG_BYTES
        is_memory_flat = growth < self.options.max_growth_mib * _MIB
        return {
            "largest_log_mib": round(largest_log / _MIB, 1),
            "memory_growth_mib": round(growth / _MIB, 1),
            "mutations": self.report.get("operations"),
            "ack_ms": self.report.get("ack_ms"),
            "live_mutations": self.live_report.get("operations"),
            "live_ack_ms": self.live_report.get("ack_ms"),
            "live_push_ms": self.live_report.get("push_ms"),
            "scans": self.scans.finished,
            "scans_refused": self.scans.refused,
            "scan_median_seconds": round(statistics.median(self.scans.durations or [0.0]), 3),
            "share_of_time_with_a_scan": round(covered, 3),
            "failures": failures,
            "log_bounded": is_log_bounded,
            "memory_flat": is_memory_flat,
            "met": is_log_bounded and is_memory_flat and not failures and bool(self.samples),
        }


def memory_growth_bytes(memory: Sequence[int]) -> int:
    """Return the growth over the second half of the samples, by the medians of its ends.

    In the first half caches and the recent past fill up to their limits.
    """
    half = memory[len(memory) // 2 :]
    end = max(len(half) // 5, 1)
    return round(statistics.median(half[-end:]) - statistics.median(half[:end])) if half else 0


def print_progress(sample: Sample) -> None:
    """Say on standard error how far the run is."""
    p99 = number(sample.ack_p99_ms, 1)
    print(f"{sample.seconds:7.1f} s, ack p99 {p99} ms", file=sys.stderr, flush=True)


def sample_table(samples: Sequence[Sample]) -> Table:
    """Return the samples as a table."""
    headers = ["at s", "log MiB", "RSS MiB", "mutations/s", "ack p50 ms", "p99", "max", "scans"]
    note = "The largest log, the memory and the acknowledgements of each interval."
    table = Table("Endurance", note, headers)
    for sample in samples:
        table.rows.append(
            [
                number(sample.seconds),
                number(sample.log_bytes / _MIB, 1),
                number(sample.memory_bytes / _MIB, 1),
                number(sample.mutations_per_second),
                number(sample.ack_p50_ms, 2),
                number(sample.ack_p99_ms, 2),
                number(sample.ack_max_ms, 2),
                number(sample.scans),
            ]
        )
    return table


def describe_latencies(summary: dict[str, float] | None) -> str:
    """Return percentiles as a phrase."""
    if summary is None:
        return "none"
    shares = ", ".join(f"{name} {summary[name]:g}" for name in ("p50", "p95", "p99", "max"))
    return f"{shares} ms ({summary['count']:g})"


def print_verdict(verdict: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the figures of the whole run and the verdict."""
    print(f"largest log: {verdict['largest_log_mib']} MiB (limit {MAX_LOG_BYTES // _MIB} MiB)")
    growth = verdict["memory_growth_mib"]
    print(
        f"growth of memory in the second half: {growth} MiB (limit {options.max_growth_mib:g} MiB)"
    )
    for label, name in (
        ("acknowledgements of the writers", "ack_ms"),
        ("acknowledgements of the live clients", "live_ack_ms"),
        ("pushes to the live clients", "live_push_ms"),
    ):
        print(f"{label}: {describe_latencies(verdict[name])}")
    print(
        f"scans: {verdict['scans']} finished, median {verdict['scan_median_seconds']} s, "
        f"{verdict['scans_refused']} refused; one was under way in "
        f"{verdict['share_of_time_with_a_scan']:.1%} of the time"
    )
    for failure in verdict["failures"]:
        print(f"FAILED: {failure}")
    print(f"verdict: {'met' if verdict['met'] else 'NOT MET'}")


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--live-clients", type=int, default=2, help="each with a live list")
    parser.add_argument("--rate", type=float, default=0.0, help="writes/s at most; 0: no limit")
    parser.add_argument("--entries", type=int, default=16_000, help="rows that a scan reads")
    parser.add_argument("--app", type=Path, default=BENCH / "app")
    parser.add_argument("--max-growth-mib", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Run, and print samples and verdict."""
    options = parse_options()
    stop_on_signal()
    machine = describe_machine()
    started = time.strftime("%Y-%m-%d")
    with running_server(realtime_target(options.app.resolve())) as server:
        endurance = Endurance(server, options)
        endurance.run()
        verdict = endurance.verdict()
    if options.json:
        samples = [dataclasses.asdict(sample) for sample in endurance.samples]
        print(json.dumps({"machine": machine, "samples": samples, "verdict": verdict}, indent=2))
    else:
        facts = machine | {"date": started, "command": " ".join(["python", *sys.argv])}
        print("\n".join(f"{name}: {fact}" for name, fact in facts.items()), end="\n\n")
        print(render_plain(sample_table(endurance.samples)))
        print_verdict(verdict, options)
    return 0 if verdict["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
