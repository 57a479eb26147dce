"""A skipped test makes the run fail in CI, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.server_process import ROOT

SKIPPED_TEST = "import pytest\n\ndef test_skipped():\n    pytest.skip('no such tool')\n"
SKIPPED_MODULE = "import pytest\n\npytest.skip('no such tool', allow_module_level=True)\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail\ndef test_known():\n    assert False\n"
PASSING = "def test_passes():\n    pass\n"


def run_suite(folder: Path, source: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run one more session of pytest with our rules on a file of its own."""
    (folder / "test_sample.py").write_text(source)
    (folder / "test_passing.py").write_text(PASSING)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("source", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
def test_skipped_test_fails_the_session_in_ci(tmp_path: Path, source: str) -> None:
    session = run_suite(tmp_path, source, ci="true")

    assert session.returncode == pytest.ExitCode.TESTS_FAILED
    assert "SKIPPED IN CI" in session.stdout
    assert "no such tool" in session.stdout


@pytest.mark.parametrize(
    ("source", "ci"),
    [(SKIPPED_TEST, ""), (SKIPPED_TEST, "false"), (EXPECTED_FAILURE, "true"), (PASSING, "true")],
    ids=["skip outside of CI", "skip with CI=false", "expected failure", "nothing skipped"],
)
def test_other_sessions_are_not_touched(tmp_path: Path, source: str, ci: str) -> None:
    session = run_suite(tmp_path, source, ci=ci)

    assert session.returncode == pytest.ExitCode.OK, session.stdout
    assert "SKIPPED IN CI" not in session.stdout
