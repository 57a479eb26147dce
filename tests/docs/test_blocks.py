"""Every block of every document is run or type-checked, in whatever language it is."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, Block, blocks_of, unclaimed


def test_every_block_is_claimed_by_a_test() -> None:
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"tests.docs.{file.stem}")

    found = [f"{block} ({block.language or 'no language'})" for block in unclaimed()]

    assert found == [], "Claim these in a module of tests/docs that runs or type-checks them"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_fence_belongs_to_a_block(document: Path) -> None:
    fences = re.findall(r"^\s*(?:```|~~~)", document.read_text(), re.MULTILINE)

    assert len(fences) == 2 * len(blocks_of(document))


PYTHON = [b for d in DOCUMENTS for b in blocks_of(d) if b.language in ("python", "py")]


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.code, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
