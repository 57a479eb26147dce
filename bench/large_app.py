"""Load, generate and type-check an app of many modules.

    python -m bench.large_app                       200 modules with 5 functions each
    python -m bench.large_app --modules 50 --functions 4
    python -m bench.large_app --stubs               what the stub of the schema costs type checkers

The app has a table for each ten modules and a front end that calls each function once. Each time is
the best of three; the compiler runs in a process of its own, as an editor's build does. With
`--stubs` each module has a table, and pyright and mypy check the functions without and with the
stub, strict, all files anew.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from realtime.codegen.output import write_files
from realtime.codegen.schema_stubs import stub_files
from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import load_app
from tests.harness.type_checkers import CHECKERS
from tests.harness.typescript import type_errors, write_project

T = TypeVar("T")

MODULES = 200
FUNCTIONS = 5
_REPEATS = 3
_MODULES_PER_TABLE = 10

_SCHEMA_HEAD = """\
from __future__ import annotations
from typing import Literal
from realtime import UNSET, Document, Id, Index, Struct, Unset

class Part(Struct):
    name: str
    sizes: list[float]
    label: str | Unset = UNSET

"""
_TABLE = """
class Table{n}(Document, table="table{n}"):
    \"\"\"Documents of the {n}th part of the app.\"\"\"

    title: str
    state: Literal["open", "closed", "lost"]
    count: int
    owner: str | None
    parts: list[Part]
    next: "Id[Table{n}] | Unset" = UNSET

    by_state = Index("state", "count")
"""
_MODULE_HEAD = """\
from __future__ import annotations
from typing import Literal
from realtime import Id, MutationCtx, PaginationOptions, PaginationResult, QueryCtx, mutation, query
from schema import Part, Table{t}

"""
_FUNCTIONS = (
    """
@query
async def get_{f}(ctx: QueryCtx, table_id: Id[Table{t}]) -> Table{t} | None:
    \"\"\"A document, or null.\"\"\"
    return await ctx.db.get(table_id)
""",
    """
@query
async def list_{f}(ctx: QueryCtx, state: Literal["open", "closed", "lost"]) -> list[Table{t}]:
    \"\"\"The documents in a state.\"\"\"
    return await ctx.db.query(Table{t}).with_index(Table{t}.by_state, state=state).collect()
""",
    """
@query
async def pages_{f}(
    ctx: QueryCtx, pagination_opts: PaginationOptions
) -> PaginationResult[Table{t}]:
    \"\"\"All documents, in pages.\"\"\"
    return await ctx.db.query(Table{t}).paginate(pagination_opts)
""",
    """
@mutation
async def add_{f}(ctx: MutationCtx, title: str, parts: list[Part]) -> Id[Table{t}]:
    \"\"\"Insert a document.\"\"\"
    return await ctx.db.insert(
        Table{t}, title=title, state="open", count=0, owner=None, parts=parts
    )
""",
    """
@mutation
async def rename_{f}(ctx: MutationCtx, table_id: Id[Table{t}], title: str) -> None:
    \"\"\"Change the title of a document.\"\"\"
    await ctx.db.patch(table_id, title=title)
""",
)
_CALLS = (
    "useQuery({f}, {{ tableId: id as any }})?.parts[0]?.name;",
    'useQuery({f}, {{ state: "open" }})?.map((each) => each.count);',
    "usePaginatedQuery({f}, {{}}, {{ initialNumItems: 5 }}).results.map((each) => each.title);",
    'void useMutation({f})({{ title: "a", parts: [{{ name: "a", sizes: [1] }}] }});',
    'void useMutation({f})({{ tableId: id as any, title: "a" }});',
)
_FRONT_HEAD = """\
import { useMutation, usePaginatedQuery, useQuery } from "convex/react";
import { api } from "./_generated/api.js";

export function Everything({ id }: { id: string }) {
"""


def write_large_app(
    folder: Path, modules: int, functions: int, modules_per_table: int = _MODULES_PER_TABLE
) -> str:
    """Write an app and return the text of a front end that calls all of its functions."""
    (folder / "functions").mkdir(parents=True)
    tables = range((modules - 1) // modules_per_table + 1)
    (folder / "schema.py").write_text(_SCHEMA_HEAD + "".join(_TABLE.format(n=n) for n in tables))
    front = [_FRONT_HEAD]
    for module in range(modules):
        table = module // modules_per_table
        parts = [_MODULE_HEAD.format(t=table)]
        for number in range(functions):
            kind = number % len(_FUNCTIONS)
            parts.append(_FUNCTIONS[kind].format(t=table, f=number))
            name = ("get", "list", "pages", "add", "rename")[kind]
            call = _CALLS[kind].format(f=f"api.part{table}.m{module}.{name}{number}")
            front.append(f"  {call}\n")
        file = folder / "functions" / f"part{table}" / f"m{module}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(parts))
    return "".join([*front, "}\n"])


def measure(modules: int, functions: int) -> dict[str, float]:
    """Return the seconds that each step takes."""
    with TemporaryDirectory() as name:
        root = Path(name)
        front = write_large_app(root / "app", modules, functions)
        loading, app = _best(lambda: load_app(root / "app"))
        assert len(app.registry.functions) == modules * functions
        generating, _ = _best(lambda: typescript_files(app))
        web = root / "web"
        web.mkdir()
        write_project(web, app)
        (web / "everything.tsx").write_text(front)
        checking, found = _best(lambda: type_errors(web))
        assert not found, found
    return {"load": loading, "generate": generating, "type-check": checking}


def measure_stubs(modules: int, functions: int) -> dict[str, float]:
    """Return the seconds that each type checker takes for the functions, without and with stub."""
    seconds: dict[str, float] = {}
    with TemporaryDirectory() as name:
        root = Path(name)
        write_large_app(root, modules, functions, modules_per_table=1)
        for suffix in ("", ", stub"):
            if suffix:
                write_files(root, stub_files(load_app(root)))
            for checker, errors in CHECKERS.items():
                shutil.rmtree(root / ".mypy_cache", ignore_errors=True)
                begin = time.perf_counter()
                found = errors(root)
                seconds[checker + suffix] = time.perf_counter() - begin
                assert not found, found
    return seconds


def _best(step: Callable[[], T]) -> tuple[float, T]:
    times: list[float] = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        result = step()
        times.append(time.perf_counter() - begin)
    return min(times), result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", type=int, default=MODULES)
    parser.add_argument("--functions", type=int, default=FUNCTIONS)
    parser.add_argument("--stubs", action="store_true")
    options = parser.parse_args()
    steps = measure_stubs if options.stubs else measure
    for step, seconds in steps(options.modules, options.functions).items():
        print(f"{step:14}{seconds:8.2f} s")


if __name__ == "__main__":
    main()
