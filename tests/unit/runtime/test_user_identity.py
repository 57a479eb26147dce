"""An identity as attributes and claims here, and one flat object on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.errors import ValidationError
from realtime.runtime.user_identity import UserIdentity
from realtime.values.annotations import compile_annotation
from realtime.values.value import UNSET

ANN = {"issuer": "https://i.example", "subject": "ann"}


def test_identifier_joins_issuer_and_subject() -> None:
    identity = UserIdentity.from_wire(ANN)

    assert identity.token_identifier == "https://i.example|ann"
    assert identity.to_wire() == {**ANN, "tokenIdentifier": "https://i.example|ann"}


def test_attributes_have_python_names_and_the_rest_are_claims() -> None:
    identity = UserIdentity.from_wire(
        {**ANN, "givenName": "Ann", "emailVerified": False, "org:role": "admin", "teams": [1, {}]}
    )

    assert (identity.given_name, identity.email_verified) == ("Ann", False)
    assert identity.family_name is UNSET
    assert identity.claims == {"org:role": "admin", "teams": [1.0, {}]}
    assert [type(team) for team in identity.claims["teams"]] == [float, dict]


def test_identifier_alone_is_all_that_the_wire_shows() -> None:
    identity = UserIdentity.from_wire({"tokenIdentifier": "https://i.example|a|b"})

    assert identity.to_wire() == {"tokenIdentifier": "https://i.example|a|b"}
    assert (identity.issuer, identity.subject) == ("https://i.example", "a|b")


@pytest.mark.parametrize("members", [{}, {"issuer": "i"}, {"subject": "s"}, {"name": "Ann"}])
def test_identity_without_identifier_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        UserIdentity.from_wire(members)

    expected = 'Either "tokenIdentifier" or "issuer" and "subject" must be set'
    assert caught.value.message == expected


@pytest.mark.parametrize("member", [{"tokenIdentifier": []}, {"subject": 7}, {"n": 10**400}])
def test_member_that_cannot_be_is_refused(member: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Expected"):
        UserIdentity.from_wire({**ANN, **member})


def test_member_that_is_not_of_its_attributes_type_is_a_claim() -> None:
    identity = UserIdentity.from_wire({**ANN, "address": {"city": "Ulm"}, "emailVerified": "no"})

    assert (identity.address, identity.email_verified) == (UNSET, UNSET)
    assert identity.claims == {"address": {"city": "Ulm"}, "emailVerified": "no"}
    assert identity.to_wire()["address"] == {"city": "Ulm"}


def test_claim_that_is_too_nested_is_refused() -> None:
    nested: Any = None
    for _ in range(5_000):
        nested = [nested]

    with pytest.raises(ValidationError, match="at most 32 levels"):
        UserIdentity.from_wire({**ANN, "n": nested})


def test_null_members_are_absent() -> None:
    assert UserIdentity.from_wire({**ANN, "name": None}) == UserIdentity.from_wire(ANN)


def test_text_of_all_languages_survives() -> None:
    assert UserIdentity.from_wire({**ANN, "name": "Ånn 🙂"}).name == "Ånn 🙂"


def test_equality_is_that_of_what_it_says() -> None:
    one = UserIdentity.from_wire({**ANN, "a": 1, "b": 2})
    same = UserIdentity.from_wire({"b": 2.0, "a": 1.0, **ANN})
    other = UserIdentity.from_wire({**ANN, "a": 1})

    assert one == same
    assert hash(one) == hash(same)
    assert one != other


def test_changed_claims_change_nothing_for_others() -> None:
    identity = UserIdentity.from_wire({**ANN, "teams": ["a"]})

    identity.claims["teams"].append("b")

    assert identity.claims == {"teams": ["a"]}


def test_repr_shows_the_identifier_alone() -> None:
    shown = repr(UserIdentity.from_wire({**ANN, "email": "ann@example.com"}))

    assert shown == "UserIdentity('https://i.example|ann')"


def test_it_can_be_an_annotation() -> None:
    codec = compile_annotation(UserIdentity | None)
    identity = UserIdentity.from_wire({**ANN, "email": "a@b.c"})

    value = codec.encode(identity)

    assert value == identity.to_wire()
    assert codec.decode(value) == identity
    assert codec.decode(None) is None
