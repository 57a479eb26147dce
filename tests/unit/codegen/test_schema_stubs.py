"""The stubs of a schema as text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from realtime.codegen.schema_stubs import foreign_stubs, stub_files
from realtime.errors import DefinitionError
from realtime.runtime.registry import load_app
from tests.harness.typescript import depot_app
from tests.harness.written_app import write_app

EXPECTED = Path(__file__).parent / "expected" / "schema.pyi.txt"
HEAD = "from realtime import Document, Id, Index, Unset, UNSET, field\n"


def stub_of(root: Path, schema: str) -> str:
    """Return the stub of a schema, which stands in the file exactly as given."""
    app = write_app(root, "")
    (app / "schema.py").write_bytes(schema.encode())
    files = stub_files(load_app(app))
    assert list(files) == ["schema.pyi"]
    ast.parse(files["schema.pyi"])
    return files["schema.pyi"]


def test_stub_is_as_expected() -> None:
    assert stub_files(depot_app()) == {"schema.pyi": EXPECTED.read_text()}


def test_app_without_document_classes_has_no_stub(tmp_path: Path) -> None:
    app = write_app(tmp_path, "", "things = Table('things', v.any())\n")

    assert stub_files(load_app(app)) == {}


def test_each_module_with_document_classes_has_a_stub_beside_it(tmp_path: Path) -> None:
    app = write_app(
        tmp_path, "", "from own_tables.notes import *\nclass B(Document, table='b'): ..."
    )
    (app / "own_tables").mkdir()
    notes = f"{HEAD}class Note(Document, table='notes'):\n    text: str\n"
    (app / "own_tables" / "notes.py").write_text(notes)

    files = stub_files(load_app(app))

    assert list(files) == ["own_tables/notes.pyi", "schema.pyi"]
    assert "_NoteQuery" not in files["schema.pyi"] and "_NoteQuery" in files["own_tables/notes.pyi"]


@pytest.mark.parametrize(
    "source",
    [
        f"{HEAD}class A(Document, table='a'): name: str; by_name = Index('name')",
        f"{HEAD}class A(Document, table='a'):\n\tname: str\n\tby_name = Index('name')\n",
        f"{HEAD}class A(Document, table='a'):\n  name: str;   by_name = Index('name')  # ünï",
        f"{HEAD}class A(Document, table='a'):\n    name: str\n    by_name = Index(\n  'name'\n )",
        f"# coding: latin-1\nfrom typing import ClassVar\n{HEAD}class A(Document, table='a'):\n"
        "  name: str\n\n\n\n  by_name: ClassVar[Index] = Index('name')\nb = 1\n",
        f"{HEAD}class A(Document, table='a'):\r\n  name: str\r\n  by_name = Index('name')\r\n",
    ],
    ids=["one-line", "tabs", "semicolon", "several-lines", "declared", "carriage-returns"],
)
def test_class_however_it_is_laid_out_gains_its_fields_and_indexes(
    tmp_path: Path, source: str
) -> None:
    text = stub_of(tmp_path, source)

    found = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    document, index, query = found
    assert [ast.unparse(node) for node in document.body[:2]] == [
        "name: str",
        "by_name: _ClassVar[_A_by_name]",
    ]
    assert [node.name for node in document.body[2:] if isinstance(node, ast.FunctionDef)] == [
        "__changes__",
        "__query__",
    ]
    assert (index.name, query.name) == ("_A_by_name", "_AQuery")


def test_field_with_a_default_may_be_removed(tmp_path: Path) -> None:
    text = stub_of(
        tmp_path,
        f"{HEAD}class A(Document, table='a'):\n    a: int = 0\n    b: int | Unset = UNSET\n"
        "    c: int = field(name='see')\n    d: str = field(default='')\n",
    )

    for line in ("a: int | _Unset", "b: int | Unset", "c: int", "d: str | _Unset"):
        assert f"        {line} = ...,\n" in text


def test_annotation_in_quotes_is_copied_without_them(tmp_path: Path) -> None:
    text = stub_of(
        tmp_path, f"{HEAD}class A(Document, table='a'):\n    a: 'Id[A] | Unset' = UNSET\n"
    )

    assert "        a: Id[A] | Unset = ...,\n" in text


def test_fields_of_a_base_in_another_file_are_of_any_type(tmp_path: Path) -> None:
    app = write_app(
        tmp_path, "", "from bases import Base\nclass A(Base, table='a'):\n    x: float\n"
    )
    (app / "bases.py").write_text(f"{HEAD}class Base(Document, table='base'):\n    name: str\n")

    text = stub_files(load_app(app))["schema.pyi"]

    assert "        name: _Any = ...,\n        x: float = ...,\n" in text


def test_class_that_a_function_makes_is_left_alone(tmp_path: Path) -> None:
    text = stub_of(
        tmp_path,
        f"{HEAD}def make():\n    class A(Document, table='a'):\n        x: float\n    return A\n"
        "A = make()\nclass B(Document, table='b'):\n    x: float\n",
    )

    assert "_BQuery" in text and "_AQuery" not in text


def test_parameter_gives_way_to_a_field_of_its_name(tmp_path: Path) -> None:
    text = stub_of(
        tmp_path,
        f"{HEAD}class A(Document, table='a'):\n    index: float\n    bounds: float\n"
        "    by_both = Index('index', 'bounds')\n",
    )

    assert "_index: _Literal" in text and "*_bounds: _Bound" in text


def test_what_the_module_imports_can_be_imported_from_the_stub(tmp_path: Path) -> None:
    text = stub_of(
        tmp_path,
        "from __future__ import annotations\nimport math\nimport os.path\n"
        f"from typing import (\n    Any,\n    Literal as L,\n)\nfrom json import *\n{HEAD}"
        "class A(Document, table='a'):\n    x: float\n",
    )

    assert "import math as math\nimport os.path\n" in text
    assert "    Any as Any,\n    Literal as L,\n" in text
    assert "from __future__ import annotations\n" in text and "from json import *\n" in text


def test_stub_that_was_written_by_hand_is_told_apart(tmp_path: Path) -> None:
    files = stub_files(depot_app())
    assert foreign_stubs(tmp_path, files) == []
    (tmp_path / "schema.pyi").write_text(files["schema.pyi"])
    assert foreign_stubs(tmp_path, files) == []

    (tmp_path / "schema.pyi").write_text("class Parcel: ...\n")

    assert foreign_stubs(tmp_path, files) == [tmp_path / "schema.pyi"]


def test_module_that_is_no_python_any_more_is_named(tmp_path: Path) -> None:
    app = load_app(write_app(tmp_path, "", "class A(Document, table='a'):\n    x: float\n"))
    (app.root / "schema.py").write_text("class A(")

    with pytest.raises(DefinitionError, match=r"schema\.py:1: SyntaxError: "):
        stub_files(app)


def test_class_of_an_installed_package_has_no_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = write_app(tmp_path, "", "from installed_tables import A\n")
    packages = app / "lib" / "site-packages"
    packages.mkdir(parents=True)
    declared = f"{HEAD}class A(Document, table='a'):\n    x: float\n"
    (packages / "installed_tables.py").write_text(declared)
    monkeypatch.syspath_prepend(packages)

    loaded = load_app(app)

    assert (list(loaded.schema.tables), stub_files(loaded)) == (["a"], {})
