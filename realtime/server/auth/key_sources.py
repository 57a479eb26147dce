"""Where the keys of a provider are: in its JWKS document, which its configuration names, holds, or
leads to by OpenID Connect Discovery (contract 7.1, 7.2)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, cast

import msgspec

from realtime.clock import Clock
from realtime.errors import AuthenticationError
from realtime.runtime.auth_config import (
    DATA_SCHEME,
    AuthProvider,
    Oidc,
    may_lead_to,
    normalized_issuer,
    read_data_url,
)
from realtime.server.auth.cached_keys import CachedKeys, FixedKeys, KeySource
from realtime.server.auth.document_fetcher import DocumentFetcher
from realtime.server.auth.key_set import KeySet
from realtime.server.auth.rejections import invalid_document

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_OIDC_ALGORITHMS: Final = ("RS256", "EdDSA")


def algorithms_of(provider: AuthProvider) -> tuple[str, ...]:
    """Return the algorithms with which a provider may sign."""
    return _OIDC_ALGORITHMS if isinstance(provider, Oidc) else (provider.algorithm,)


def key_source_of(provider: AuthProvider, fetcher: DocumentFetcher, clock: Clock) -> KeySource:
    """Return the keys of a provider; nothing is fetched yet."""
    algorithms = algorithms_of(provider)
    if isinstance(provider, Oidc):
        issuer = normalized_issuer(provider.domain)
        return CachedKeys(lambda: _discover(fetcher, issuer, algorithms), clock)
    url = provider.jwks
    if url.startswith(DATA_SCHEME):
        keys = KeySet.decode(read_data_url(url), algorithms)
        assert keys is not None, "the document was checked when the app was loaded"
        return FixedKeys(keys)
    return CachedKeys(lambda: _load(fetcher, url, algorithms), clock)


async def _discover(fetcher: DocumentFetcher, issuer: str, algorithms: Collection[str]) -> KeySet:
    """Return the keys to which an issuer's description of itself leads."""
    url = f"{issuer}{_DISCOVERY_PATH}"
    description = _decode(await fetcher.fetch(url))
    if description is None:
        raise invalid_document("OIDC discovery", url)
    named, keys_url = description.get("issuer"), description.get("jwks_uri")
    if not isinstance(named, str) or normalized_issuer(named) != issuer:
        raise AuthenticationError(
            f"Expected the document at '{url}' to be of the issuer '{issuer}', "
            f"got {named if isinstance(named, str) else 'none'}"
        )
    if not isinstance(keys_url, str) or not may_lead_to(url, keys_url):
        raise AuthenticationError(
            f"Expected `jwks_uri` in the document at '{url}' to be an https address, "
            f"got {keys_url if isinstance(keys_url, str) else 'none'}"
        )
    return await _load(fetcher, keys_url, algorithms)


async def _load(fetcher: DocumentFetcher, url: str, algorithms: Collection[str]) -> KeySet:
    keys = KeySet.decode(await fetcher.fetch(url), algorithms)
    if keys is None:
        raise invalid_document("JWKS", url)
    return keys


def _decode(document: bytes) -> dict[str, Any] | None:
    try:
        content: object = msgspec.json.decode(document)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", content) if type(content) is dict else None
