"""Front ends in TypeScript, checked by the compiler against the generated types."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.typescript import TYPED_CLIENTS, depot_app, type_errors, write_project

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("node")]


def marked_lines(file: Path) -> list[int]:
    lines = file.read_text().splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.endswith("// error")]


def test_every_client_api_takes_the_generated_types(tmp_path: Path) -> None:
    write_project(tmp_path, depot_app(), [TYPED_CLIENTS / "front_end.tsx"])

    assert type_errors(tmp_path) == {}


def test_older_client_takes_the_generated_types(tmp_path: Path) -> None:
    source = TYPED_CLIENTS / "older_front_end.tsx"
    write_project(tmp_path, depot_app(), [source], convex="convex-1.27")

    assert type_errors(tmp_path) == {}


def test_compiler_finds_each_mistake_and_no_other(tmp_path: Path) -> None:
    mistakes = TYPED_CLIENTS / "mistakes.tsx"
    write_project(tmp_path, depot_app(), [mistakes])

    found = type_errors(tmp_path)

    assert list(found) == [mistakes.name]
    lines = sorted({line for line, _ in found[mistakes.name]})
    assert lines == marked_lines(mistakes)
    assert len(lines) > 30
