"""Programs that drive a client: they read JSON lines and print JSON lines.

A program gets one JSON object as its only argument. It prints one JSON object a line, which the
test reads; what it prints on the other output is shown when it fails.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
DEADLINE_SECONDS = 60.0


def end_process(process: subprocess.Popen[str], readers: Iterable[threading.Thread]) -> None:
    """Kill a process that still runs, and close its streams once their readers have ended."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for thread in readers:
        thread.join(10)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


class Program:
    """A running client program; use it as a context manager, it never outlives the block."""

    def __init__(self, command: list[str], args: Mapping[str, Any]) -> None:
        self.name = Path(command[-1]).name
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: list[str] = []
        self._process = subprocess.Popen(
            [*command, json.dumps(args)],
            cwd=CLIENTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            text=True,
        )
        self._threads = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        end_process(self._process, self._threads)

    def send(self, message: Mapping[str, Any]) -> None:
        """Give the program one JSON line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def receive(self, deadline_seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        """Return the next JSON line of the program.

        Raises:
            AssertionError: there is none by the deadline, or the program ended; tells its errors.
        """
        try:
            line = self._lines.get(timeout=deadline_seconds)
        except queue.Empty:
            raise AssertionError(
                f"{self.name} said nothing for {deadline_seconds:g} s\n{self.errors}"
            ) from None
        if line is None:
            code = self._process.wait()
            raise AssertionError(f"{self.name} ended with {code}\n{self.errors}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def receive_until(self, **fields: object) -> dict[str, Any]:
        """Return the next line that has all these fields, passing over others."""
        while not fields.items() <= (line := self.receive()).items():
            pass
        return line

    @property
    def errors(self) -> str:
        """Return what the program printed on its error output."""
        return "".join(self._errors[-100:])

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._lines.put(line)
            else:
                self._errors.append(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors.append(line)


class Node:
    """Starts the Node programs of `tests/clients`."""

    def __init__(self, executable: str) -> None:
        self.executable = executable

    def start(self, script: str, **args: object) -> Program:
        """Start a script and return it running."""
        return Program([self.executable, str(CLIENTS / script)], args)

    def run(self, script: str, **args: object) -> dict[str, Any]:
        """Run a script to its first line of output and return that."""
        with self.start(script, **args) as program:
            return program.receive()


def start_python(script: str, **args: object) -> Program:
    """Start a Python program of `tests/clients`."""
    return Program([sys.executable, str(CLIENTS / script)], args)


def find_node() -> str | None:
    """Return the Node executable, None if there is none that runs."""
    executable = shutil.which("node")
    if executable is None:
        return None
    answer = subprocess.run([executable, "--version"], capture_output=True, timeout=30, check=False)
    return executable if answer.returncode == 0 else None


def find_chromium() -> str | None:
    """Return the Chromium executable, None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)
