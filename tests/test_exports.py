"""What `from realtime import …` offers, and that it costs only what is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import realtime

INIT = Path(realtime.__file__)


def typed_exports() -> dict[str, str]:
    """Return the module of each name as type checkers read it."""
    for statement in ast.parse(INIT.read_text()).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            return dict(_imported(statement.body))
    raise AssertionError("There are no imports for type checkers")


def _imported(statements: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        assert isinstance(statement, ast.ImportFrom) and statement.module is not None
        yield from ((alias.name, statement.module) for alias in statement.names)


def printed_by(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_names_are_sorted_and_exist() -> None:
    names = realtime.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert [name for name in names if not hasattr(realtime, name)] == []


def test_type_checkers_see_the_names_that_there_are() -> None:
    found = {name: sys.modules[module] for name, module in typed_exports().items()}

    assert sorted(found) == sorted(realtime.__all__)
    for name, module in found.items():
        assert getattr(realtime, name) is getattr(module, name), name


def test_star_import_and_dir_have_every_name() -> None:
    namespace: dict[str, object] = {}
    exec("from realtime import *", namespace)

    assert set(realtime.__all__) <= namespace.keys()
    assert set(realtime.__all__) <= set(dir(realtime))


def test_name_that_is_none_is_an_attribute_error_that_names_it() -> None:
    name = "nonsense"

    with pytest.raises(AttributeError, match="module `realtime` has no attribute `nonsense`"):
        getattr(realtime, name)


def test_package_by_itself_imports_none_of_its_modules() -> None:
    found = printed_by("import sys, realtime; print([m for m in sys.modules if 'realtime.' in m])")

    assert found == "[]"


def test_names_of_an_app_load_neither_server_nor_command_line() -> None:
    names = ", ".join(name for name in realtime.__all__ if name != "Realtime")

    found = printed_by(
        f"import sys; from realtime import {names}; print([m for m in sys.modules if "
        "m.split('.')[0] in ('starlette', 'uvicorn', 'typer', 'rich', 'prometheus_client', "
        "'sqlite3')])"
    )

    assert found == "[]"


def test_client_loads_neither_server_nor_engine() -> None:
    found = printed_by(
        "import sys, realtime.client; print(sorted({name.split('.')[1] for name in sys.modules "
        "if name.startswith('realtime.')}))"
    )

    assert found == "['casing', 'client', 'clock', 'errors', 'sync', 'values']"
