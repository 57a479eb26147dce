"""Files of front ends that follow the app while it is developed."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from realtime.cli.codegen import ClientKind, generate, generate_stubs
from realtime.cli.events import Generated, NotGenerated
from realtime.cli.generated_files import CodegenMode, GeneratedFiles
from realtime.runtime.registry import LoadedApp, load_app

TYPESCRIPT = ("api.d.ts", "api.js", "dataModel.d.ts")
FUNCTIONS = """
from realtime import QueryCtx, query

@query
async def {name}(ctx: QueryCtx) -> str:
    return ""
"""

SCHEMA = """
from realtime import Document

class Note(Document, table="notes"):
    {field}: str
"""


def load(root: Path, name: str) -> LoadedApp:
    (root / "functions").mkdir(parents=True, exist_ok=True)
    (root / "functions" / "notes.py").write_text(FUNCTIONS.format(name=name))
    return load_app(root)


def write_schema(root: Path, field: str) -> None:
    (root / "schema.py").write_text(SCHEMA.format(field=field))


def files_below(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_files_that_nobody_asked_for_are_not_written(tmp_path: Path) -> None:
    app = load(tmp_path, "first")
    (tmp_path / "_generated").mkdir()
    before = files_below(tmp_path)

    assert GeneratedFiles(tmp_path, "existing").update(app) is None
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("place", ["_generated", "web/_generated", "examples/chat/src/_generated"])
@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("typescript", "api.d.ts"),
        ("python", "client.py"),
        ("async python", "async_client.py"),
    ],
)
def test_generated_files_follow_the_app_where_they_are(
    tmp_path: Path, place: str, kind: ClientKind, changed: str
) -> None:
    load(tmp_path, "first")
    out = tmp_path / place
    generate(tmp_path, out, is_check=False, kind=kind)
    unchanged = {path: path.stat().st_mtime_ns for path in out.iterdir() if path.name != changed}

    outcome = GeneratedFiles(tmp_path, "existing").update(load(tmp_path, "second"))

    assert outcome == Generated((f"{place}/{changed}",))
    assert generate(tmp_path, out, is_check=True, kind=kind) == 0
    assert all(path.stat().st_mtime_ns == time for path, time in unchanged.items())


def test_stubs_follow_the_schema_if_there_are_any(tmp_path: Path) -> None:
    generated = GeneratedFiles(tmp_path, "existing")
    write_schema(tmp_path, "first")
    before = generated.update(load(tmp_path, "first"))
    generate_stubs(tmp_path, is_check=False)
    write_schema(tmp_path, "second")

    after = generated.update(load(tmp_path, "first"))

    assert before is None
    assert after == Generated(("schema.pyi",))
    assert generate_stubs(tmp_path, is_check=True) == 0


def test_stub_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    write_schema(tmp_path, "first")
    (tmp_path / "schema.pyi").write_text("# by hand\n")

    assert GeneratedFiles(tmp_path, "always").update(load(tmp_path, "first")) is not None
    assert (tmp_path / "schema.pyi").read_text() == "# by hand\n"


@pytest.mark.parametrize(
    "place", [".hidden/_generated", "node_modules/a/_generated", "a/b/c/d/_generated"]
)
def test_files_in_other_places_are_not_looked_for(tmp_path: Path, place: str) -> None:
    load(tmp_path, "first")
    generate(tmp_path, tmp_path / place, is_check=False)

    assert GeneratedFiles(tmp_path, "existing").update(load(tmp_path, "second")) is None


def test_what_is_up_to_date_is_not_told(tmp_path: Path) -> None:
    app = load(tmp_path, "first")
    generate(tmp_path, None, is_check=False)

    assert GeneratedFiles(tmp_path, "existing").update(app) is None


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    app = load(tmp_path, "first")
    folder = tmp_path / "_generated"
    folder.mkdir()
    for name in (*TYPESCRIPT, "client.py"):
        (folder / name).write_text("// Made by hand\n")
    before = files_below(tmp_path)

    assert GeneratedFiles(tmp_path, "existing").update(app) is None
    assert files_below(tmp_path) == before


def test_types_are_written_beside_the_functions_if_asked_for(tmp_path: Path) -> None:
    outcome = GeneratedFiles(tmp_path, "always").update(load(tmp_path, "first"))

    assert outcome == Generated(tuple(f"_generated/{name}" for name in TYPESCRIPT))
    assert generate(tmp_path, None, is_check=True) == 0


def test_nothing_is_written_if_that_is_asked_for(tmp_path: Path) -> None:
    load(tmp_path, "first")
    generate(tmp_path, None, is_check=False)
    app = load(tmp_path, "second")
    before = files_below(tmp_path)

    assert GeneratedFiles(tmp_path, "never").update(app) is None
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("mode", ["existing", "always"])
def test_failure_is_told_with_the_file_and_so_is_its_end(tmp_path: Path, mode: CodegenMode) -> None:
    app = load(tmp_path, "first")
    generate(tmp_path, None, is_check=False)
    file = tmp_path / "_generated" / "api.js"
    file.unlink()
    file.mkdir()
    generated = GeneratedFiles(tmp_path, mode)

    first = generated.update(app)
    second = generated.update(app)
    file.rmdir()
    third = generated.update(app)

    assert first == second == NotGenerated(f"cannot write `{file}`: Is a directory")
    assert third == Generated(("_generated/api.js",))


def test_mistake_of_a_generator_is_logged_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = GeneratedFiles(tmp_path, "always").update(cast(LoadedApp, None))

    assert outcome == NotGenerated("AttributeError, see the log above")
    assert [record.message for record in caplog.records] == [
        "The generated files could not be made"
    ]
