"""The program `realtime` in a terminal, as people start it."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
from pathlib import Path

from tests.harness.command_line import DEADLINE_SECONDS, command_environment, command_line

_CODES = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")


class TerminalCommand:
    """A command that goes on; use it as a context manager, it never outlives the block."""

    def __init__(self, *arguments: str, folder: Path) -> None:
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._output = bytearray()
        try:
            self._process = subprocess.Popen(
                command_line(*arguments),
                cwd=folder,
                env={**command_environment(None), "TERM": "xterm"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            )
        finally:
            os.close(theirs)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> TerminalCommand:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._thread.join(10)
        os.close(self._terminal)

    @property
    def output(self) -> str:
        """Return all that the terminal was sent, without the codes that colour and erase."""
        return _CODES.sub("", bytes(self._output).decode(errors="replace"))

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(DEADLINE_SECONDS)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._terminal, 65_536)
            except OSError:  # the last program that had the terminal is gone
                return
            self._output += piece
