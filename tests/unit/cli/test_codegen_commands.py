"""`realtime codegen` and `realtime spec`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from realtime.cli.codegen import ClientKind, generate, generate_stubs, print_spec
from realtime.codegen.typescript import typescript_files
from realtime.runtime.registry import load_app
from tests.harness.typescript import DEPOT

FILES = ["api.d.ts", "api.js", "dataModel.d.ts"]


@pytest.fixture
def depot(tmp_path: Path) -> Path:
    return shutil.copytree(DEPOT, tmp_path / "depot")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_written_beside_the_functions(
    depot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = generate(depot, None, is_check=False)

    output = capsys.readouterr()
    assert (code, output.err) == (0, "")
    assert names(depot / "_generated") == FILES
    assert [line.rpartition("/")[2] for line in output.out.splitlines()] == FILES
    expected = typescript_files(load_app(depot))
    assert (depot / "_generated" / "api.d.ts").read_text() == expected["api.d.ts"]


def test_files_are_written_where_asked(depot: Path, tmp_path: Path) -> None:
    out = tmp_path / "web" / "types"

    assert generate(depot, out, is_check=False) == 0
    assert names(out) == FILES
    assert not (depot / "_generated").exists()


@pytest.mark.parametrize(
    ("kind", "file"), [("python", "client.py"), ("async python", "async_client.py")]
)
def test_python_client_is_written_in_place_of_types(
    depot: Path, kind: ClientKind, file: str
) -> None:
    assert generate(depot, None, is_check=False, kind=kind) == 0

    assert names(depot / "_generated") == [file]
    assert generate(depot, None, is_check=True, kind=kind) == 0


def test_stub_is_written_beside_the_schema(depot: Path) -> None:
    before = names(depot)

    assert generate_stubs(depot, is_check=False) == 0

    assert names(depot) == sorted([*before, "schema.pyi"])
    assert generate_stubs(depot, is_check=True) == 0
    assert generate_stubs(depot, is_check=False) == 0


def test_check_names_a_stub_that_is_out_of_date(
    depot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_stubs(depot, is_check=False)
    schema = depot / "schema.py"
    schema.write_text(schema.read_text().replace("by_state_width", "by_state"))
    capsys.readouterr()

    assert generate_stubs(depot, is_check=True) == 1

    error = capsys.readouterr().err
    assert f"`{depot / 'schema.pyi'}`" in error
    assert error.endswith("Run `realtime codegen --stubs`\n")


@pytest.mark.parametrize("is_check", [True, False])
def test_stub_that_was_written_by_hand_stays(
    depot: Path, capsys: pytest.CaptureFixture[str], is_check: bool
) -> None:
    (depot / "schema.pyi").write_text("mine: int\n")

    assert generate_stubs(depot, is_check=is_check) == 1

    assert (depot / "schema.pyi").read_text() == "mine: int\n"
    assert "Not written by this command" in capsys.readouterr().err


def test_files_that_are_up_to_date_are_not_touched(
    depot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(depot, None, is_check=False)
    files = [depot / "_generated" / name for name in FILES]
    before = [file.stat().st_mtime_ns for file in files]
    capsys.readouterr()

    assert generate(depot, None, is_check=False) == 0

    assert [file.stat().st_mtime_ns for file in files] == before
    assert capsys.readouterr().out == f"{depot / '_generated'} is up to date\n"


def test_check_passes_after_a_run_and_says_nothing(
    depot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(depot, None, is_check=False)
    capsys.readouterr()

    assert generate(depot, None, is_check=True) == 0
    assert capsys.readouterr() == ("", "")


def test_check_names_what_is_out_of_date_and_writes_nothing(
    depot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(depot, None, is_check=False)
    functions = depot / "functions" / "parcels.py"
    functions.write_text(functions.read_text().replace("async def rename", "async def renamed"))
    types = depot / "_generated" / "api.d.ts"
    before = types.read_text()
    capsys.readouterr()

    assert generate(depot, None, is_check=True) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        "realtime codegen: Not what the app's functions and schema give: "
        f"`{types}`. Run `realtime codegen`\n"
    )
    assert types.read_text() == before


def test_check_without_files_fails(depot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(depot, None, is_check=True) == 1
    assert not (depot / "_generated").exists()
    error = capsys.readouterr().err
    assert all(str(depot / "_generated" / name) in error for name in FILES)


def test_folder_that_is_no_app_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(tmp_path, None, is_check=False) == 1

    output = capsys.readouterr()
    assert output.err.startswith("realtime codegen: ") and "is not an app" in output.err
    assert output.err.count("\n") == 1


def test_folder_that_cannot_be_written_is_one_line(
    depot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert generate(depot, tmp_path / "file" / "types", is_check=False) == 1
    assert capsys.readouterr().err.startswith("realtime codegen: Cannot use ")


def test_files_are_told_as_json(depot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = depot / "_generated"
    told: list[object] = []
    codes: list[int] = []
    for is_check in (True, False, False, True):
        codes.append(generate(depot, None, is_check=is_check, as_json=True))
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        told.append(json.loads(output))

    paths = [str(folder / name) for name in FILES]
    assert codes == [1, 0, 0, 0]
    assert told == [
        {"folder": str(folder), "stale": paths},
        {"folder": str(folder), "written": paths},
        {"folder": str(folder), "written": []},
        {"folder": str(folder), "stale": []},
    ]


def test_spec_names_the_server_and_its_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_spec(DEPOT, "http://here", is_openapi=False) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["url"] == "http://here"
    assert printed["functions"][0]["identifier"] == "admin/2024.js:total"


def test_spec_as_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_spec(DEPOT, "http://here", is_openapi=False, as_json=True) == 0

    assert capsys.readouterr().out.count("\n") == 1


def test_spec_as_openapi(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_spec(DEPOT, "", is_openapi=True) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["openapi"] == "3.1.0"
    assert printed["info"]["title"] == "depot"


def test_spec_of_no_app_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_spec(tmp_path / "nowhere", "", is_openapi=False) == 1
    assert capsys.readouterr().err.startswith("realtime spec: There is no folder")
