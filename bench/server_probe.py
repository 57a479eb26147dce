"""What a server spends and counts: processor time, memory, its metrics page; read from outside."""

from __future__ import annotations

import asyncio
import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sync_client import HOST

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_LOOP_DELAY = "realtime_loop_delay_seconds_bucket"


def cpu_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def memory_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


class Sample(NamedTuple):
    """One line of a metrics page: name, labels in the order of their names."""

    name: str
    labels: tuple[tuple[str, str], ...]


def parse_metrics(text: str) -> dict[Sample, float]:
    """Return the samples of a page in Prometheus text form."""
    samples: dict[Sample, float] = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match is not None:
            labels = tuple(sorted(_LABEL.findall(match[2] or "")))
            samples[Sample(match[1], labels)] = float(match[3])
    return samples


async def scrape(port: int) -> dict[Sample, float] | None:
    """Return the server's metrics, or None if it has no such page."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET /metrics HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return parse_metrics(body.decode()) if b" 200 " in head.partition(b"\r\n")[0] else None


def _difference(
    before: Mapping[Sample, float], after: Mapping[Sample, float]
) -> dict[Sample, float]:
    return {sample: value - before.get(sample, 0.0) for sample, value in after.items()}


def _by_path(samples: Mapping[Sample, float], name: str) -> Iterator[tuple[str, float]]:
    for sample, value in samples.items():
        if sample.name == name and value:
            yield dict(sample.labels).get("path", ""), value


def _total(samples: Mapping[Sample, float], name: str) -> float:
    return sum(value for sample, value in samples.items() if sample.name == name)


def histogram_quantile(samples: Mapping[Sample, float], name: str, share: float) -> float | None:
    """Return a quantile from cumulative buckets, linear inside a bucket; None if empty."""
    buckets: dict[float, float] = {}
    for sample, value in samples.items():
        if sample.name == name:
            bound = float(dict(sample.labels)["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
    if not buckets or buckets.get(math.inf, 0.0) <= 0:
        return None
    wanted = share * buckets[math.inf]
    lower_bound, lower_count = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= wanted:
            if math.isinf(bound) or count == lower_count:
                return lower_bound
            return lower_bound + (bound - lower_bound) * (wanted - lower_count) / (
                count - lower_count
            )
        lower_bound, lower_count = bound, count
    return lower_bound


class ServerWindow:
    """What the server spent and counted between `begin` and `end`.

    The metrics page is read outside of the span in which processor time is taken: making it is
    not part of the load.
    """

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid
        self._samples: dict[Sample, float] | None = None
        self._cpu_seconds = 0.0

    async def begin(self) -> None:
        """Take the state at the start."""
        self._samples = await scrape(self._port)
        self._cpu_seconds = cpu_seconds(self._pid)

    async def end(self) -> dict[str, object]:
        """Return the difference to the state at the start as JSON members."""
        spent = cpu_seconds(self._pid) - self._cpu_seconds
        report: dict[str, object] = {
            "server_cpu_seconds": round(spent, 3),
            "server_memory_bytes": memory_bytes(self._pid),
        }
        samples = await scrape(self._port)
        if samples is not None and self._samples is not None:
            report |= _counted(_difference(self._samples, samples))
        return report


def _counted(samples: Mapping[Sample, float]) -> dict[str, object]:
    delay = histogram_quantile(samples, _LOOP_DELAY, 0.99)
    return {
        "function_runs": dict(_by_path(samples, "realtime_function_runs_total")),
        "result_encodings": dict(_by_path(samples, "realtime_result_encodings_total")),
        "commits": _total(samples, "realtime_commits_total"),
        "commit_batches": _total(samples, "realtime_commit_batches_total"),
        "loop_delay_p99_ms": None if delay is None else round(delay * 1000, 3),
    }
