"""From claims of tokens, and attributes of an admin, to identities."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.errors import AuthenticationError
from realtime.server.auth.user_claims import user_of_admin, user_of_custom_jwt, user_of_oidc

TOKEN = {"iss": "https://i.example", "sub": "ann", "aud": "app", "exp": 9, "iat": 1}
IDENTIFIED = {
    "tokenIdentifier": "https://i.example|ann",
    "issuer": "https://i.example",
    "subject": "ann",
}


def oidc(**claims: Any) -> dict[str, Any]:
    wire = user_of_oidc({**TOKEN, **claims}).to_wire()
    return {name: value for name, value in wire.items() if name not in IDENTIFIED}


def custom(**claims: Any) -> dict[str, Any]:
    wire = user_of_custom_jwt({**TOKEN, **claims}).to_wire()
    return {name: value for name, value in wire.items() if name not in IDENTIFIED}


def test_claims_of_the_token_itself_are_not_of_the_user() -> None:
    of_the_token = {"jti": "1", "nbf": 1, "fva": [0, -1]}

    assert user_of_oidc({**TOKEN, **of_the_token}).to_wire() == IDENTIFIED
    assert user_of_custom_jwt({**TOKEN, **of_the_token}).to_wire() == IDENTIFIED


def test_standard_claims_get_the_names_of_the_contract() -> None:
    found = oidc(
        name="Ann A",
        given_name="Ann",
        family_name="A",
        nickname="a",
        preferred_username="ann",
        profile="https://p",
        picture="https://q",
        website="https://w",
        email="a@b.c",
        email_verified=True,
        gender="f",
        birthdate="2000-01-01",
        zoneinfo="Europe/Berlin",
        locale="de",
        phone_number="+49",
        phone_number_verified=False,
        address={"formatted": "Street 1", "locality": "Ulm"},
        updated_at=1_700_000_000,
    )

    assert found == {
        "name": "Ann A",
        "givenName": "Ann",
        "familyName": "A",
        "nickname": "a",
        "preferredUsername": "ann",
        "profileUrl": "https://p",
        "pictureUrl": "https://q",
        "websiteUrl": "https://w",
        "email": "a@b.c",
        "emailVerified": True,
        "gender": "f",
        "birthday": "2000-01-01",
        "timezone": "Europe/Berlin",
        "language": "de",
        "phoneNumber": "+49",
        "phoneNumberVerified": False,
        "address": "Street 1",
        "updatedAt": "2023-11-14T22:13:20+00:00",
    }


def test_other_claims_keep_name_and_value() -> None:
    claims = {"https://x/roles": ["a", {"b": None}], "org_id": "o", "n": 1.5}

    assert oidc(**claims) == claims
    assert custom(**claims) == claims


@pytest.mark.parametrize(
    ("updated_at", "text"),
    [
        (1.5, "1970-01-01T00:00:01.500000+00:00"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01T10:00:00", "2024-05-01T10:00:00+00:00"),
    ],
)
def test_time_of_update_is_rfc_3339_text(updated_at: Any, text: str) -> None:
    assert oidc(updated_at=updated_at) == {"updatedAt": text}


@pytest.mark.parametrize(
    "claims",
    [
        {"updated_at": "yesterday"},
        {"updated_at": 10**400},
        {"updated_at": 1e300},
        {"updated_at": True},
        {"email": 5},
        {"email_verified": "perhaps"},
        {"email_verified": [True]},
        {"address": "Street 1"},
        {"address": {"formatted": 5}},
        {"name": None},
    ],
)
def test_standard_claim_that_is_not_of_its_type_is_left_out(claims: dict[str, Any]) -> None:
    assert oidc(**claims) == {}


def test_flags_may_be_sent_as_text() -> None:
    assert oidc(email_verified="true", phone_number_verified="false") == {
        "emailVerified": True,
        "phoneNumberVerified": False,
    }


def test_claim_cannot_pose_as_an_attribute() -> None:
    posing = {"tokenIdentifier": "x|root", "issuer": "x", "subject": "root", "emailVerified": True}

    assert user_of_oidc({**TOKEN, **posing}).to_wire() == IDENTIFIED
    assert user_of_custom_jwt({**TOKEN, **posing}).to_wire() == {
        **IDENTIFIED,
        "emailVerified": True,
    }


def test_claims_of_custom_tokens_are_as_they_are() -> None:
    claims = {
        "name": "Ann",
        "email": "a@b.c",
        "given_name": "Ann",
        "address": {"formatted": "Street 1"},
        "email_verified": True,
    }

    assert custom(**claims) == claims


def test_claims_that_no_value_can_hold_are_refused() -> None:
    with pytest.raises(AuthenticationError, match="finite"):
        user_of_custom_jwt({**TOKEN, "n": 10**400})


def test_admin_acts_as_exactly_what_is_given() -> None:
    given = {"issuer": "i", "subject": "s", "name": "Ånn 🙂", "role": {"a": 1}}

    assert user_of_admin(given).to_wire() == {**given, "tokenIdentifier": "i|s"}
    assert user_of_admin({"tokenIdentifier": "t"}).to_wire() == {"tokenIdentifier": "t"}


@pytest.mark.parametrize("given", [{}, {"issuer": "i"}, {"name": "Ann"}])
def test_admin_must_say_as_whom_to_act(given: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError) as caught:
        user_of_admin(given)

    expected = 'Either "tokenIdentifier" or "issuer" and "subject" must be set'
    assert caught.value.message == expected
