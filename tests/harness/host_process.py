"""A program of `tests/hosts` under plain uvicorn, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.harness.server_process import ServerProcess


class HostProcess(ServerProcess):
    """A server whose app is part of another program, under `prefix`."""

    def __init__(
        self, target: str, data: Path, *, prefix: str = "", options: Sequence[str] = ()
    ) -> None:
        super().__init__(data, options=options, environment={"HOST_DATA": str(data)})
        self.target = target
        self.prefix = prefix

    @property
    def url(self) -> str:
        """Return the address of the app, without a slash at the end."""
        return f"{self.host_url}{self.prefix}"

    @property
    def host_url(self) -> str:
        """Return the address of the program that the app is part of."""
        return super().url

    def _command_line(self) -> list[str]:
        command = [sys.executable, "-m", "uvicorn", f"tests.hosts.{self.target}"]
        return [*command, "--port", str(self.port), *self.options]
