"""Whether a token is good, and who it stands for (contract 7.2).

A token is untrusted until its signature has been checked with a key of the provider that it names;
up to there its claims only choose among what the app has configured: a provider by issuer and
audience, and a key by id.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from realtime.clock import Clock
from realtime.errors import AuthenticationError
from realtime.runtime.auth_config import AuthProvider, CustomJwt, normalized_issuer
from realtime.runtime.outcome import Identity
from realtime.server.auth.cached_keys import KeySource
from realtime.server.auth.document_fetcher import DocumentFetcher, HttpFetcher
from realtime.server.auth.key_set import has_signature_of
from realtime.server.auth.key_sources import algorithms_of, key_source_of
from realtime.server.auth.rejections import (
    no_provider,
    undecodable,
    unvalidated,
    unverified_oidc,
)
from realtime.server.auth.token_parts import Claims, UnverifiedToken, parse_token
from realtime.server.auth.user_claims import user_of_custom_jwt, user_of_oidc

_log = logging.getLogger("realtime.auth")

LEEWAY_SECONDS: Final = 5.0
"""How far the clocks of a provider and this server may be apart."""

_NS_PER_SECOND: Final = 1_000_000_000
_MAX_SECONDS: Final = 2.0**53
_SHOWN_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class TrustedProvider:
    """A provider, and where its keys are."""

    provider: AuthProvider
    keys: KeySource


class TokenValidator:
    """Checks the tokens of users."""

    def __init__(
        self,
        providers: Sequence[AuthProvider],
        clock: Clock,
        fetcher: DocumentFetcher,
        *,
        is_redacted: bool,
    ) -> None:
        """`fetcher` fetches the keys of the providers; it is closed with this object."""
        self._fetcher = fetcher
        self._providers = [
            TrustedProvider(provider, key_source_of(provider, fetcher, clock))
            for provider in providers
        ]
        self._clock = clock
        self._is_redacted = is_redacted

    async def validate(self, text: str) -> Identity:
        """Return the user that a token stands for.

        Raises:
            AuthenticationError: The token is not good.
            UnavailableError: It can't be checked now, as the provider can't be reached.
        """
        token = parse_token(text)
        trusted = self._choose(token)
        provider = trusted.provider
        try:
            claims = await _verified_claims(token, trusted)
            expires_at_ns = self._check_times(claims)
        except _RejectedError as rejected:
            _log.info("A token of %s was rejected: %r", provider, str(rejected))
            raise _rejection(provider, rejected) from rejected
        if isinstance(provider, CustomJwt):
            user = user_of_custom_jwt(claims)
        else:
            user = user_of_oidc(claims)
        return Identity(user=user, expires_at_ns=expires_at_ns)

    async def close(self) -> None:
        """Give up the fetches that are in flight."""
        for trusted in self._providers:
            await trusted.keys.close()
        await self._fetcher.close()

    def _choose(self, token: UnverifiedToken) -> TrustedProvider:
        issuer = normalized_issuer(token.issuer)
        for trusted in self._providers:
            provider = trusted.provider
            if normalized_issuer(provider.issuer) == issuer and (
                provider.application_id is None or provider.application_id in token.audiences
            ):
                return trusted
        providers = [trusted.provider for trusted in self._providers]
        raise no_provider(providers, is_redacted=self._is_redacted)

    def _check_times(self, claims: Claims) -> int:
        """Return when the token expires, in nanoseconds; _RejectedError if it is not good now.

        A token that is taken after its end, for the leeway, is good until the end of the leeway.
        """
        now = self._clock.now_ns() / _NS_PER_SECOND
        expires_at = _seconds(claims, "exp")
        if expires_at is None:
            raise _RejectedError("Token has no expiration ('exp')")
        if now >= expires_at + LEEWAY_SECONDS:
            raise _RejectedError(f"Token expired {now - expires_at:.0f} seconds ago")
        for name in ("nbf", "iat"):
            valid_from = _seconds(claims, name)
            if valid_from is not None and valid_from > now + LEEWAY_SECONDS:
                raise _RejectedError(f"Token will be valid in {valid_from - now:.0f} seconds")
        end = expires_at if now < expires_at else expires_at + LEEWAY_SECONDS
        return int(end * _NS_PER_SECOND)


def open_token_validator(
    providers: Sequence[AuthProvider], clock: Clock, *, is_redacted: bool
) -> TokenValidator:
    """Return what checks the tokens of providers, with keys fetched over HTTP."""
    return TokenValidator(providers, clock, HttpFetcher(), is_redacted=is_redacted)


class _RejectedError(Exception):
    """Why a token is not good."""


class _UndecodableError(_RejectedError):
    """The header of the token does not lead to a key."""


def _rejection(provider: AuthProvider, rejected: _RejectedError) -> AuthenticationError:
    if not isinstance(provider, CustomJwt):
        return unverified_oidc()
    if isinstance(rejected, _UndecodableError):
        return undecodable(str(rejected))
    return unvalidated(str(rejected))


async def _verified_claims(token: UnverifiedToken, trusted: TrustedProvider) -> Claims:
    """Return the claims of a token with a good signature."""
    header, algorithms = token.header, algorithms_of(trusted.provider)
    if header is None:
        raise _UndecodableError("The header of the JWT is not a JSON object in base64.")
    algorithm: object = header.get("alg")
    kid: object = header.get("kid")
    if not isinstance(kid, str) and (kid is not None or isinstance(trusted.provider, CustomJwt)):
        raise _UndecodableError("JWT may be missing a 'kid' (key ID) header.")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        expected = " or ".join(algorithms)
        raise _RejectedError(f"Expected the algorithm {expected}, got {_shown(algorithm)}")
    if "crit" in header:
        raise _RejectedError("Its header has extensions, which are not supported")
    key = (await trusted.keys.keys_with(kid)).find(kid, algorithm)
    if key is None:
        raise _UndecodableError(
            f"The JWT's 'kid' (key ID) header is '{_shown(kid)}', "
            "does this key match any key in the provider's JWKS?"
        )
    if not has_signature_of(key, algorithm, token.text):
        raise _RejectedError("Invalid signature")
    return token.claims


def _seconds(claims: Claims, name: str) -> float | None:
    """Return a time claim in seconds, None if there is none."""
    value: object = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or type(value) is bool or abs(value) > _MAX_SECONDS:
        raise _RejectedError(f"Expected '{name}' to be a time in seconds")
    return float(value)


def _shown(value: object) -> str:
    """Return something of a token for an error text; it may be anything that JSON can hold."""
    return value[:_SHOWN_LENGTH] if isinstance(value, str) else type(value).__name__
