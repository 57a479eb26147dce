"""Which tokens are good, whom they stand for, and what is said of the others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest

from realtime.errors import AuthenticationError
from realtime.runtime.auth_config import CustomJwt, Oidc
from realtime.server.auth.credentials import Credentials
from realtime.server.auth.token_parts import parse_token
from tests.harness.tokens import key_document, signing_key
from tests.unit.server.auth.token_check import APP, JWT, JWT_KEYS, OIDC, Check

pytestmark = pytest.mark.asyncio

RS, ES, ED = signing_key("RS256"), signing_key("ES256"), signing_key("EdDSA")
OIDC_FAILURE = (
    "Could not verify OIDC token claim. Check that the token signature is valid and the token "
    "hasn't expired."
)


async def rejection(check: Check, token: str) -> tuple[str, str]:
    with pytest.raises(AuthenticationError) as caught:
        await check.validate(token)
    return caught.value.code, caught.value.message


def encode(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize("key", [RS, ED])
async def test_oidc_token_stands_for_its_subject(check: Check, key: Any) -> None:
    identity = await check.validate(key.sign(check.claims(OIDC)))

    assert identity.user is not None
    assert identity.user.to_wire() == {
        "tokenIdentifier": f"{OIDC}|ann",
        "issuer": OIDC,
        "subject": "ann",
    }
    assert not identity.is_admin


@pytest.mark.parametrize(("issuer", "key"), [(JWT, ES), ("https://any.example", RS)])
async def test_custom_token_stands_for_its_subject(check: Check, issuer: str, key: Any) -> None:
    identity = await check.validate(key.sign(check.claims(issuer)))

    assert identity.user is not None
    assert identity.user.token_identifier == f"{issuer}|ann"


# The choice of a provider


@pytest.mark.parametrize(
    ("configured", "issuer"),
    [
        ("https://jwt.example", "https://jwt.example/"),
        ("https://jwt.example/", "https://jwt.example"),
        ("jwt.example", "https://jwt.example"),
        ("https://jwt.example/", "jwt.example"),
    ],
)
async def test_issuers_match_without_last_slash_and_scheme(configured: str, issuer: str) -> None:
    check = Check(CustomJwt(issuer=configured, jwks=JWT_KEYS, algorithm="ES256"))

    identity = await check.validate(ES.sign(check.claims(issuer)))

    assert identity.user is not None
    assert identity.user.issuer == issuer


@pytest.mark.parametrize("audience", [APP, [APP], ["other", APP]])
async def test_audience_is_a_text_or_a_list(check: Check, audience: Any) -> None:
    identity = await check.validate(ES.sign(check.claims(JWT, aud=audience)))

    assert identity.user is not None


@pytest.mark.parametrize("audience", [None, "other", [], [["my-app"]], {"my-app": 1}, 7, "my-app2"])
async def test_token_for_another_application_has_no_provider(check: Check, audience: Any) -> None:
    code, text = await rejection(check, ES.sign(check.claims(JWT, aud=audience)))

    assert code == "NoAuthProvider"
    assert text == (
        "No auth provider found matching the given token. Check that your JWT's issuer and "
        "audience match one of your configured providers: "
        f"[OIDC(domain={OIDC}, app_id={APP}), CustomJWT(issuer={JWT}, app_id={APP}), "
        "CustomJWT(issuer=https://any.example, app_id=none)]"
    )


async def test_provider_without_application_takes_any_audience(check: Check) -> None:
    for audience in (None, "other", 7):
        claims = check.claims("https://any.example", aud=audience)
        assert (await check.validate(RS.sign(claims))).user is not None


async def test_first_provider_that_fits_is_chosen() -> None:
    first = CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="RS256", application_id="first")
    check = Check(first, CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="ES256"))

    assert (await check.validate(RS.sign(check.claims(JWT, aud="first")))).user is not None
    assert (await check.validate(ES.sign(check.claims(JWT, aud="second")))).user is not None
    code, _ = await rejection(check, ES.sign(check.claims(JWT, aud="first")))
    assert code == "Unauthenticated"


async def test_unknown_issuer_is_told_without_the_providers_where_errors_are_redacted() -> None:
    check = Check(is_redacted=True)

    code, text = await rejection(check, RS.sign(check.claims("https://evil.example")))

    assert (code, text) == ("NoAuthProvider", "No auth provider found matching the given token")
    assert check.documents.fetched == []


# What is no token, or not a good one


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "abc",
        f"{encode({})}.{encode({'iss': JWT})}",
        f"{encode({})}.{encode({'iss': JWT})}.a.b",
        f"{encode({})}.{encode(b'not json')}.a",
        f"{encode({})}.{encode([1])}.a",
        f"{encode({})}.{'!' * 8}.a",
        f"{encode({})}.{encode(b'[' * 5000)}.a",
        f"{encode({})}.{encode({'iss': JWT, 'x': 'y' * 70_000})}.a",
        "é.é.é",
    ],
)
async def test_what_is_no_token_is_refused(check: Check, token: str) -> None:
    assert await rejection(check, token) == (
        "InvalidAuthHeader",
        "Could not parse JWT payload. Check that the token is a valid JWT format with three "
        "base64-encoded parts separated by dots.",
    )


@pytest.mark.parametrize("issuer", [None, 5, ""])
async def test_token_without_issuer_is_refused(check: Check, issuer: Any) -> None:
    code, text = await rejection(check, ES.sign({**check.claims(JWT), "iss": issuer}))

    assert code == "InvalidAuthHeader"
    assert text.startswith("Missing issuer claim ('iss') in JWT payload. ")


@pytest.mark.parametrize("subject", [None, 5, ""])
@pytest.mark.parametrize(("issuer", "key"), [(OIDC, RS), (JWT, ES)])
async def test_token_without_subject_is_refused(
    check: Check, subject: Any, issuer: str, key: Any
) -> None:
    code, text = await rejection(check, key.sign(check.claims(issuer, sub=subject)))

    assert code == "InvalidAuthHeader"
    assert text.startswith("Missing subject claim ('sub')")


async def test_custom_token_without_key_id_is_refused(check: Check) -> None:
    code, text = await rejection(check, ES.sign(check.claims(JWT), kid=None))

    assert code == "InvalidAuthHeader"
    assert text == "Could not decode token. JWT may be missing a 'kid' (key ID) header."


async def test_custom_token_of_an_unknown_key_is_refused(check: Check) -> None:
    code, text = await rejection(check, ES.sign(check.claims(JWT), kid="K"))

    assert code == "InvalidAuthHeader"
    assert text == (
        "Could not decode token. The JWT's 'kid' (key ID) header is 'K', does this key match any "
        "key in the provider's JWKS?"
    )


async def test_oidc_token_needs_no_key_id_while_one_key_fits(check: Check) -> None:
    token = RS.sign(check.claims(OIDC), kid=None)
    assert (await check.validate(token)).user is not None

    other = Check()
    other.documents.documents[f"{OIDC}/keys"] = key_document(RS, signing_key("RS256", 2))
    assert await rejection(other, token) == ("Unauthenticated", OIDC_FAILURE)


def forged(check: Check, issuer: str, key: Any) -> dict[str, str]:
    """Return tokens that an attacker can make, by what they try."""
    claims = check.claims(issuer)
    good = key.sign(claims)
    head, payload, signature = good.split(".")
    other_payload = encode({**claims, "sub": "admin"})
    public = json.dumps(key.public).encode()
    stranger = signing_key(key.algorithm, 2)
    return {
        "other payload": f"{head}.{other_payload}.{signature}",
        "no signature": f"{head}.{payload}.",
        "cut signature": f"{head}.{payload}.{signature[:-4]}",
        "signature of nothing": f"{head}.{payload}.{'A' * len(signature)}",
        "malformed signature": f"{head}.{payload}.!!!",
        "key of somebody else under our id": stranger.sign(claims, kid=key.kid),
        "no algorithm": f"{encode({'alg': 'none', 'kid': key.kid})}.{payload}.",
        "no algorithm, spelled otherwise": f"{encode({'alg': 'None', 'kid': key.kid})}.{payload}.",
        "algorithm absent": f"{encode({'kid': key.kid})}.{payload}.{signature}",
        "algorithm of another type": f"{encode({'alg': ['RS256'], 'kid': key.kid})}.{payload}.x",
        "nested algorithm": f"{encode(nested(key.kid, 'alg'))}.{payload}.x",
        "nested key id": f"{encode(nested('RS256', 'kid'))}.{payload}.x",
        "public key as secret": hmac_token(public, claims, key.kid),
        "key in the header": stranger.sign(claims, kid=key.kid, jwk=stranger.public),
        "unknown extension": key.sign(claims, crit=["b64"], b64=True),
        "header that is no object": f"{encode([1])}.{payload}.{signature}",
    }


def nested(other: str, name: str) -> bytes:
    """Return a header with about as many levels as can be read."""
    levels = b"[" * 900 + b"]" * 900
    return b'{"alg":"%b","kid":"%b","%b":%b}' % (
        other.encode(),
        other.encode(),
        name.encode(),
        levels,
    )


def hmac_token(secret: bytes, claims: Any, kid: str) -> str:
    signed = f"{encode({'alg': 'HS256', 'kid': kid})}.{encode(claims)}"
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encode(digest)}"


FORGERIES = list(forged(Check(), JWT, ES))


@pytest.mark.parametrize("attempt", FORGERIES)
async def test_forged_oidc_token_is_refused(check: Check, attempt: str) -> None:
    token = forged(check, OIDC, RS)[attempt]

    assert await rejection(check, token) == ("Unauthenticated", OIDC_FAILURE)


@pytest.mark.parametrize("attempt", FORGERIES)
async def test_forged_custom_token_is_refused(check: Check, attempt: str) -> None:
    code, text = await rejection(check, forged(check, JWT, ES)[attempt])

    assert code in ("Unauthenticated", "InvalidAuthHeader")
    assert text.startswith(("Could not validate token: ", "Could not decode token. "))


@pytest.mark.parametrize(
    ("issuer", "algorithm"),
    [(OIDC, "ES256"), (OIDC, "RS512"), (OIDC, "PS256"), (JWT, "RS256"), (JWT, "ES384")],
)
async def test_algorithms_are_those_of_the_provider_whatever_keys_it_has(
    check: Check, issuer: str, algorithm: str
) -> None:
    key = signing_key(algorithm, 3)
    for url, document in check.documents.documents.items():
        if url.endswith("/keys"):
            listed = json.loads(document)  # type: ignore[arg-type]
            listed["keys"].append({k: v for k, v in key.public.items() if k != "alg"})
            check.documents.documents[url] = json.dumps(listed).encode()

    code, _ = await rejection(check, key.sign(check.claims(issuer)))

    assert code == "Unauthenticated"


async def test_weak_and_shared_keys_are_not_used() -> None:
    weak, shared = signing_key("RS256", 9, size=1024), signing_key("HS256")
    check = Check(CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="RS256"))
    check.documents.documents[JWT_KEYS] = json.dumps(
        {"keys": [weak.public, {**shared.key.as_dict(private=True), "kid": "s"}, {"kty": 5}, {}]}
    ).encode()

    code, _ = await rejection(check, weak.sign(check.claims(JWT)))
    assert code == "InvalidAuthHeader"
    code, _ = await rejection(check, shared.sign(check.claims(JWT), kid="s"))
    assert code == "Unauthenticated"


async def test_key_for_encryption_does_not_sign() -> None:
    check = Check(CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="ES256"))
    document = json.dumps({"keys": [{**ES.public, "use": "enc"}]}).encode()
    check.documents.documents[JWT_KEYS] = document

    code, _ = await rejection(check, ES.sign(check.claims(JWT)))

    assert code == "InvalidAuthHeader"


# Time


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ({"exp": None}, "Token has no expiration ('exp')"),
        ({"exp": -5}, "Token expired 5 seconds ago"),
        ({"exp": -4000}, "Token expired 4000 seconds ago"),
        ({"nbf": 6}, "Token will be valid in 6 seconds"),
        ({"iat": 60}, "Token will be valid in 60 seconds"),
    ],
)
async def test_token_that_is_not_good_now_is_refused(
    check: Check, times: dict[str, int | None], text: str
) -> None:
    shifted = {n: None if t is None else check.now + t for n, t in times.items()}

    code, message = await rejection(check, ES.sign(check.claims(JWT, **shifted)))
    assert (code, message) == ("Unauthenticated", f"Could not validate token: {text}")

    rejected = await rejection(check, RS.sign(check.claims(OIDC, **shifted)))
    assert rejected == ("Unauthenticated", OIDC_FAILURE)


@pytest.mark.parametrize("time", ["soon", True, 10**400, [], 1e300, -(10**30)])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
async def test_time_that_is_none_is_refused(check: Check, name: str, time: Any) -> None:
    code, text = await rejection(check, ES.sign(check.claims(JWT, **{name: time})))

    assert code == "Unauthenticated"
    assert text == f"Could not validate token: Expected '{name}' to be a time in seconds"


@pytest.mark.parametrize("times", [{"exp": -4}, {"nbf": 5}, {"iat": 5}])
@pytest.mark.parametrize(("issuer", "key"), [(OIDC, RS), (JWT, ES)])
async def test_clocks_may_differ_by_five_seconds(
    check: Check, times: dict[str, int], issuer: str, key: Any
) -> None:
    shifted = {name: check.now + time for name, time in times.items()}

    assert (await check.validate(key.sign(check.claims(issuer, **shifted)))).user is not None


@pytest.mark.parametrize(("expires_in", "good_for"), [(3600, 3600), (0.25, 0.25), (-2, 3)])
async def test_identity_is_good_as_long_as_its_token(
    check: Check, expires_in: float, good_for: float
) -> None:
    identity = await check.validate(ES.sign(check.claims(JWT, exp=check.now + expires_in)))

    assert identity.expires_at_ns == int((check.now + good_for) * 1e9)


async def test_token_needs_no_time_of_issue(check: Check) -> None:
    assert (await check.validate(ES.sign(check.claims(JWT, iat=None)))).user is not None


# Documents of providers


@pytest.mark.parametrize(
    "document", [b"", b"<html>", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[1]}']
)
async def test_document_that_is_no_key_set_is_told(check: Check, document: bytes) -> None:
    check.documents.documents[JWT_KEYS] = document

    code, text = await rejection(check, ES.sign(check.claims(JWT)))

    assert code == "Unauthenticated"
    assert text == (
        f"Invalid JWKS response body from '{JWT_KEYS}'. The response is not valid JSON or doesn't "
        "match the expected JWKS format."
    )


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b"nothing", "Invalid OIDC discovery response body from"),
        (b"{}", "to be of the issuer 'https://login.example', got none"),
        (b'{"issuer":"https://evil.example","jwks_uri":"https://login.example/keys"}', "evil"),
        (b'{"issuer":"https://login.example"}', "Expected `jwks_uri`"),
        (b'{"issuer":"https://login.example","jwks_uri":"http://x.example"}', "https address"),
        (b'{"issuer":"https://login.example","jwks_uri":"http://127.0.0.1/"}', "https address"),
    ],
)
async def test_discovery_must_lead_to_keys_of_the_issuer(
    check: Check, document: bytes, text: str
) -> None:
    check.documents.documents[f"{OIDC}/.well-known/openid-configuration"] = document

    code, message = await rejection(check, RS.sign(check.claims(OIDC)))

    assert code == "Unauthenticated"
    assert text in message
    assert check.documents.fetched == [f"{OIDC}/.well-known/openid-configuration"]


async def test_domain_with_a_path_is_discovered_below_it() -> None:
    check = Check(Oidc(domain="login.example/realms/x/", application_id=APP))
    url = "https://login.example/realms/x"
    check.documents.documents[f"{url}/.well-known/openid-configuration"] = json.dumps(
        {"issuer": url, "jwks_uri": f"{OIDC}/keys"}
    ).encode()

    assert (await check.validate(RS.sign(check.claims(url)))).user is not None


async def test_keys_in_the_configuration_are_not_fetched() -> None:
    url = f"data:application/json,{quote(key_document(ES).decode())}"
    check = Check(CustomJwt(issuer=JWT, jwks=url, algorithm="ES256"))

    assert (await check.validate(ES.sign(check.claims(JWT)))).user is not None
    code, _ = await rejection(check, ES.sign(check.claims(JWT), kid="other"))
    assert code == "InvalidAuthHeader"
    assert check.documents.fetched == []


async def test_token_is_in_no_repr_and_no_log(
    check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    token = ES.sign(check.claims(JWT, email="ann@example.com"))
    _, payload, signature = token.split(".")
    forged_token = token[:-6]

    shown = repr(Credentials("User", token, {"email": "ann@example.com"})) + repr(
        parse_token(token)
    )
    with caplog.at_level("DEBUG"):
        await rejection(check, forged_token)

    for secret in (payload, signature[:20], "ann@example.com"):
        assert secret not in shown
        assert secret not in caplog.text
    assert "Invalid signature" in caplog.text
