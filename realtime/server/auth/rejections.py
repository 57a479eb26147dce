"""Why a token was not accepted, in the words of the contract (7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from realtime.errors import AuthenticationError, UnavailableError
from realtime.runtime.auth_config import AuthProvider

INVALID_HEADER: Final = "InvalidAuthHeader"
NO_PROVIDER: Final = "NoAuthProvider"
TOKEN_EXPIRED: Final = "TokenExpired: Convex token identity expired"
"""What a client reads whose token has expired while it was connected (contract 1.10)."""


def invalid_token(message: str) -> AuthenticationError:
    """Return the error of a token that is none, or lacks what every token has."""
    return AuthenticationError(message, code=INVALID_HEADER)


def malformed_token() -> AuthenticationError:
    """Return the error of what is no token at all."""
    return invalid_token(
        "Could not parse JWT payload. Check that the token is a valid JWT format with three "
        "base64-encoded parts separated by dots."
    )


def missing_claim(words: str, name: str) -> AuthenticationError:
    """Return the error of a token without a claim that is always needed."""
    return invalid_token(
        f"Missing {words} claim ('{name}') in JWT payload. The provider of the token must set it."
    )


def no_provider(providers: Sequence[AuthProvider], *, is_redacted: bool) -> AuthenticationError:
    """Return the error of a token that nobody whom the app trusts has issued for it."""
    text = "No auth provider found matching the given token"
    if is_redacted:
        return AuthenticationError(text, code=NO_PROVIDER)
    if not providers:
        text += " (no providers configured). List your providers in `auth_config.py`"
    else:
        text += (
            ". Check that your JWT's issuer and audience match one of your configured providers: "
            f"[{', '.join(map(str, providers))}]"
        )
    return AuthenticationError(text, code=NO_PROVIDER)


def unverified_oidc() -> AuthenticationError:
    """Return the error of an OpenID Connect token with any fault behind its issuer."""
    return AuthenticationError(
        "Could not verify OIDC token claim. Check that the token signature is valid and the "
        "token hasn't expired."
    )


def undecodable(reason: str) -> AuthenticationError:
    """Return the error of a token whose header does not lead to a key."""
    return invalid_token(f"Could not decode token. {reason}")


def unvalidated(reason: str) -> AuthenticationError:
    """Return the error of a token that was decoded and is not good, or not now."""
    return AuthenticationError(f"Could not validate token: {reason}")


def invalid_document(kind: str, url: str) -> AuthenticationError:
    """Return the error of a provider whose documents are not what they should be."""
    return AuthenticationError(
        f"Invalid {kind} response body from '{url}'. The response is not valid JSON or doesn't "
        f"match the expected {kind} format."
    )


def unreachable_provider() -> UnavailableError:
    """Return the error of a token that can't be checked now; the same one may be good later."""
    return UnavailableError(
        "The keys of the auth provider can't be fetched at the moment. Try again later",
        code="AuthProviderUnavailable",
    )
