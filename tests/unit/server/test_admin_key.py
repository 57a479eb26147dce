"""The admin key of a deployment."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from realtime.clock import SystemClock
from realtime.errors import DefinitionError
from realtime.server.admin_key import (
    AdminKey,
    load_admin_key,
    read_admin_key,
)

KEY = AdminKey("chat", "0123abcd")
CLOCK = SystemClock()


def test_key_is_recognised_and_no_other() -> None:
    assert KEY.matches("chat|0123abcd")
    for other in (
        "",
        "chat",
        "chat|",
        "chat|0123abce",
        "chat|0123abcd ",
        "chat|0123abcdé",
        "\ud800",
    ):
        assert not KEY.matches(other)


def test_secret_is_not_shown_in_logs() -> None:
    assert "0123abcd" not in repr(KEY)


def test_first_start_makes_a_private_key_that_later_starts_keep(tmp_path: Path) -> None:
    first = load_admin_key({}, tmp_path, "My Chat App", CLOCK)
    second = load_admin_key({}, tmp_path, "other name", CLOCK)

    assert first == second
    assert first.name == "my-chat-app"
    assert len(first.secret) == 64
    assert stat.S_IMODE((tmp_path / "admin_key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["admin_key"]


def test_two_deployments_have_different_keys(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    keys = [load_admin_key({}, folder, "app", CLOCK) for folder in (one, other)]

    assert keys[0].secret != keys[1].secret


def test_half_written_key_of_a_crash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "admin_key.new").write_text("app|01")

    key = load_admin_key({}, tmp_path, "app", CLOCK)

    assert len(key.secret) == 64


def test_name_without_letters_still_gives_a_key(tmp_path: Path) -> None:
    assert load_admin_key({}, tmp_path, "…", CLOCK).name == "realtime"


def test_key_of_the_environment_is_used_and_not_stored(tmp_path: Path) -> None:
    key = load_admin_key({"REALTIME_ADMIN_KEY": "prod|s3cret\n"}, tmp_path, "app", CLOCK)

    assert key == AdminKey("prod", "s3cret")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "secret", "|secret", "name|", "a|b|c", "na me|x"])
def test_key_of_another_form_is_refused_where_it_stands(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError, match="of the form `name") as caught:
        load_admin_key({"REALTIME_ADMIN_KEY": text}, tmp_path, "app", CLOCK)

    assert caught.value.place == "REALTIME_ADMIN_KEY"


def test_client_finds_the_key_of_the_environment_before_that_of_the_directory(
    tmp_path: Path,
) -> None:
    kept = load_admin_key({}, tmp_path, "app", CLOCK)

    assert read_admin_key({}, tmp_path) == kept.text
    assert read_admin_key({"REALTIME_ADMIN_KEY": "prod|x"}, tmp_path) == "prod|x"
    assert read_admin_key({}, tmp_path / "absent") is None
