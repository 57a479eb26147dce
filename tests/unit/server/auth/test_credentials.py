"""What requests carry to prove who sends them."""

from __future__ import annotations

import pytest

from realtime.errors import AuthenticationError
from realtime.server.auth.credentials import Credentials, parse_authorization


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
        ("BEARER a.b.c", "chat|1", ("User", "a.b.c")),
    ],
)
def test_credentials_are_read_from_header_or_query(
    header: str | None, query_key: str | None, expected: tuple[str, str | None]
) -> None:
    credentials = parse_authorization(header, query_key)

    assert (credentials.token_type, credentials.token) == expected


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


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("Admin", "chat|secret", {"email": "secret"}))
