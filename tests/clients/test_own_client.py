"""Our browser client and the page's modules, tested by Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.harness.programs import Node

WEB_TESTS = sorted((Path(__file__).resolve().parents[1] / "web").glob("*.test.mjs"))

pytestmark = pytest.mark.node


@pytest.mark.parametrize("path", WEB_TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_web_modules_pass_their_own_tests(node: Node, path: Path) -> None:
    command = [node.executable, "--test", str(path)]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_web_modules_have_tests() -> None:
    assert WEB_TESTS
