"""Stubs of any schema are accepted by type checkers, take what fits a field, and nothing else.

Every class gets a function that patches each field with a value of its declared type, reads each
index with every number of its first fields, and makes mistakes on marked lines. One run of a
checker looks at many classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from realtime.codegen.output import write_files
from realtime.codegen.schema_stubs import stub_files
from realtime.runtime.registry import load_app
from tests.harness.type_checkers import CHECKERS, marked_lines

SCHEMA_HEAD = """\
# pyright: reportUnusedImport=false
from __future__ import annotations
from typing import Any, Literal
from realtime import UNSET, Document, Id, Index, Int64, Struct, Unset

class Part(Struct):
    size: float
"""
FUNCTIONS_HEAD = """\
# pyright: reportUnusedImport=false
from __future__ import annotations
from typing import Any, Literal
from realtime import UNSET, Id, Int64, MutationCtx, Unset, gt, lte
from schema import {classes}

class Wrong: ...
"""
NAMES = ("name", "size", "index", "bounds", "self", "cls", "type_", "is_done", "x1", "state")
TYPES = (
    "str",
    "float",
    "int",
    "bool",
    "bytes",
    "Int64",
    "Id[C0]",
    "Part",
    "list[Part]",
    "dict[str, float]",
    "float | None",
    "Int64 | str",
    "list[str | None]",
)


@dataclass(frozen=True)
class Table:
    """A document class: fields with their types, which of them are optional, and its indexes."""

    fields: dict[str, str]
    optional: frozenset[str]
    indexes: tuple[tuple[str, ...], ...]

    def type_of(self, field: str) -> str:
        return f"{self.fields[field]} | Unset" if field in self.optional else self.fields[field]

    def declaration(self, name: str) -> str:
        fields = "".join(
            f"    {field}: {self.type_of(field)}{' = UNSET' if field in self.optional else ''}\n"
            for field in self.fields
        )
        indexes = "".join(
            f"    by_{number} = Index({', '.join(map(repr, index))})\n"
            for number, index in enumerate(self.indexes)
        )
        return f'\nclass {name}(Document, table="{name}"):\n{fields}{indexes}'

    def uses(self, name: str) -> Iterator[str]:
        """Return lines that are right, and marked ones that are not."""
        yield "patch = ctx.db.patch"
        for field in self.fields:
            yield f"await patch(id, {field}=v_{field})"
            yield f"await patch(id, {field}=Wrong())  # error"
            if field not in self.optional:
                yield f"await patch({name}, id, {field}=UNSET)  # error"
        yield f"await patch(id, {', '.join(f'{field}=v_{field}' for field in self.fields)})"
        yield "await patch(id, nothing=1)  # error"
        yield f"read = ctx.db.query({name}).with_index"
        for number, index in enumerate(self.indexes):
            for way in (f"{name}.by_{number}", f'"by_{number}"'):
                yield from self._ranges(way, index)
        yield 'read("by_nothing")  # error'

    def _ranges(self, way: str, index: tuple[str, ...]) -> Iterator[str]:
        earlier: list[str] = []
        for field in index:
            equal, bound = f"{field}=v_{field}", f'gt("{field}", v_{field})'
            yield _read(way, bound, *earlier)
            yield _read(way, *earlier, equal)
            yield _wrong(way, 'gt("nothing", 1)', *earlier)
            yield _wrong(way, f'gt("{field}", Wrong())', *earlier)
            yield _wrong(way, *earlier, f"{field}=Wrong()")
            yield _wrong(way, bound, *earlier, equal)
            earlier.append(equal)
        if len(index) > 1:
            yield _wrong(way, earlier[-1])
        yield _read(way, 'lte("creation_time", 1)', *earlier)
        yield _read(way, *earlier, "creation_time=1", "id=id")
        yield _wrong(way, *earlier, "nothing=1")

    def function(self, name: str) -> str:
        parameters = "".join(f", v_{field}: {self.type_of(field)}" for field in self.fields)
        body = "".join(f"    {line}\n" for line in self.uses(name))
        head = f"async def use_{name}(ctx: MutationCtx, id: Id[{name}]{parameters}) -> None:\n"
        return f"\n{head}{body}"


def _read(*arguments: str) -> str:
    return f"read({', '.join(arguments)})"


def _wrong(*arguments: str) -> str:
    return f"{_read(*arguments)}  # error"


@st.composite
def some_table(draw: st.DrawFn) -> Table:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    fields = {name: draw(st.sampled_from(TYPES)) for name in names}
    index = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple)
    return Table(
        fields,
        frozenset(draw(st.sets(st.sampled_from(names)))),
        tuple(draw(st.lists(index, max_size=2, unique=True))),
    )


# Shrinking would run the checkers for minutes; the lines of a failure name themselves.
@pytest.mark.parametrize("checker", CHECKERS)
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(some_table(), min_size=8, max_size=16))
def test_checker_takes_what_fits_and_nothing_else(checker: str, found: list[Table]) -> None:
    tables = {f"C{number}": table for number, table in enumerate(found)}
    head = FUNCTIONS_HEAD.format(classes=", ".join(["Part", *tables]))
    schema = SCHEMA_HEAD + "".join(table.declaration(name) for name, table in tables.items())
    functions = head + "".join(table.function(name) for name, table in tables.items())
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "functions").mkdir()
        (root / "schema.py").write_text(schema)
        (root / "functions" / "_uses.py").write_text(functions)
        write_files(root, stub_files(load_app(root)))

        objections = CHECKERS[checker](root)

        lines = functions.splitlines()
        wrong = set(marked_lines(root / "functions" / "_uses.py"))
        seen = set(objections.get("_uses.py", ()))
        assert [lines[line - 1] for line in sorted(wrong - seen)] == []
        assert [lines[line - 1] for line in sorted(seen - wrong)] == []
        assert set(objections) == {"_uses.py"}
