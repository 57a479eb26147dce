"""The command line of npm `convex`, and of convex-helpers, against a running server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from realtime.codegen.spec import function_spec
from realtime.runtime.registry import load_app
from tests.harness.programs import CLIENTS, Node
from tests.harness.server_process import ServerProcess
from tests.harness.typescript import DEPOT, depot_app, type_errors, write_project

pytestmark = pytest.mark.node

SECONDS = 60


@dataclass(frozen=True)
class CommandLine:
    """A folder with a `package.json`, and the environment that names a server."""

    folder: Path
    server: ServerProcess

    def run(
        self, script: str, *arguments: str, key: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of an npm package."""
        return subprocess.run(
            ["node", str(CLIENTS / "node_modules" / script), *arguments],
            cwd=self.folder,
            env=os.environ
            | {
                "CONVEX_SELF_HOSTED_URL": self.server.url,
                "CONVEX_SELF_HOSTED_ADMIN_KEY": key or self.server.admin_key,
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def convex(self, *arguments: str) -> str:
        """Return what `npx convex` prints when it succeeds."""
        result = self.run("convex/bin/main.js", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, node: Node) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("depot") / "data", app=DEPOT, command="dev")
    try:
        server.start()
        for label in ("first", "second"):
            integer, seal = {"$integer": "BQAAAAAAAAA="}, {"$bytes": "AQI="}
            server.run("parcels:add", {"label": label, "serial": integer, "seal": seal})
        yield server
    finally:
        server.close()


@pytest.fixture
def command_line(tmp_path: Path, server: ServerProcess) -> CommandLine:
    packages = {"convex": "*", "convex-helpers": "*"}
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": packages}))
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    return CommandLine(tmp_path, server)


def test_run_prints_what_a_function_returns(command_line: CommandLine) -> None:
    printed = command_line.convex("run", "parcels:count")

    assert json.loads(printed) == {"sent": 0, "waiting": 2}


def test_run_takes_arguments(command_line: CommandLine) -> None:
    printed = command_line.convex("run", "parcels:search", '{"text": "sec"}')

    assert [parcel["label"] for parcel in json.loads(printed)] == ["second"]


def test_run_reaches_internal_functions(command_line: CommandLine) -> None:
    command_line.convex("run", "admin/users:secrets")


def test_run_of_an_unknown_function_lists_those_that_there_are(command_line: CommandLine) -> None:
    result = command_line.run("convex/bin/main.js", "run", "parcels:lst")

    assert result.returncode == 1
    assert "Could not find function for 'parcels:lst'" in result.stderr
    for path in load_app(DEPOT).registry.functions:
        assert (path if ":" in path else f"{path}:default") in result.stderr
    assert "_system" not in result.stderr


def test_run_with_a_wrong_key_is_refused(command_line: CommandLine) -> None:
    result = command_line.run("convex/bin/main.js", "run", "parcels:count", key="depot|wrong")

    assert result.returncode == 1
    assert "BadDeployKey" in result.stderr or "admin key" in result.stderr.lower()


def test_data_lists_the_tables(command_line: CommandLine) -> None:
    assert command_line.convex("data").split() == ["anything", "items", "parcels"]


@pytest.mark.parametrize(
    ("order", "labels"), [("asc", ["first", "second"]), ("desc", ["second", "first"])]
)
def test_data_prints_the_documents_of_a_table(
    command_line: CommandLine, order: str, labels: list[str]
) -> None:
    lines = command_line.convex("data", "parcels", "--order", order, "--format", "jsonLines")

    assert re.findall(r'"label": "(\w+)"', lines) == labels


def test_data_stops_at_the_limit(command_line: CommandLine) -> None:
    lines = command_line.convex("data", "parcels", "--limit", "1", "--format", "jsonLines")

    assert len(lines.splitlines()) == 1


def test_function_spec_is_that_of_the_app(command_line: CommandLine) -> None:
    printed = json.loads(command_line.convex("function-spec"))

    assert printed["url"] == command_line.server.url
    assert printed["functions"] == function_spec(load_app(DEPOT).registry)


def test_helpers_make_types_that_compile(command_line: CommandLine, tmp_path: Path) -> None:
    result = command_line.run("convex-helpers/dist/bin.cjs", "ts-api-spec", "--output-file", "spec")

    assert result.returncode == 0, result.stderr
    (written,) = command_line.folder.glob("spec*.ts")
    front_end = tmp_path / "front_end"
    front_end.mkdir()
    use = 'import { api } from "./spec.js";\nexport const path = api.parcels.count._type;\n'
    write_project(front_end, depot_app())
    (front_end / "spec.ts").write_text(written.read_text())
    (front_end / "use.ts").write_text(use)
    assert type_errors(front_end) == {}


def test_helpers_make_an_openapi_document(command_line: CommandLine) -> None:
    result = command_line.run(
        "convex-helpers/dist/bin.cjs", "open-api-spec", "--output-file", "spec"
    )

    assert result.returncode == 0, result.stderr
    (written,) = command_line.folder.glob("spec*.yaml")
    text = written.read_text()
    assert "/api/run/parcels/get:" in text
    assert command_line.server.url in text
