"""Who holders of the admin key are, and as whom they may act."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest

from realtime.clock import SystemClock
from realtime.errors import AuthenticationError
from realtime.runtime.outcome import ADMIN, ANONYMOUS
from realtime.server.admin_key import AdminKey
from realtime.server.auth.authenticator import Authenticator, NoTokens, open_authenticator
from realtime.server.auth.credentials import NO_CREDENTIALS, Credentials
from tests.harness.tokens import signing_key
from tests.unit.server.auth.token_check import JWT, Check

KEY = AdminKey("chat", "0123abcd")
ANN = {"issuer": "https://i.example", "subject": "ann", "name": "Ånn 🙂"}


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(KEY, NoTokens(is_redacted=False))


def admin(token: str, attributes: Any = None) -> Credentials:
    return Credentials("Admin", token, attributes)


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return base64.b64encode(text).decode()


def test_holder_of_the_key_is_the_admin(authenticator: Authenticator) -> None:
    assert authenticator.identity_of_key(admin("chat|0123abcd")) == ADMIN


def test_caller_without_a_token_is_anonymous(authenticator: Authenticator) -> None:
    assert authenticator.identity_of_key(NO_CREDENTIALS) == ANONYMOUS


@pytest.mark.parametrize(
    "credentials",
    [
        admin("chat|0123abcd", ANN),
        admin(f"chat|0123abcd:{encoded(ANN)}"),
    ],
)
def test_admin_may_act_as_a_user(authenticator: Authenticator, credentials: Credentials) -> None:
    identity = authenticator.identity_of_key(credentials)

    assert identity.is_admin
    assert identity.user is not None
    assert identity.user.to_wire() == {**ANN, "tokenIdentifier": "https://i.example|ann"}
    assert identity.expires_at_ns is None


def test_key_with_a_colon_is_not_cut() -> None:
    authenticator = Authenticator(AdminKey("prod:chat", "a:b"), NoTokens(is_redacted=False))

    assert authenticator.identity_of_key(admin("prod:chat|a:b")) == ADMIN
    acting = authenticator.identity_of_key(admin(f"prod:chat|a:b:{encoded(ANN)}"))
    assert acting.user is not None


@pytest.mark.parametrize(
    "key",
    [
        "chat|wrong",
        "",
        ":",
        "chat|0123abcd ",
        f"chat|wrong:{encoded(ANN)}",
        f"{encoded(ANN)}:chat|0123abcd",
    ],
)
def test_other_key_is_rejected_with_the_code_of_the_contract(
    authenticator: Authenticator, key: str
) -> None:
    for attributes in (None, ANN):
        with pytest.raises(AuthenticationError, match="invalid for deployment 'chat'") as caught:
            authenticator.identity_of_key(admin(key, attributes))

        assert caught.value.code == "BadDeployKey"


@pytest.mark.parametrize("given", ["", "!", encoded([1]), encoded(b"{"), encoded(b"[" * 9000), "é"])
def test_identity_to_act_as_must_be_an_object(authenticator: Authenticator, given: str) -> None:
    with pytest.raises(AuthenticationError, match="Expected a JSON object in base64") as caught:
        authenticator.identity_of_key(admin(f"chat|0123abcd:{given}"))

    assert caught.value.code == "InvalidAuthHeader"


def test_identity_to_act_as_must_say_who_it_is(authenticator: Authenticator) -> None:
    expected = 'Either "tokenIdentifier" or "issuer" and "subject" must be set'
    for credentials in (admin("chat|0123abcd", {}), admin(f"chat|0123abcd:{encoded({})}")):
        with pytest.raises(AuthenticationError) as caught:
            authenticator.identity_of_key(credentials)

        assert caught.value.message == expected


@pytest.mark.asyncio
async def test_token_of_a_user_is_rejected_while_no_provider_is_configured(
    authenticator: Authenticator,
) -> None:
    token = signing_key("ES256").sign(Check().claims(JWT))

    with pytest.raises(AuthenticationError) as caught:
        await authenticator.authenticate(Credentials("User", token))
    assert caught.value.code == "NoAuthProvider"
    assert "(no providers configured)" in caught.value.message

    with pytest.raises(AuthenticationError) as caught:
        await authenticator.authenticate(Credentials("User", "a.b.c"))
    assert caught.value.code == "InvalidAuthHeader"

    redacted = open_authenticator(KEY, (), SystemClock(), is_redacted=True)
    with pytest.raises(AuthenticationError) as caught:
        await redacted.authenticate(Credentials("User", token))
    assert caught.value.message == "No auth provider found matching the given token"


@pytest.mark.asyncio
async def test_users_are_authenticated_by_their_tokens() -> None:
    check = Check()
    authenticator = Authenticator(KEY, check.validator)

    token = signing_key("ES256").sign(check.claims(JWT))
    identity = await authenticator.authenticate(Credentials("User", token))

    assert identity.user is not None
    assert not identity.is_admin
    await authenticator.close()


def test_app_without_providers_does_not_load_what_checks_tokens() -> None:
    code = "import sys, realtime.server.application; print({'joserfc', 'httpx'} & {*sys.modules})"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert printed.stdout == b"set()\n"
