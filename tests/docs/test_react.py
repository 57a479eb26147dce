"""The components of the document on React compile against the app of the guide."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.runtime.registry import load_app
from tests.docs.apps import write_files, write_guide_app
from tests.docs.blocks import DOCS, claim
from tests.harness.typescript import type_errors, write_project

REACT = DOCS / "react.md"
COMPONENTS = claim(REACT, "tsx")


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_components_compile_against_the_app_of_the_guide(tmp_path: Path) -> None:
    app = load_app(write_guide_app(tmp_path / "app"))
    front_end = tmp_path / "web"
    front_end.mkdir()

    write_project(front_end, app)
    write_files(front_end, COMPONENTS)

    assert type_errors(front_end) == {}
