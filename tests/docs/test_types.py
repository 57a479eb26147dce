"""The apps and programs of the documents are typed: `mypy --strict` finds nothing in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.apps import GUIDE_FILES, run_python, write_files
from tests.docs.blocks import Block
from tests.docs.test_from_convex import APP
from tests.docs.test_programs import FROM_FASTAPI, MOUNTING

PROGRAMS: dict[str, list[Block]] = {
    "guide and mounting": [*GUIDE_FILES, *(b for b in MOUNTING if b.name != "notebook.py")],
    "coming from Convex": APP,
    "coming from FastAPI": FROM_FASTAPI,
}
"""What is checked together; a notebook is no module."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_typed(tmp_path: Path, name: str) -> None:
    folder = write_files(tmp_path, PROGRAMS[name])

    checked = run_python(folder, "-m", "mypy", "--strict", "--explicit-package-bases", ".")

    assert checked.returncode == 0, checked.stdout
