"""Where numbers were taken: the machine, the versions, and what a sync to its disk costs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterable

from processes import ROOT
from recording import percentile

_SYNC_COUNT = 200
_PAGE = b"\0" * 4096


def describe_machine() -> dict[str, str]:
    """Return what a reader needs to judge the numbers, by name."""
    facts = {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()} with SQLite {sqlite3.sqlite_version}",
        "Node": _output(["node", "--version"]) or "not installed",
        "packages": ", ".join(_packages(("uvicorn", "uvloop", "websockets", "msgspec"))),
        "commit": _output(["git", "rev-parse", "--short", "HEAD"]) or "unknown",
        "sync of one page to disk": f"{_sync_milliseconds():.3f} ms (median)",
        "load of the machine before": " ".join(f"{one:.2f}" for one in os.getloadavg()),
    }
    return facts


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _packages(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"no {name}"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode().strip()


def _sync_milliseconds() -> float:
    durations: list[float] = []
    with tempfile.NamedTemporaryFile(prefix="realtime-bench-") as file:
        for _ in range(_SYNC_COUNT):
            begin = time.perf_counter()
            os.write(file.fileno(), _PAGE)
            os.fdatasync(file.fileno())
            durations.append(time.perf_counter() - begin)
    return percentile(sorted(durations), 0.5) * 1000
