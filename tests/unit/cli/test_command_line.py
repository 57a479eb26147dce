"""What the command line accepts, and that it answers without loading a server."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from realtime.cli.main import app

ROOT = Path(__file__).resolve().parents[3]

REPETITIONS = 7
MOST_FOR_HELP_MS = 50


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


def test_help_imports_nothing_of_the_engine() -> None:
    program = """
import sys
from realtime.cli.main import main
try:
    main()
except SystemExit:
    pass
print([name for name in sys.modules if name.startswith("realtime")], file=sys.stderr)
"""

    result = subprocess.run(
        [sys.executable, "-c", program, "--help"], cwd=ROOT, capture_output=True, check=True
    )

    assert result.stderr.decode().strip() == "['realtime', 'realtime.cli', 'realtime.cli.main']"


def test_help_takes_hardly_longer_than_the_library_that_prints_it() -> None:
    program = "from realtime.cli.main import main; main()"

    # By turns, and the least of each: other programs of the machine only ever add to it.
    pairs = [
        (processor_ms(program, "--help"), processor_ms("import typer")) for _ in range(REPETITIONS)
    ]

    help_ms, library_ms = (min(times) for times in zip(*pairs, strict=True))
    assert help_ms - library_ms <= MOST_FOR_HELP_MS


def processor_ms(program: str, *arguments: str) -> float:
    """Return the processor time of a Python program, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1_000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
