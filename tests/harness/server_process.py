"""The real program in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
ADMIN_KEY = "test|0123456789abcdef0123456789abcdef"
START_SECONDS = 60.0
STOP_SECONDS = 30.0

# Below the range from which the kernel takes the ports of outgoing connections: a client that
# tries to reconnect to a stopped server there could connect to itself and hold the port.
PORTS = range(20_000, 32_000)


class ServerError(Exception):
    """The server answered a call with an error."""


@dataclass(frozen=True)
class Metrics:
    """One scrape of `/metrics`."""

    samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float:
        """Return a sample by its full name and exact labels, 0 if there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that have at least these labels."""
        wanted = frozenset(labels.items())
        return sum(v for (n, have), v in self.samples.items() if n == name and wanted <= have)


def free_port() -> int:
    """Return a port of the loopback interface on which nobody listens."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("Found no free port")


class ServerProcess:
    """A server on the loopback interface; it keeps its port and data directory over restarts."""

    def __init__(
        self,
        data: Path,
        *,
        app: Path = ROOT,
        command: Literal["serve", "dev"] = "serve",
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.app = app
        self.command = command
        self.options = tuple(options)
        self.environment = dict(environment or {})
        self.port = free_port()
        self.site_port = free_port()
        self.admin_key = ADMIN_KEY
        self.log_path = data.with_name(f"{data.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sync_url(self) -> str:
        """Return the address of the sync socket as clients without a version in the path use it."""
        return f"ws://127.0.0.1:{self.port}/api/sync"

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None, "The server is not running"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of the last process, None while it runs."""
        assert self._process is not None, "The server was not started"
        return self._process.poll()

    @property
    def log(self) -> str:
        """Return what the server has printed, on both of its outputs, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def launch(self) -> None:
        """Start the process and do not wait for it."""
        assert self._process is None or self.exit_code is not None, "The server runs already"
        environment = os.environ | {
            "REALTIME_ADMIN_KEY": self.admin_key,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **self.environment,
        }
        self._close_log()
        self._log = self.log_path.open("ab")
        self._process = subprocess.Popen(
            self._command_line(),
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _command_line(self) -> list[str]:
        command = [sys.executable, "-m", "realtime.cli.main", self.command, str(self.app)]
        command += ["--port", str(self.port), "--site-port", str(self.site_port)]
        return [*command, "--data", str(self.data), *self.options]

    def start(self) -> ServerProcess:
        """Start the process and return when it answers."""
        self.launch()
        wait_for(self._is_ready, f"an answer from {self.url}", START_SECONDS)
        return self

    def restart(self) -> ServerProcess:
        """Start again after `kill` or `terminate`, on the same port and data directory."""
        return self.start()

    def kill(self) -> None:
        """End the process at once, as a loss of power would."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask the process to stop; return its exit code."""
        return self._signal(signal.SIGTERM)

    def wait_for_exit(self) -> int:
        """Return the exit code of a process that ends by itself."""
        assert self._process is not None, "The server was not started"
        return self._process.wait(START_SECONDS)

    def close(self) -> None:
        """End the process if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._close_log()

    def metrics(self) -> Metrics:
        """Return the present metrics."""
        text = httpx.get(f"{self.url}/metrics", timeout=30).raise_for_status().text
        return Metrics(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        )

    def run(self, path: str, args: Mapping[str, Any] | None = None) -> Any:
        """Run any function as the administrator and return its value.

        Raises:
            ServerError: the function failed; carries the client's text.
        """
        response = httpx.post(
            f"{self.url}/api/function",
            json={"path": path, "args": dict(args or {}), "format": "json"},
            headers={"Authorization": f"Convex {self.admin_key}"},
            timeout=30,
        )
        body = response.raise_for_status().json()
        if body["status"] != "success":
            raise ServerError(body["errorMessage"])
        return body["value"]

    def _is_ready(self) -> bool:
        if self.exit_code is not None:
            raise AssertionError(f"The server ended with {self.exit_code}:\n{self.log[-4000:]}")
        try:
            return httpx.get(f"{self.url}/version", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None, "The server was not started"
        self._process.send_signal(number)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"The server did not stop:\n{self.log[-4000:]}") from None

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None
