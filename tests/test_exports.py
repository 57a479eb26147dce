"""What `from realtime import …` offers."""

from __future__ import annotations

import subprocess
import sys

import realtime


def test_all_names_are_sorted_and_exist() -> None:
    names = realtime.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert [name for name in names if not hasattr(realtime, name)] == []


def test_importing_realtime_loads_neither_server_nor_command_line() -> None:
    code = "import sys, realtime; print([m for m in sys.modules if m.split('.')[0] in \
('starlette', 'uvicorn', 'typer', 'rich', 'prometheus_client', 'sqlite3')])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
