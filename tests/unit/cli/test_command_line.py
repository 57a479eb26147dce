"""What the command line accepts, and that it answers without loading a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from realtime.cli.main import app

ROOT = Path(__file__).resolve().parents[3]


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_help_names_the_commands() -> None:
    code, output = invoke("--help")

    assert code == 0
    for command in ("dev", "serve", "run", "watch", "data", "init", "codegen", "spec"):
        assert command in output


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_help_of_a_server_names_its_options_and_defaults(command: str) -> None:
    code, output = invoke(command, "--help")

    assert code == 0
    for text in ("[APP]", "--host", "127.0.0.1", "--port", "3210", "--site-port", "3211"):
        assert text in output
    for text in ("--data", "--redact-errors", "--no-redact-errors", "--run"):
        assert text in output


def test_help_of_run_names_its_options() -> None:
    _, output = invoke("run", "--help")

    for text in ("PATH", "[JSON]", "--url", "--admin-key"):
        assert text in output


def test_unknown_command_is_wrong_usage() -> None:
    assert invoke("nonsense")[0] == 2


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_port_that_is_none_is_wrong_usage(port: str) -> None:
    assert invoke("serve", "--port", port)[0] == 2


def test_server_is_not_loaded_for_help() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from realtime.cli.main import app;"
        "CliRunner().invoke(app, ['serve', '--help']);"
        "print([m for m in ('uvicorn', 'starlette', 'prometheus_client') if m in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"
