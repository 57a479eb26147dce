"""The tables of types: an annotation and the validator beside it accept the same."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import pytest

from realtime import Document, Id, Int64, v
from realtime.values.annotations import compile_annotation
from tests.docs.apps import GUIDE
from tests.docs.blocks import CODE, DOCS


class Message(Document, table="messages"):
    """What the guide calls so."""


class Channel(Document, table="channels"):
    """What the page on Convex calls so."""


NAMES: dict[str, Any] = {
    "Message": Message,
    "Channel": Channel,
    "Id": Id,
    "Int64": Int64,
    "Literal": Literal,
    "Any": Any,
    "X": str,
    "Y": float,
    "x": v.string(),
    "y": v.number(),
    "v": v,
}
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)
WITHOUT_ONE = {"X \\| Unset = UNSET", "Id"}
"""An absent field is no type of its own, and ids of every table have no validator."""


def pairs_of(document: Path, annotation_column: int) -> list[tuple[str, str]]:
    """Return each annotation in the table of types with the validator in the last column."""
    text = document.read_text()
    begin = text.index("as validator" if document == GUIDE else "| annotation | validator |")
    table = text[begin:].split("\n\n", 1)[0]
    pairs: list[tuple[str, str]] = []
    for row in ROW.findall(table):
        cells = re.split(r" (?<!\\)\| ", row)
        last = cells[0] if cells[-1] == "the same" else cells[-1]
        annotations, validators = CODE.findall(cells[annotation_column]), CODE.findall(last)
        if validators and "…" not in last:
            filled = zip_longest(annotations, validators, fillvalue=validators[-1])
            pairs += [pair for pair in filled if pair[0] not in WITHOUT_ONE]
    return pairs


PAIRS = [*pairs_of(GUIDE, 0), *pairs_of(DOCS / "coming-from-convex.md", 1)]


def test_all_kinds_of_types_are_compared() -> None:
    assert len(PAIRS) > 25


@pytest.mark.parametrize(("annotation", "validator"), PAIRS)
def test_annotation_and_validator_beside_it_are_the_same(annotation: str, validator: str) -> None:
    declared = eval(annotation.replace("\\|", "|"), NAMES)

    compiled = compile_annotation(declared).validator

    assert str(compiled) == str(eval(validator, NAMES))
