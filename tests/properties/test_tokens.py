"""No malformed or forged token is ever taken, and none makes the server fail in another way.

Tokens are made from good ones by changing what an attacker can change, and from nothing. Documents
of providers are as little to be trusted to be well formed.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.errors import AuthenticationError
from realtime.runtime.outcome import Identity
from realtime.runtime.user_identity import UserIdentity
from realtime.values.json_encoding import encode_json
from tests.harness.tokens import signing_key
from tests.unit.server.auth.token_check import APP, JWT, JWT_KEYS, OIDC, Check

ES, RS, STRANGER = signing_key("ES256"), signing_key("RS256"), signing_key("ES256", 77)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4)
    ),
    max_leaves=8,
)
claim_names = st.sampled_from(
    "iss sub aud exp iat nbf jti name email email_verified address updated_at tokenIdentifier "
    "$integer _id claims".split(" ")
)
header_names = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "b64", "enc"])
algorithms = st.sampled_from(["none", "None", "HS256", "RS256", "ES256", "EdDSA", "Ed25519", ""])


def encode(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def outcome_of(check: Check, token: str) -> Identity | None:
    """Return the identity of a token, None if it was refused as tokens are refused."""
    try:
        return asyncio.run(check.validate(token))
    except AuthenticationError as error:
        assert error.message
        assert error.code in ("InvalidAuthHeader", "NoAuthProvider", "Unauthenticated")
        return None


@given(st.text(max_size=200) | st.lists(st.binary(max_size=60).map(encode)).map(".".join))
@example("..")
@example("\ud800.\ud800.\ud800")
def test_text_is_no_token(text: str) -> None:
    assert outcome_of(Check(), text) is None


@given(
    header=st.dictionaries(header_names, json_values | algorithms, max_size=5),
    claims=st.dictionaries(claim_names, json_values, max_size=6),
    issuer=st.sampled_from([JWT, OIDC, "https://any.example"]),
    signature=st.binary(max_size=80),
)
def test_token_with_a_made_up_signature_is_never_taken(
    header: dict[str, Any], claims: dict[str, Any], issuer: str, signature: bytes
) -> None:
    check = Check()
    members = {**check.claims(issuer), **claims, "iss": issuer, "aud": APP}

    token = f"{encode({'kid': ES.kid, **header})}.{encode(members)}.{encode(signature)}"

    assert outcome_of(check, token) is None


@given(data=st.data(), issuer=st.sampled_from([JWT, OIDC]))
def test_changed_token_is_never_taken_for_somebody_else(data: st.DataObject, issuer: str) -> None:
    check = Check()
    token = (ES if issuer == JWT else RS).sign(check.claims(issuer))
    position = data.draw(st.integers(0, len(token) - 1))
    length = data.draw(st.integers(0, 4))
    put = data.draw(st.text("ABCxyz019-_.=+/ é", max_size=4))

    changed = token[:position] + put + token[position + length :]
    identity = outcome_of(check, changed)

    # The last characters of a signature may be spelled in more than one way.
    if identity is not None:
        assert changed.rpartition(".")[0] == token.rpartition(".")[0]
        assert identity.user is not None
        assert identity.user.subject == "ann"


@given(claims=st.dictionaries(claim_names | st.text(max_size=10), json_values, max_size=6))
def test_token_of_a_strangers_key_is_never_taken(claims: dict[str, Any]) -> None:
    check = Check()
    members = {**check.claims(JWT), **claims, "iss": JWT}

    assert outcome_of(check, STRANGER.sign(members, kid=ES.kid)) is None


@given(claims=st.dictionaries(claim_names | st.text(max_size=10), json_values, max_size=6))
def test_signed_token_gives_its_subject_or_a_reason_whatever_else_it_claims(
    claims: dict[str, Any],
) -> None:
    for issuer, key in ((JWT, ES), (OIDC, RS)):
        check = Check()
        members = {**check.claims(issuer), **claims, "iss": issuer, "aud": APP}

        identity = outcome_of(check, key.sign(members))

        if identity is not None:
            assert identity.user is not None
            assert identity.user.token_identifier == f"{issuer}|{members['sub']}"
            wire = identity.user.to_wire()
            assert UserIdentity.from_wire(wire) == identity.user
            assert not identity.is_admin


@given(
    keys=st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e", "k", "x5c"]),
            json_values | st.sampled_from(["EC", "RSA", "OKP", "oct", "P-256", "sig", "AQAB"]),
        ),
        max_size=4,
    )
    | json_values
)
def test_malformed_keys_are_no_keys(keys: Any) -> None:
    check = Check()
    check.documents.documents[JWT_KEYS] = json.dumps({"keys": keys}).encode()

    assert outcome_of(check, ES.sign(check.claims(JWT))) is None


@given(st.binary(max_size=300))
def test_malformed_documents_are_told(document: bytes) -> None:
    check = Check()
    check.documents.documents[f"{OIDC}/.well-known/openid-configuration"] = document
    check.documents.documents[JWT_KEYS] = document

    assert outcome_of(check, RS.sign(check.claims(OIDC))) is None
    assert outcome_of(check, ES.sign(check.claims(JWT))) is None


def test_identity_of_any_claims_can_be_returned_or_says_why() -> None:
    identity = UserIdentity.from_wire({"issuer": "i", "subject": "s", "https://x/roles": ["a"]})

    assert json.loads(encode_json(identity.to_wire()))["https://x/roles"] == ["a"]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")
