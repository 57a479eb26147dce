"""Servers and loads as child processes: always stopped, bounded in time, pinned if asked."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
HOST = "127.0.0.1"
START_LIMIT_SECONDS = 30.0
STOP_LIMIT_SECONDS = 15.0

_PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server could not be started."""


@dataclass(frozen=True)
class Target:
    """A server to measure: its name and the command that starts it on a port and a directory."""

    name: str
    command: Callable[[int, Path], list[str]]


def realtime_target(app: Path = ROOT) -> Target:
    """Return this repository's server with an app."""

    def command(port: int, data: Path) -> list[str]:
        serve = [sys.executable, "-m", "realtime.cli.main", "serve", str(app)]
        return [*serve, "--host", HOST, "--port", str(port), "--data", str(data)]

    return Target("realtime", command)


def node_target(recompute: str = "objects") -> Target:
    """Return the hand-written Node server."""

    def command(port: int, data: Path) -> list[str]:
        script = BENCH / "lines" / "node_line" / "server.js"
        options = ["--port", str(port), "--data", str(data), "--recompute", recompute]
        return ["node", str(script), *options]

    return Target("node line", command)


def node_line_problem() -> str | None:
    """Return why the Node line cannot run, or None if it can."""
    probe = ["node", "-e", "new (require('better-sqlite3'))(':memory:'); require('ws')"]
    try:
        subprocess.run(
            probe, cwd=BENCH / "lines" / "node_line", check=True, capture_output=True, timeout=30
        )
    except FileNotFoundError:
        return "Node is not installed"
    except (subprocess.SubprocessError, OSError):
        return "its packages are not installed (`npm ci` in bench/lines/node_line)"
    return None


@dataclass(frozen=True)
class Cores:
    """The cores for the server and for the load; equal on a machine with one."""

    server: int
    load: int


def cores() -> Cores:
    """Return the first and the last core that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1])


def _prepare_child(core: int | None) -> Callable[[], None]:
    # The child must not outlive a runner that was killed, and its threads must be pinned from the
    # first one on: both are possible only here, between fork and exec. No thread runs in us.
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return prepare


@dataclass
class Server:
    """A server that runs, and since when: seconds from its start to its first answer."""

    port: int
    pid: int
    data: Path
    admin_key: str
    start_seconds: float


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running_server(target: Target, *, core: int | None = None) -> Iterator[Server]:
    """Run a server on a free port and a fresh directory; both are gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="realtime-bench-")))
        log = stack.enter_context((folder / "log").open("wb"))
        port, admin_key = _free_port(), f"bench|{secrets.token_hex(24)}"
        data = folder / "data"
        begin = time.perf_counter()
        process = subprocess.Popen(
            target.command(port, data),
            cwd=ROOT,
            env={**os.environ, "REALTIME_ADMIN_KEY": admin_key, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_prepare_child(core),
        )
        stack.callback(stop_process, process)
        try:
            _wait_until_serving(process, port)
        except ServerError as error:
            text = (folder / "log").read_text(errors="replace")
            lines = "\n".join(text.splitlines()[-15:])
            raise ServerError(f"{target.name}: {error}\n{lines}") from None
        yield Server(port, process.pid, data, admin_key, time.perf_counter() - begin)


def _wait_until_serving(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.perf_counter() + START_LIMIT_SECONDS
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise ServerError(f"It ended with exit status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/version", timeout=5):
                return
        except urllib.error.HTTPError as error:
            raise ServerError(f"GET /version answers {error.code}") from None
        except OSError:
            time.sleep(0.01)
    raise ServerError(f"It does not answer after {START_LIMIT_SECONDS:g} s")


@contextlib.contextmanager
def running_load(
    server: Server, arguments: Sequence[str], *, core: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a load against a server; its output is the process's standard output."""
    address = ["--port", str(server.port), "--pid", str(server.pid)]
    process = subprocess.Popen(
        [sys.executable, str(BENCH / "load.py"), *arguments, *address],
        env={**os.environ, "REALTIME_ADMIN_KEY": server.admin_key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=_prepare_child(core),
    )
    try:
        yield process
    finally:
        stop_process(process)


def run_load(
    server: Server, arguments: Sequence[str], *, limit_seconds: float, core: int | None = None
) -> dict[str, Any]:
    """Run a load to its end and return its report."""
    with running_load(server, arguments, core=core) as process:
        try:
            output, _ = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            return {"failures": [f"The load did not end in {limit_seconds:g} s"]}
    return parse_report(output)


def parse_report(output: bytes) -> dict[str, Any]:
    """Return the report at the end of a load's output."""
    lines = output.splitlines()
    if not lines:
        return {"failures": ["The load printed no report"]}
    report: dict[str, Any] = json.loads(lines[-1])
    return report


def run_push_line(arguments: Mapping[str, float | int], *, limit_seconds: float) -> dict[str, Any]:
    """Run the push line and return what it printed."""
    command = [sys.executable, str(BENCH / "lines" / "push_line.py")]
    for name, value in arguments.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit_seconds)
    return parse_report(done.stdout)


def stop_on_signal() -> None:
    """Make SIGTERM end this program as an exception does, so that children are stopped."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
