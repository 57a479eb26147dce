"""Work items."""

from __future__ import annotations

from realtime.sync.work import StartAuthentication


def test_a_token_is_not_shown_when_work_is_logged() -> None:
    work = StartAuthentication("User", "secret-token", None)

    assert "secret-token" not in repr(work)
