"""Front ends in TypeScript, checked by the compiler against the generated types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.programs import CLIENTS
from tests.harness.typescript import TYPED_CLIENTS, depot_app, type_errors, write_project

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("node")]

CORRECT = ("front_end.tsx", "every_api.tsx")
MISTAKES = {"mistakes.tsx": 31, "every_mistake.tsx": 82}
"""Programs that are wrong, with the number of their mistakes."""

DECLARATIONS = (
    "react/client.d.ts",
    "react/hydration.d.ts",
    "react/use_paginated_query.d.ts",
    "react/use_paginated_query2.d.ts",
    "browser/simple_client.d.ts",
    "browser/http_client.d.ts",
    "browser/sync/optimistic_updates.d.ts",
    "nextjs/index.d.ts",
)
"""Where npm `convex` declares what takes the reference of a function."""


def apis_that_take_a_function() -> set[str]:
    """Return the names of what takes the reference of a function in npm `convex`."""
    package = CLIENTS / "node_modules" / "convex" / "dist" / "esm-types"
    declaration = re.compile(
        r"^(?:export declare function|\s+) ?(\w+)<\w+ extends (?:Function|PaginatedQuery)Reference",
        re.MULTILINE,
    )
    found = {
        name for file in DECLARATIONS for name in declaration.findall((package / file).read_text())
    }
    return found | {"useQueries", "withOptimisticUpdate"}


def marked_lines(file: Path) -> list[int]:
    lines = file.read_text().splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.endswith("// error")]


@pytest.mark.parametrize("name", CORRECT)
def test_every_client_api_takes_the_generated_types(tmp_path: Path, name: str) -> None:
    write_project(tmp_path, depot_app(), [TYPED_CLIENTS / name])

    assert type_errors(tmp_path) == {}


def test_older_client_takes_the_generated_types(tmp_path: Path) -> None:
    source = TYPED_CLIENTS / "older_front_end.tsx"
    write_project(tmp_path, depot_app(), [source], convex="convex-1.27")

    assert type_errors(tmp_path) == {}


def test_each_api_of_the_client_is_used_and_misused() -> None:
    used = "".join((TYPED_CLIENTS / name).read_text() for name in CORRECT)
    misused = [
        line
        for name in MISTAKES
        for line in (TYPED_CLIENTS / name).read_text().splitlines()
        if line.endswith("// error")
    ]

    apis = apis_that_take_a_function()

    assert len(apis) > 25
    assert {api for api in apis if f"{api}(" not in used} == set()
    assert {api for api in apis if not any(f"{api}(" in line for line in misused)} == set()


@pytest.mark.parametrize(("name", "count"), MISTAKES.items())
def test_compiler_finds_each_mistake_and_no_other(tmp_path: Path, name: str, count: int) -> None:
    mistakes = TYPED_CLIENTS / name
    write_project(tmp_path, depot_app(), [mistakes])

    found = type_errors(tmp_path)

    assert list(found) == [mistakes.name]
    lines = sorted({line for line, _ in found[mistakes.name]})
    assert lines == marked_lines(mistakes)
    assert len(lines) == count
