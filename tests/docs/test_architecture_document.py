"""The architecture document: the parts that it draws and names are those of the code."""

from __future__ import annotations

import re

from tests.docs.blocks import DOCS, claim, prose
from tests.harness.server_process import ROOT
from tests.test_architecture import ALLOWED

ARCHITECTURE = DOCS / "architecture.md"
PACKAGE = ROOT / "realtime"

(HOUSE,) = claim(ARCHITECTURE, "text")


def test_parts_of_the_house_are_classes_of_their_packages() -> None:
    parts = re.findall(r"\b([a-z]\w+)\.([A-Z]\w+)", HOUSE.code)

    assert len(parts) > 8
    for package, name in parts:
        sources = [file.read_text() for file in (PACKAGE / package).glob("*.py")]
        assert any(f"\nclass {name}" in source for source in sources), f"{package}.{name}"


def test_files_that_are_named_exist() -> None:
    named = set(re.findall(r"`([a-z_/]+/[a-z_]*\.?[a-z]*)`", prose(ARCHITECTURE)))

    missing = [
        name for name in named if not any((base / name).exists() for base in (PACKAGE, ROOT))
    ]
    assert len(named) > 10
    assert missing == []


def test_table_of_imports_is_the_one_that_is_tested() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|.*\| (.*) \|$", ARCHITECTURE.read_text(), re.MULTILINE)

    shown = {package: set(cell.replace("`", "").split(", ")) for package, cell in rows}

    assert shown == {
        package: {name.removeprefix("realtime.") for name in allowed} or {"roots"}
        for package, allowed in ALLOWED.items()
    }
