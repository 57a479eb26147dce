"""Clients from which, or to which, nothing has gone for a while."""

from __future__ import annotations

from tests.unit.server.conversation import Conversation, kinds


def test_silent_client_gets_a_ping(conversation: Conversation) -> None:
    for _ in range(15):
        conversation.wheel.advance()

    assert conversation.taken() == [{"type": "Ping"}]


def test_any_message_puts_the_ping_off(conversation: Conversation) -> None:
    for _ in range(10):
        conversation.wheel.advance()
    conversation.modify()
    conversation.backend.run_update(1_000, {})
    conversation.taken()

    for _ in range(14):
        conversation.wheel.advance()

    assert conversation.taken() == []


def test_client_that_is_behind_gets_no_pings_on_top(conversation: Conversation) -> None:
    conversation.connection.unsent_bytes = 10

    for _ in range(40):
        conversation.wheel.advance()

    assert conversation.taken() == []


def test_silent_client_is_pinged_while_a_large_transition_is_computed() -> None:
    conversation = Conversation()
    conversation.add(7)

    for _ in range(30):
        conversation.wheel.advance()

    assert kinds(conversation.taken()) == ["Ping", "Ping"]


def test_client_is_cut_off_after_120_seconds_without_a_sign_of_life(
    conversation: Conversation,
) -> None:
    conversation.connection.is_heard = False

    for _ in range(23):
        conversation.worker.check_alive()
    assert not conversation.connection.is_aborted
    conversation.worker.check_alive()

    assert conversation.connection.is_aborted
    assert conversation.backend.disconnected[-1] is conversation.worker


def test_any_sign_of_life_begins_the_time_anew(conversation: Conversation) -> None:
    for is_heard in (False, True):
        for _ in range(23):
            conversation.connection.is_heard = is_heard
            conversation.worker.check_alive()
    for _ in range(23):
        conversation.connection.is_heard = False
        conversation.worker.check_alive()

    assert not conversation.connection.is_aborted


def test_socket_without_a_connect_is_left_open(conversation: Conversation) -> None:
    for _ in range(1_000):
        conversation.wheel.advance()
        conversation.worker.check_alive()

    assert conversation.connection.closed is None
    assert not conversation.connection.is_aborted
    assert set(kinds(conversation.taken())) == {"Ping"}
