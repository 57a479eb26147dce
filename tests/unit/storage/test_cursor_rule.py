"""No cursor stays open over a turn: storage reads with `execute(…).fetchall()` and nothing else.

An open cursor would pin a snapshot that nobody knows of, and break COMMIT and checkpoints.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import realtime.storage.persistence as persistence

MODULES = sorted(Path(persistence.__file__).parent.glob("*.py"))
FORBIDDEN = {"fetchone", "fetchmany", "cursor", "executescript"}
FINISHED_BY = {"fetchall", "rowcount"}


def mistakes(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    finished: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in FINISHED_BY:
            finished.add(node.value)
        elif isinstance(node, ast.Expr):
            finished.add(node.value)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in FORBIDDEN:
                yield f"line {node.lineno}: {name}"
            case ast.Call(func=ast.Attribute(attr="execute" | "executemany" as name)):
                if node not in finished:
                    yield f"line {node.lineno}: {name} leaves a cursor"
            case _:
                pass


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_storage_leaves_no_cursor_open(module: Path) -> None:
    assert list(mistakes(module.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "row = c.execute(sql).fetchone()",
        "for row in c.execute(sql): pass",
        "rows = list(c.execute(sql))",
        "x = c.execute(sql)",
        "return_value = [row for row in c.execute(sql, (1,))]",
        "c.cursor()",
    ],
)
def test_rule_finds_what_it_forbids(source: str) -> None:
    assert list(mistakes(source))
