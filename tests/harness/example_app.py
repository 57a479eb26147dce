"""Copies of the chat app, which tests change."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.harness.server_process import ROOT


def copy_of_app(tmp_path: Path) -> Path:
    """Return the directory of a copy of the chat app."""
    app = tmp_path / "app"
    app.mkdir()
    shutil.copy(ROOT / "schema.py", app)
    for folder in ("functions", "web"):
        shutil.copytree(ROOT / folder, app / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return app
