"""Fixtures for all tests, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.harness.programs import CLIENTS, Node, find_chromium, find_node
from tests.harness.server_process import ServerProcess

StartServer = Callable[..., ServerProcess]

settings.register_profile("quick", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("quick"), derandomize=True)
settings.register_profile(
    "long",
    settings.get_profile("quick"),
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "unshrunk",
    settings.get_profile("quick"),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)

_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
_skipped: list[str] = []

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if _IN_CI else "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that renews the picture of the README."""
    parser.addoption(
        "--screenshot",
        metavar="FILE",
        type=Path,
        help="write the picture of two chatting browser tabs to this file",
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember each skipped test; an expected failure is none."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(f"{report.nodeid}: {_reason(report.longrepr)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember each module that was skipped as a whole."""
    if report.skipped:
        _skipped.append(f"{report.nodeid}: {_reason(report.longrepr)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a session with skipped tests fail in CI."""
    if _IN_CI and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a session without failed tests fails."""
    if not (_IN_CI and _skipped):
        return
    terminalreporter.section("skipped tests fail in CI", red=True)
    for line in _skipped:
        terminalreporter.line(f"SKIPPED IN CI {line}", red=True)


def _reason(longrepr: object) -> str:
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Return a function that starts the program on a data directory of this test.

    Its keywords are those of `ServerProcess`; `wait=False` launches without waiting.
    """
    servers: list[ServerProcess] = []

    def start(*, wait: bool = True, data: Path | None = None, **options: object) -> ServerProcess:
        default = tmp_path / f"data{len(servers) or ''}"
        server = ServerProcess(data or default, **options)  # type: ignore[arg-type]
        servers.append(server)
        if wait:
            server.start()
        else:
            server.launch()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server of the chat app, shared by the tests of a module; do not stop it."""
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data")
    try:
        yield process.start()
    finally:
        process.close()


@pytest.fixture(scope="session")
def node() -> Node:
    """Start Node programs; skips without Node or without their packages."""
    executable = find_node()
    if executable is None:
        pytest.skip("Node is not installed")
    if not (CLIENTS / "node_modules" / "convex").is_dir():
        pytest.skip("The npm packages of tests/clients are not installed; run `make node_modules`")
    return Node(executable)


@pytest.fixture(scope="session")
def chromium(node: Node) -> str:
    """Return the path of Chromium; skips without it."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("Chromium is not installed")
    return executable
