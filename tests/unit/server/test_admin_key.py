"""The admin key and what requests carry to prove themselves."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from realtime.clock import SystemClock
from realtime.errors import AuthenticationError, DefinitionError
from realtime.runtime.outcome import ADMIN, ANONYMOUS
from realtime.server.admin_key import (
    AdminKey,
    load_admin_key,
    parse_authorization,
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


def test_holder_of_the_key_is_the_admin() -> None:
    assert KEY.authenticate("Admin", "chat|0123abcd") == ADMIN


def test_caller_without_a_token_is_anonymous() -> None:
    assert KEY.authenticate("None", None) == ANONYMOUS


def test_other_key_is_rejected_with_the_code_of_the_contract() -> None:
    with pytest.raises(AuthenticationError, match="invalid for deployment 'chat'") as caught:
        KEY.authenticate("Admin", "chat|wrong")

    assert caught.value.code == "BadDeployKey"


def test_token_of_a_user_is_rejected_while_no_provider_is_configured() -> None:
    with pytest.raises(AuthenticationError, match="no providers configured") as caught:
        KEY.authenticate("User", "a.b.c")

    assert caught.value.code == "NoAuthProvider"


@pytest.mark.parametrize(
    ("header", "query_key", "expected"),
    [
        (None, None, ("None", None)),
        (None, "chat|1", ("Admin", "chat|1")),
        ("Convex chat|1", None, ("Admin", "chat|1")),
        ("convex chat|1", "other|2", ("Admin", "chat|1")),
        ("CONVEX   chat|1 ", None, ("Admin", "chat|1")),
        ("Bearer a.b.c", None, ("User", "a.b.c")),
        ("bearer a.b.c", None, ("User", "a.b.c")),
    ],
)
def test_credentials_are_read_from_header_or_query(
    header: str | None, query_key: str | None, expected: tuple[str, str | None]
) -> None:
    assert parse_authorization(header, query_key) == expected


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "InvalidHeaderFailure"),
        ("Bearer", "InvalidHeaderFailure"),
        ("Basic abc", "InvalidAuthHeader"),
    ],
)
def test_header_that_clients_do_not_send_is_refused(header: str, code: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        parse_authorization(header, None)

    assert caught.value.code == code


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
