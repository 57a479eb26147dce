"""Signing tokens as identity providers do."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey


@dataclass(frozen=True)
class SigningKey:
    """A private key with its id and algorithm."""

    kid: str
    algorithm: str
    key: Key

    @property
    def public(self) -> dict[str, Any]:
        """Return the key as a JWKS document lists it."""
        described = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        return {**self.key.as_dict(private=False), **described}

    def sign(self, claims: Mapping[str, Any] | bytes, **header: Any) -> str:
        """Return a token; a header member of None is left out."""
        members = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **header}
        protected = {name: value for name, value in members.items() if value is not None}
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        registry = jws.JWSRegistry(
            algorithms=list(jws.JWSRegistry.algorithms), strict_check_header=False
        )
        registry.get_alg = jws.JWSRegistry.algorithms.__getitem__  # type: ignore[method-assign]
        return jws.serialize_compact(protected, payload, self.key, registry=registry)


@cache
def signing_key(algorithm: str, number: int = 1, *, size: int = 2048) -> SigningKey:
    """Return the key of this number; always the same one in a process."""
    key: Key
    match algorithm:
        case "RS256" | "RS512" | "PS256":
            with warnings.catch_warnings(category=SecurityWarning, action="ignore"):
                key = RSAKey.generate_key(size)  # it warns of small ones, which tests want
        case "ES256":
            key = ECKey.generate_key("P-256")
        case "ES384":
            key = ECKey.generate_key("P-384")
        case "EdDSA":
            key = OKPKey.generate_key("Ed25519")
        case _:
            key = OctKey.generate_key(256)
    return SigningKey(f"{algorithm}-{number}", algorithm, key)


def key_document(*keys: SigningKey) -> bytes:
    """Return a JWKS document."""
    return json.dumps({"keys": [key.public for key in keys]}).encode()
