"""Links lead somewhere, and the tests that documents name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, DOCUMENTS, README, anchors_of, prose
from tests.harness.server_process import ROOT

COMPATIBILITY = DOCS / "compatibility.md"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(document))

    missing: list[str] = []
    for target in targets:
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            missing.append(target)
    assert missing == []


def test_readme_lists_every_document() -> None:
    listed = re.findall(r"^- \[(\S+)\]\(\1\)", README.read_text(), re.MULTILINE)

    assert {ROOT / name for name in listed} == {*DOCUMENTS} - {README}


def test_tests_that_the_compatibility_table_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", COMPATIBILITY.read_text())

    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
