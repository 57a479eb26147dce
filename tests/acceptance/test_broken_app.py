"""An app that cannot be loaded is refused at start: file, line and reason, no traceback of ours."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.harness.example_app import copy_of_app
from tests.harness.server_process import ServerProcess

BROKEN_MODULES = {
    "syntax error": (
        "from realtime import query\n\nasync def broken(:\n    pass\n",
        (3,),
        "invalid syntax",
    ),
    "error while it is imported": (
        "LIMITS = {}\n\nMAXIMUM = LIMITS['messages']\n",
        (3,),
        "messages",
    ),
    "missing module": (
        "import an_absent_module\n",
        (1,),
        "an_absent_module",
    ),
    "function without async": (
        "from realtime import query\n\n\n@query\ndef plain(ctx) -> None:\n    return None\n",
        (4, 5),
        "async def",
    ),
    "annotation that is no value": (
        "from realtime import query\n\n\n@query\nasync def odd(ctx, z: complex) -> None: ...\n",
        (4, 5),
        "complex",
    ),
    "two functions of one name": (
        "from realtime import query\n\n\n"
        "@query(name='same')\nasync def first(ctx) -> None: ...\n\n\n"
        "@query(name='same')\nasync def second(ctx) -> None: ...\n",
        (8, 9),
        "same",
    ),
}


@pytest.mark.parametrize("case", BROKEN_MODULES)
def test_broken_function_file_is_refused_with_file_line_and_reason(
    start_server: StartServer, tmp_path: Path, case: str
) -> None:
    source, lines, reason = BROKEN_MODULES[case]
    app = copy_of_app(tmp_path)
    (app / "functions" / "broken.py").write_text(source)

    server = start_server(app=app, wait=False)

    assert_refused(server, "functions/broken.py", lines, reason)


def test_broken_schema_is_refused_with_file_line_and_reason(
    start_server: StartServer, tmp_path: Path
) -> None:
    app = copy_of_app(tmp_path)
    (app / "schema.py").write_text(
        "from realtime import Document, Index\n\n\n"
        "class Note(Document, table='notes'):\n    text: str\n    by_txt = Index('txt')\n"
    )
    shutil.rmtree(app / "functions")
    (app / "functions").mkdir()

    server = start_server(app=app, wait=False)

    assert_refused(server, "schema.py", (4, 6), "txt")


def test_app_without_its_files_is_refused_with_a_reason(
    start_server: StartServer, tmp_path: Path
) -> None:
    app = tmp_path / "empty"
    app.mkdir()

    server = start_server(app=app, wait=False)

    assert server.wait_for_exit() > 0
    assert "Traceback" not in server.log
    assert "schema.py" in server.log or "functions" in server.log


def assert_refused(server: ServerProcess, file: str, lines: tuple[int, ...], reason: str) -> None:
    """Check that the program ends by itself and tells where and why, without a traceback."""
    assert server.wait_for_exit() > 0
    log = server.log
    assert "Traceback" not in log
    place = rf"{re.escape(file)}\D{{1,12}}({'|'.join(map(str, lines))})\b"
    assert re.search(place, log), log
    assert reason in log
