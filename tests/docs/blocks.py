"""The documents, and the fenced blocks in them.

A test module calls `claim` at import for the blocks that its tests run or type-check. What nobody
claims is found by `test_blocks.py`, so a new block needs a test, whatever its language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.harness.server_process import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
DOCUMENTS = [README, CHANGELOG, *sorted(DOCS.glob("*.md"))]

CODE = re.compile(r"`([^`]+)`")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
_FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document; `line` is that of its first line of code."""

    document: Path
    line: int
    section: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is, or belongs to, where its first line is a comment with one."""
        found = _FILE.match(self.code)
        return found[1] if found else None

    @property
    def name(self) -> str:
        """The file that the block is; every block of its document must name one."""
        assert self.file is not None, f"{self} does not begin with the name of its file"
        return self.file


_claimed: set[Block] = set()


def blocks_of(document: Path) -> list[Block]:
    """Return the blocks of a document, in order."""
    text = document.read_text()
    blocks: list[Block] = []
    for found in _FENCED.finditer(text):
        before = text[: found.start(2)]
        sections = _SECTION.findall(_FENCED.sub("", before[: found.start()]))
        section = sections[-1] if sections else ""
        blocks.append(Block(document, before.count("\n") + 1, section, found[1], found[2]))
    return blocks


def claim(
    document: Path, *languages: str, where: Callable[[Block], bool] = lambda block: True
) -> list[Block]:
    """Return blocks of a document in some languages, and remember that a test checks them.

    To be called while a module of `tests/docs` is imported.
    """
    blocks = [b for b in blocks_of(document) if b.language in languages and where(b)]
    assert blocks, f"{document.name} has no such block: {', '.join(languages)}"
    _claimed.update(blocks)
    return blocks


def unclaimed() -> list[Block]:
    """Return the blocks that no module imported so far has claimed."""
    return [block for d in DOCUMENTS for block in blocks_of(d) if block not in _claimed]


def prose(document: Path) -> str:
    """Return the text of a document without its blocks."""
    return _FENCED.sub("", document.read_text())


def anchors_of(document: Path) -> set[str]:
    """Return the names by which links reach the headings of a document."""
    headings = _HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(document: Path, *, pattern: str) -> list[str]:
    """Return the first cells of a document's tables that match a pattern."""
    cells = re.findall(r"^\| (.+?) \|", document.read_text(), re.MULTILINE)
    return [cell for cell in cells if re.search(pattern, cell)]


def same_text(actual: str, shown: str) -> bool:
    """Compare texts; lines may be broken anywhere, and lines of files are not counted.

    Three dots in the text that is shown stand for anything.
    """
    pattern = re.escape(_flat(shown)).replace("…", ".*")
    return re.fullmatch(pattern, _flat(actual), re.DOTALL) is not None


def _flat(text: str) -> str:
    return " ".join(re.sub(r"\.py:\d+", ".py:N", text).split())
