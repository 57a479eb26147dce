"""A validator over documents in memory, at a virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from realtime.errors import RealtimeError
from realtime.runtime.auth_config import AuthProvider, CustomJwt, Oidc
from realtime.runtime.outcome import Identity
from realtime.server.auth.token_validator import TokenValidator
from realtime.testing import VirtualClock
from tests.harness.tokens import key_document, signing_key

OIDC = "https://login.example"
OIDC_KEYS = "https://login.example/keys"
JWT = "https://jwt.example"
JWT_KEYS = "https://jwt.example/keys"
APP = "my-app"

PROVIDERS: tuple[AuthProvider, ...] = (
    Oidc(domain=OIDC, application_id=APP),
    CustomJwt(issuer=JWT, jwks=JWT_KEYS, algorithm="ES256", application_id=APP),
    CustomJwt(issuer="https://any.example", jwks=JWT_KEYS, algorithm="RS256"),
)


class Documents:
    """A fetcher of what a test has put in; counts, fails and holds as told."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self.documents: dict[str, bytes | RealtimeError] = dict(documents)
        self.fetched: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        await self.may_answer.wait()
        document = self.documents[url]
        if isinstance(document, RealtimeError):
            raise document
        return document

    async def close(self) -> None:
        """Nothing is open."""


def described(issuer: str = OIDC, keys_url: str = OIDC_KEYS) -> bytes:
    return json.dumps({"issuer": issuer, "jwks_uri": keys_url}).encode()


class Check:
    """A validator of tokens with its documents and clock."""

    def __init__(self, *providers: AuthProvider, is_redacted: bool = False) -> None:
        self.clock = VirtualClock()
        self.documents = Documents(
            {
                f"{OIDC}/.well-known/openid-configuration": described(),
                OIDC_KEYS: key_document(signing_key("RS256"), signing_key("EdDSA")),
                JWT_KEYS: key_document(signing_key("ES256"), signing_key("RS256")),
            }
        )
        self.validator = TokenValidator(
            providers or PROVIDERS, self.clock, self.documents, is_redacted=is_redacted
        )

    @property
    def now(self) -> int:
        return self.clock.now_ns() // 1_000_000_000

    def claims(self, issuer: str, **claims: Any) -> dict[str, Any]:
        """Return claims that are good for an hour; one of None is left out."""
        times = {"iat": self.now, "exp": self.now + 3600}
        members = {"iss": issuer, "sub": "ann", "aud": APP, **times, **claims}
        return {name: value for name, value in members.items() if value is not None}

    async def validate(self, token: str) -> Identity:
        return await self.validator.validate(token)
