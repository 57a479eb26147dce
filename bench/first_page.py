"""From nothing to a live page: the seconds until a new app answers in its page.

    python -m bench.first_page              a clone of this repository, a new app, one in React
    python -m bench.first_page --only init

Each way is what the documents tell to type, on the default ports, until page and data come
from one address. The clone installs the packages of Python and the app in React
those of npm, both from empty caches, so the network is in it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.harness.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 300.0

_SERVER = "http://127.0.0.1:3210"
_PAGE = "http://localhost:5173"
_NOTES = "/api/query?path=notes:list&args={}&format=json"

_WAYS: Mapping[str, tuple[Sequence[str], str, str]] = {
    "clone": ((f"git clone -q {shlex.quote(str(ROOT))} .", "make run"), _SERVER, "/demo.json"),
    "init": (("realtime init board", "realtime dev board"), _SERVER, _NOTES),
    "react": (
        ("realtime init board --react", "npm start --prefix board/frontend"),
        _PAGE,
        _NOTES,
    ),
}
"""The commands, the address of the page, and a path below it that the app's data comes from."""


def measure(way: str) -> float:
    """Return the seconds from the first command until the page and its data are there."""
    commands, url, path = _WAYS[way]
    with TemporaryDirectory() as name:
        assert not _is_live(url, path), f"Something listens at {url} already"
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_CACHE_DIR": f"{name}/pip",
            "npm_config_cache": f"{name}/npm",
        }
        folder = Path(name) / "work"
        folder.mkdir()
        with (Path(name) / "log").open("wb") as log:
            begin = time.perf_counter()
            process = subprocess.Popen(
                " && ".join(commands),
                shell=True,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for(lambda: _is_live(url, path), f"a page at {url}", DEADLINE_SECONDS)
                return time.perf_counter() - begin
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(DEADLINE_SECONDS)


def _is_live(url: str, path: str) -> bool:
    try:
        return all(httpx.get(f"{url}{each}", timeout=5).is_success for each in ("/", path))
    except httpx.TransportError:
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(_WAYS))
    options = parser.parse_args()
    for way in [options.only] if options.only else _WAYS:
        print(f"{way:8}{measure(way):8.2f} s  {' && '.join(_WAYS[way][0])}", flush=True)


if __name__ == "__main__":
    main()
