"""Running a server: what it shows of metrics, addresses, files and messages is what there is."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import get_args

import httpx
import pytest

from realtime.cli.events import Event
from realtime.errors import UnavailableError
from realtime.storage.data_directory import DataDirectory
from realtime.storage.sqlite_errors import storage_error
from tests.conftest import StartServer
from tests.docs.apps import run_python
from tests.docs.blocks import CODE, DOCS, Block, claim, same_text, table_rows
from tests.harness.programs import CLIENTS, Node
from tests.harness.server_process import ServerError, ServerProcess

OPERATIONS = DOCS / "operations.md"

(BACKUP,) = claim(OPERATIONS, "python")
(QUERIES,) = claim(OPERATIONS, "sql")
(CONVEX_COMMANDS,) = claim(OPERATIONS, "sh", where=lambda block: "npx convex" in block.code)


def _text(section: str) -> list[Block]:
    return claim(OPERATIONS, "text", where=lambda block: block.section == section)


(IN_USE,) = _text("The data directory")
DISK_FULL, FOREIGN = _text("When something fails")
(LOG_LINE,) = _text("Logs")


def test_events_for_programs_are_all_listed() -> None:
    section = OPERATIONS.read_text().partition("#### Output for programs")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section.partition("\n### ")[0], re.MULTILINE)

    listed = {name: tuple(CODE.findall(members)) for name, members in rows[1:]}

    assert listed == {
        str(event.__struct_config__.tag): event.__struct_encode_fields__
        for event in get_args(Event)
    }


def test_metrics_are_all_listed(server: ServerProcess) -> None:
    rows = table_rows(OPERATIONS, pattern=r"^`(realtime|process)_")
    listed = {re.sub(r"\{.*", "", name) for row in rows for name in CODE.findall(row)}
    labels = {row: re.findall(r"\{(.*)\}", row) for row in rows}

    server.run("seed:demo")
    text = httpx.get(f"{server.url}/metrics", timeout=30).text

    types = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert {name for name, _ in types} == listed
    for row, (names,) in ((row, found) for row, found in labels.items() if found):
        name = CODE.findall(row)[0].partition("{")[0]
        sample = re.search(rf"^{name}\{{(.*?)\}}", text, re.MULTILINE)
        assert sample is not None
        assert set(re.findall(r"(\w+)=", sample[1])) == set(names.split(","))


def test_addresses_answer(server: ServerProcess) -> None:
    server.run("seed:demo")
    rows = table_rows(OPERATIONS, pattern=r"^`/")
    addresses = [address for row in rows for address in CODE.findall(row)]

    assert len(addresses) > 5
    for address in addresses:
        assert httpx.get(f"{server.url}{address}", timeout=30).status_code == 200


def test_backup_and_queries_of_the_file_work(server: ServerProcess, tmp_path: Path) -> None:
    server.run("seed:demo")
    (tmp_path / ".realtime").symlink_to(server.data)

    ran = run_python(tmp_path, "-c", BACKUP.code)

    assert ran.returncode == 0, ran.stderr
    for file in (server.data / "data.sqlite", tmp_path / "backup.sqlite"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            newest, counts = (
                connection.execute(query).fetchall() for query in QUERIES.code.strip().split("\n\n")
            )
        assert ("messages", 2) in counts
        assert [role for _, role, _ in newest] == ["assistant", "user"]


@pytest.mark.node
def test_convex_command_line_works_as_shown(
    server: ServerProcess, node: Node, tmp_path: Path
) -> None:
    exported, *commands = CONVEX_COMMANDS.code.splitlines()
    assert exported.startswith("export CONVEX_SELF_HOSTED_URL=http://127.0.0.1:3210 ")
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"convex": "*"}}))
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    session_id = server.run("seed:demo")["sessionId"]
    program = [node.executable, str(CLIENTS / "node_modules" / "convex" / "bin" / "main.js")]
    key = {
        "CONVEX_SELF_HOSTED_URL": server.url,
        "CONVEX_SELF_HOSTED_ADMIN_KEY": server.admin_key,
    }

    assert len(commands) == 3
    for command in commands:
        npx, convex, *words = shlex.split(command.replace("…", session_id))
        ran = subprocess.run(
            [*program, *words],
            cwd=tmp_path,
            env=os.environ | key,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (npx, convex, ran.returncode) == ("npx", "convex", 0), ran.stderr


def test_second_server_of_a_directory_gets_the_text_that_is_shown(tmp_path: Path) -> None:
    data = tmp_path / ".realtime"
    with closing(DataDirectory.open(data)), pytest.raises(UnavailableError) as caught:
        DataDirectory.open(data)

    shown = IN_USE.code.replace("4711", str(os.getpid()))
    assert same_text(str(caught.value), shown), caught.value


def test_full_disk_has_the_text_that_is_shown() -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"

    assert same_text(str(storage_error(error, "write documents")), DISK_FULL.code)


def test_foreign_writer_gets_the_line_that_is_shown(start_server: StartServer) -> None:
    server = start_server(options=("--run", "seed:demo"))
    with closing(sqlite3.connect(server.data / "data.sqlite", isolation_level=None)) as program:
        program.execute("INSERT INTO settings VALUES ('foreign', 'x')")

    with pytest.raises(httpx.HTTPStatusError):
        server.run("seed:demo")

    assert server.wait_for_exit() == 1
    (line,) = (line for line in server.log.splitlines() if " CRITICAL " in line)
    assert same_text(line.partition(": ")[2], FOREIGN.code)


def test_line_of_the_log_has_the_form_that_is_shown(server: ServerProcess) -> None:
    lost = {"sessionId": "nonsense", "role": "user", "content": "lost"}
    with pytest.raises(ServerError):
        server.run("messages:send", lost)

    form = re.escape(LOG_LINE.code.rstrip("\n")).replace("…", ".*")
    form = re.sub(r"[0-9a-f]{16}", "[0-9a-f]{16}", form)
    form = re.sub(r"2026.*?,000", r"[-\\d]{10} [:\\d]{8},\\d{3}", form)
    assert re.search(f"^{form}$", server.log, re.MULTILINE), server.log
