"""The program `realtime`, run as its users do."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from tests.harness.programs import end_process
from tests.harness.server_process import ADMIN_KEY, ROOT

DEADLINE_SECONDS = 60.0


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "realtime.cli.main", *arguments]


def command_environment(admin_key: str | None) -> dict[str, str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}
    environment.pop("REALTIME_ADMIN_KEY", None)
    return environment if admin_key is None else {**environment, "REALTIME_ADMIN_KEY": admin_key}


def realtime(
    *arguments: str, folder: Path, admin_key: str | None = ADMIN_KEY
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end."""
    return subprocess.run(
        command_line(*arguments),
        cwd=folder,
        env=command_environment(admin_key),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


class RunningCommand:
    """A command that goes on; use it as a context manager, it never outlives the block."""

    def __init__(self, *arguments: str, folder: Path, admin_key: str | None = ADMIN_KEY) -> None:
        self._process = subprocess.Popen(
            command_line(*arguments),
            cwd=folder,
            env=command_environment(admin_key),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self._lines: queue.Queue[str] = queue.Queue()
        self._errors: queue.Queue[str] = queue.Queue()
        self._threads = [
            threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True),
            threading.Thread(target=_read, args=(self._process.stderr, self._errors), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> RunningCommand:
        return self

    def __exit__(self, *_: object) -> None:
        end_process(self._process, self._threads)

    def line(self) -> str:
        """Return the next line of output, without its end."""
        return self._lines.get(timeout=DEADLINE_SECONDS)

    def error_line(self) -> str:
        """Return the next line of the error output, without its end."""
        return self._errors.get(timeout=DEADLINE_SECONDS)

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(DEADLINE_SECONDS)

    def rest_of_output(self) -> list[str]:
        """Return what else the command has printed, after its end."""
        for thread in self._threads:
            thread.join(10)
        return list(self._lines.queue)

    def rest_of_errors(self) -> list[str]:
        """Return what else the command has said, after its end."""
        for thread in self._threads:
            thread.join(10)
        return list(self._errors.queue)


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
