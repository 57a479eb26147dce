"""The generated Python client as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.codegen.python_client import async_python_files, python_files
from realtime.runtime.registry import load_app
from tests.harness.typescript import depot_app
from tests.harness.written_app import write_app

EXPECTED = Path(__file__).parent / "expected"


def client_of(root: Path, functions: str | dict[str, str], schema: str = "") -> str:
    text = python_files(load_app(write_app(root, functions, schema)))["client.py"]
    compile(text, "client.py", "exec")
    return text


def test_client_is_as_expected() -> None:
    expected = (EXPECTED / "client.py.txt").read_text()

    assert python_files(depot_app()) == {"client.py": expected}


def test_client_for_asyncio_is_as_expected() -> None:
    expected = (EXPECTED / "async_client.py.txt").read_text()

    assert async_python_files(depot_app()) == {"async_client.py": expected}


def test_order_of_definitions_does_not_matter(tmp_path: Path) -> None:
    first = "@query\nasync def a(ctx: QueryCtx) -> T | None: ...\n"
    second = "@query\nasync def b(ctx: QueryCtx, x: Id[T]) -> list[T]: ...\n"
    schema = "class T(Document, table='t'):\n    n: float\n"

    one = client_of(tmp_path / "1", first + second, schema)

    assert one == client_of(tmp_path / "2", second + first, schema)


def test_app_without_queries_has_a_client(tmp_path: Path) -> None:
    text = client_of(tmp_path, "@mutation\nasync def a(ctx: MutationCtx) -> None: ...\n")

    assert 'self._client.mutation("m:a")' in text
    assert "cast" not in text


@pytest.mark.parametrize("name", ["class", "list", "Any"])
def test_method_hides_neither_keyword_nor_type(tmp_path: Path, name: str) -> None:
    text = client_of(tmp_path, f"@query(name='{name}')\nasync def f(ctx: QueryCtx) -> None: ...\n")

    assert f"def {name}_(self)" in text
    assert f'"m:{name}"' in text


def test_names_that_are_none_in_python_become_some(tmp_path: Path) -> None:
    functions = {
        "2024": """
            class Found(Struct):
                n: float
            @query(name="a$b")
            async def f(ctx: QueryCtx) -> Found: ...
        """
    }

    text = client_of(tmp_path, functions)

    assert "class M2024A_bResult(TypedDict):" in text
    assert "def a_b(self) -> M2024A_bResult:" in text
    assert "self.m2024 = " in text and '"2024:a$b"' in text


def test_field_hides_no_type(tmp_path: Path) -> None:
    text = client_of(tmp_path, "", "class T(Document, table='t'):\n    str: float\n    x: float\n")

    assert "TDocument = TypedDict(" in text


def test_argument_that_is_no_parameter_makes_all_of_them_one(tmp_path: Path) -> None:
    functions = """
        @query(args={"class": v.string(), "n": v.optional(v.number())})
        async def f(ctx: QueryCtx, args: Any) -> None: ...
    """
    text = client_of(tmp_path, functions)

    assert "args: MFArgs," in text
    assert "MFArgs = TypedDict(" in text and "'class': 'str'" in text
    assert "given(dict(args))" in text


def test_same_objects_share_a_type_and_others_of_one_name_do_not(tmp_path: Path) -> None:
    functions = """
        class A(Struct):
            n: float
        class B(Struct):
            m: str
        @query
        async def f(ctx: QueryCtx) -> list[A | B]: ...
        @query
        async def g(ctx: QueryCtx) -> A: ...
    """
    text = client_of(tmp_path, functions)

    assert "def f(self) -> list[MFResult | MFResult2]:" in text
    assert "def g(self) -> MFResult:" in text


@pytest.mark.parametrize(
    "docstring", ['Ends with a quote: "', 'Has """ in it.', "A back\\slash\\", "Two.\n\nLines."]
)
def test_docstring_stays_what_it_is(tmp_path: Path, docstring: str) -> None:
    functions = f"""
        @query
        async def f(ctx: QueryCtx) -> None: ...
        f.declaration.handler.__doc__ = {docstring!r}
    """
    text = client_of(tmp_path, functions)

    # The file itself is run but for its import of the client, which is not needed for this.
    names: dict[str, object] = {}
    exec(text.replace("from convex import ConvexClient", "ConvexClient = object"), names)
    method = names["_ApiM"].f  # type: ignore[attr-defined]
    assert [line.strip() for line in method.__doc__.strip().splitlines()] == docstring.splitlines()


def async_client_of(root: Path, functions: str, schema: str = "") -> str:
    text = async_python_files(load_app(write_app(root, functions, schema)))["async_client.py"]
    compile(text, "async_client.py", "exec")
    return text


PAGES = """
    @query
    async def f(ctx: QueryCtx, {more}pagination_opts: PaginationOptions) -> {returns}: ...
"""
ONE_TABLE = "class T(Document, table='t'):\n    n: float\n"


def test_pages_of_a_paginated_query_have_a_method(tmp_path: Path) -> None:
    functions = PAGES.format(more="n: float, ", returns="PaginationResult[T]")

    text = async_client_of(tmp_path, functions, ONE_TABLE)

    assert "page_size: int = 100,\n    ) -> AsyncIterator[list[TDocument]]:" in text
    assert 'self._client.pages("m:f", given({"n": n}), page_size=page_size)' in text


def test_argument_called_page_size_is_kept(tmp_path: Path) -> None:
    functions = PAGES.format(more="page_size: float, ", returns="PaginationResult[T]")

    text = async_client_of(tmp_path, functions, ONE_TABLE)

    assert 'given({"pageSize": page_size}), page_size=page_size2)' in text


@pytest.mark.parametrize("more", ["given: float, ", ""])
def test_query_without_typed_pages_has_no_method_for_them(tmp_path: Path, more: str) -> None:
    returns = "PaginationResult[T]" if more else "Any"

    text = async_client_of(tmp_path, PAGES.format(more=more, returns=returns), ONE_TABLE)

    assert "class Pages" not in text
    assert "AsyncIterator" not in text
