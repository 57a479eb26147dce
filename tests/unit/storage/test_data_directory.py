"""Who owns a data directory, and who can read it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.errors import UnavailableError
from realtime.storage.data_directory import DataDirectory


@pytest.fixture(autouse=True)
def kept_umask() -> Iterator[None]:
    umask = os.umask(0o022)
    yield
    os.umask(umask)


def test_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data"

    with DataDirectory.open(path) as directory:
        directory.database_path.write_bytes(b"")

        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.database_path.stat().st_mode) == 0o600


def test_second_owner_is_refused_with_the_directory_and_what_to_do(tmp_path: Path) -> None:
    with (
        DataDirectory.open(tmp_path / "data"),
        pytest.raises(UnavailableError) as caught,
    ):
        DataDirectory.open(tmp_path / "data")

    text = str(caught.value)
    assert f"`{tmp_path / 'data'}` is in use by another server (process {os.getpid()})" in text
    assert "--data DIR" in text


def test_directory_is_free_again_after_its_owner_closed_it(tmp_path: Path) -> None:
    first = DataDirectory.open(tmp_path / "data")
    first.close()
    first.close()

    DataDirectory.open(tmp_path / "data").close()


def test_directory_is_free_again_after_its_owner_was_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from realtime.storage.data_directory import DataDirectory;"
        "d = DataDirectory.open(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    owner = subprocess.run([sys.executable, "-c", program, str(tmp_path / "data")], check=False)
    assert owner.returncode < 0

    DataDirectory.open(tmp_path / "data").close()


def test_place_that_is_no_directory_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match=re.escape(f"{tmp_path / 'file'}")) as caught:
        DataDirectory.open(tmp_path / "file")

    assert "--data" in str(caught.value)
