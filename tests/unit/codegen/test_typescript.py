"""The generated files as a whole."""

from __future__ import annotations

from pathlib import Path

from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import load_app
from tests.harness.typescript import depot_app
from tests.harness.written_app import write_app

EXPECTED = Path(__file__).parent / "expected"


def test_files_are_as_expected() -> None:
    files = typescript_files(depot_app())

    assert files == {path.name: path.read_text() for path in EXPECTED.glob("*.*ts")} | {
        "api.js": (EXPECTED / "api.js").read_text()
    }


def test_order_of_definitions_does_not_matter(tmp_path: Path) -> None:
    first = "@query\nasync def a(ctx: QueryCtx) -> None: ...\n"
    second = "@query\nasync def b(ctx: QueryCtx, y: str, x: Id[T]) -> list[T]: ...\n"
    other = second.replace("y: str, x: Id[T]", "x: Id[T], y: str")
    fields = ["    m: str\n", "    n: float\n"]
    head = "class T(Document, table='t'):\n"

    here = write_app(tmp_path / "1", first + second, head + "".join(fields))
    there = write_app(tmp_path / "2", other + first, head + "".join(reversed(fields)))

    assert typescript_files(load_app(here)) == typescript_files(load_app(there))


def test_app_without_schema_has_any_documents(tmp_path: Path) -> None:
    app = write_app(tmp_path, "@query\nasync def a(ctx: QueryCtx) -> str: ...\n")

    assert (
        "export type DataModel = AnyDataModel;" in typescript_files(load_app(app))["dataModel.d.ts"]
    )


def test_object_with_a_field_more_than_the_document_is_written_out(tmp_path: Path) -> None:
    fields = '{"_id": v.id("t"), "_creationTime": v.number(), "n": v.number()}'
    functions = f"""
        @query(args={{}}, returns=v.object({fields}))
        async def same(ctx: QueryCtx, args: Any) -> Any: ...
        @query(args={{}}, returns=v.object({fields}).extend({{"more": v.null()}}))
        async def more(ctx: QueryCtx, args: Any) -> Any: ...
    """
    app = write_app(tmp_path, functions, "class T(Document, table='t'):\n    n: float\n")

    api = typescript_files(load_app(app))["api.d.ts"]

    assert 'same: FunctionReference<"query", "public", Record<string, never>, Doc<"t">>' in api
    assert '{ _creationTime: number; _id: Id<"t">; more: null; n: number }>' in api
