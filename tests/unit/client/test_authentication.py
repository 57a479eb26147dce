"""Who a client's session is: tokens that are given, fetched, refused and replaced."""

from __future__ import annotations

import pytest

from realtime.client.authentication import AdminKey, UserToken
from realtime.client.session import (
    Event,
    FreshTokenWanted,
    IdentityConfirmed,
    IdentityLost,
)
from tests.harness.tokens import signing_key
from tests.unit.client.wire import Message, Wire

NOW = 1_700_000_000.0


@pytest.fixture
def wire() -> Wire:
    return Wire()


def token(iat: float = NOW, exp: float = NOW + 100) -> str:
    return signing_key("ES256").sign({"iat": iat, "exp": exp})


def refuse(wire: Wire, base_version: int = 0, *, attempted: bool = True) -> list[Event]:
    return wire.receive(
        "AuthError", error="No", baseVersion=base_version, authUpdateAttempted=attempted
    )


def credentials(messages: list[Message]) -> list[tuple[int, str, str | None]]:
    """Return base version, kind and value of each sign-in."""
    return [
        (message["baseVersion"], message["tokenType"], message.get("value"))
        for message in messages
        if message["type"] == "Authenticate"
    ]


@pytest.mark.parametrize(
    ("credential", "kind"), [(UserToken("secret"), "User"), (AdminKey("secret"), "Admin")]
)
def test_credential_comes_before_all_else_on_each_connection(
    wire: Wire, credential: UserToken | AdminKey, kind: str
) -> None:
    wire.session.begin_mutation("a:b", b"{}")
    wire.session.authenticate(credential)

    for messages in (wire.open(), wire.reopen()):
        types = [message["type"] for message in messages]
        assert types == ["Connect", "Authenticate", "ModifyQuerySet", "Mutation"]
        assert credentials(messages) == [(0, kind, "secret")]


def test_credential_counts_once_the_server_has_said_so(wire: Wire) -> None:
    wire.session.authenticate(UserToken("a"))
    wire.open()
    assert not wire.session.is_authenticated

    assert wire.transition(ts=1, querySet=1, identity=1) == [IdentityConfirmed(None)]
    assert wire.session.is_authenticated


def test_only_the_newest_credential_is_confirmed(wire: Wire) -> None:
    wire.open()
    wire.session.authenticate(UserToken("a"))
    wire.session.authenticate(UserToken("b"))
    assert credentials(wire.sent()) == [(0, "User", "a"), (1, "User", "b")]

    assert wire.transition(ts=1, identity=1) == []
    assert wire.transition(ts=2, identity=2) == [IdentityConfirmed(None)]


def test_signing_out_is_said_and_forgotten(wire: Wire) -> None:
    wire.session.authenticate(UserToken("a"))
    wire.open()
    wire.transition(ts=1, querySet=1, identity=1)
    wire.session.authenticate(None)

    assert credentials(wire.sent()) == [(1, "None", None)]
    wire.transition(ts=1, identity=2)
    assert not wire.session.is_authenticated
    assert credentials(wire.reopen()) == []


def test_call_runs_as_who_asked_for_it(wire: Wire) -> None:
    wire.open()
    wire.session.begin_mutation("a:b", b"{}")
    wire.session.authenticate(UserToken("a"))
    wire.session.begin_mutation("a:b", b"{}")

    assert wire.sent_types() == ["Mutation", "Authenticate", "Mutation"]


def test_nothing_is_said_before_the_first_token_has_come(wire: Wire) -> None:
    wire.session.await_token()
    wire.session.begin_mutation("a:b", b"{}")
    assert wire.open() == []

    wire.session.receive_token("a", is_fresh=False, now_seconds=NOW)

    assert wire.sent_types() == ["Connect", "Authenticate", "ModifyQuerySet", "Mutation"]


def test_what_is_asked_for_while_a_token_is_awaited_comes_after_it(wire: Wire) -> None:
    wire.open()
    wire.session.begin_mutation("a:b", b"{}")
    wire.session.await_token()
    wire.session.begin_mutation("a:b", b"{}")
    withdrawn = wire.session.begin_mutation("a:b", b"{}")
    wire.session.subscribe("a:c", b"{}")
    assert wire.sent_types() == ["Mutation"]
    assert wire.session.withdraw(withdrawn)

    wire.session.receive_token("a", is_fresh=False, now_seconds=NOW)

    assert wire.sent_types() == ["Authenticate", "Mutation", "ModifyQuerySet"]


def test_older_credential_is_not_confirmed_while_a_token_is_awaited(wire: Wire) -> None:
    wire.session.authenticate(UserToken("a"))
    wire.open()
    wire.session.await_token()

    assert wire.transition(ts=1, querySet=1, identity=1) == []
    assert not wire.session.is_authenticated


def test_fetcher_without_a_token_signs_out(wire: Wire) -> None:
    wire.open()
    wire.session.await_token()
    wire.session.receive_token(None, is_fresh=False, now_seconds=NOW)

    assert credentials(wire.sent()) == [(0, "None", None)]


@pytest.mark.parametrize(
    ("text", "is_fresh", "seconds"),
    [
        pytest.param(token(), True, 90.0, id="fresh"),
        pytest.param(token(NOW + 500, NOW + 600), True, 90.0, id="fresh, and our clock is wrong"),
        pytest.param(token(NOW - 60, NOW + 40), False, 30.0, id="cached"),
        pytest.param(token(NOW - 60, NOW - 40), False, 1.0, id="cached, and our clock is wrong"),
        pytest.param(token(NOW + 60, NOW + 160), False, 90.0, id="cached, from the future"),
        pytest.param(token(exp=NOW + 8), True, 4.0, id="short"),
        pytest.param("opaque", True, None, id="opaque"),
        pytest.param("a.b.c", True, None, id="no payload"),
        pytest.param(signing_key("ES256").sign({"exp": 1}), True, None, id="without iat"),
    ],
)
def test_fresh_token_is_planned_for_before_the_present_one_ends(
    wire: Wire, text: str, is_fresh: bool, seconds: float | None
) -> None:
    wire.session.await_token()
    wire.session.receive_token(text, is_fresh=is_fresh, now_seconds=NOW)
    wire.open()

    assert wire.transition(ts=1, querySet=1, identity=1) == [IdentityConfirmed(seconds)]
    wire.reopen()
    # The plan is made already: a new connection does not put it off.
    assert wire.transition(ts=1, querySet=1, identity=1) == [IdentityConfirmed(None)]


def test_fresh_token_takes_the_place_of_the_present_one(wire: Wire) -> None:
    wire.session.await_token()
    wire.session.receive_token("a", is_fresh=False, now_seconds=NOW)
    wire.open()

    wire.session.receive_token("a", is_fresh=True, now_seconds=NOW)
    assert wire.sent() == []
    wire.session.receive_token("b", is_fresh=True, now_seconds=NOW)
    assert credentials(wire.sent()) == [(1, "User", "b")]


def test_fixed_credential_that_is_refused_is_lost(wire: Wire) -> None:
    wire.session.authenticate(UserToken("a"))
    wire.open()

    assert refuse(wire) == [IdentityLost("No")]
    assert credentials(wire.reopen()) == []


@pytest.mark.parametrize("attempted", [True, False])
def test_fresh_tokens_are_asked_for_twice(wire: Wire, attempted: bool) -> None:
    wire.session.await_token()
    wire.session.receive_token("a", is_fresh=False, now_seconds=NOW)
    wire.open()

    for fresh in ("b", "c"):
        assert refuse(wire, attempted=attempted) == [FreshTokenWanted()]
        assert wire.reopen() == []
        wire.session.receive_token(fresh, is_fresh=True, now_seconds=NOW)
        assert credentials(wire.sent()) == [(0, "User", fresh)]
    assert refuse(wire, attempted=attempted) == [IdentityLost("No")]
    assert credentials(wire.reopen()) == []


def test_confirmation_forgives_refusals(wire: Wire) -> None:
    wire.session.await_token()
    wire.session.receive_token("a", is_fresh=False, now_seconds=NOW)
    wire.open()

    for number in range(5):
        assert refuse(wire) == [FreshTokenWanted()]
        wire.reopen()
        wire.session.receive_token(str(number), is_fresh=True, now_seconds=NOW)
        wire.sent()
        wire.transition(ts=1, querySet=1, identity=1)


def test_refusal_of_a_token_that_was_replaced_is_passed_over(wire: Wire) -> None:
    wire.open()
    wire.session.authenticate(UserToken("a"))
    wire.session.authenticate(UserToken("b"))
    wire.sent()

    assert refuse(wire, 0) == []
    assert refuse(wire, 1) == [IdentityLost("No")]
