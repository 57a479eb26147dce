"""The wait before the next connection."""

from __future__ import annotations

import pytest

from realtime.client.backoff import Backoff


def test_wait_doubles_up_to_a_limit_and_begins_anew_after_success() -> None:
    backoff = Backoff()

    waits = [backoff.next_delay_seconds(0.5) for _ in range(12)]
    backoff.reset()

    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert waits[-1] == 16.0
    assert backoff.next_delay_seconds(0.5) == pytest.approx(0.1)


def test_wait_is_spread_by_half_to_both_sides() -> None:
    assert Backoff().next_delay_seconds(0.0) == pytest.approx(0.05)
    assert Backoff().next_delay_seconds(1.0) == pytest.approx(0.15)


def test_server_with_too_much_to_do_is_left_alone_for_longer() -> None:
    assert Backoff().next_delay_seconds(0.5, is_overloaded=True) == 3.0
