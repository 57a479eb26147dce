"""Who is behind the credentials of a call or a socket (contract 7.2, 7.5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

import msgspec

from realtime.clock import Clock
from realtime.errors import AuthenticationError
from realtime.runtime.auth_config import AuthProvider
from realtime.runtime.outcome import ADMIN, ANONYMOUS, Identity
from realtime.server.admin_key import AdminKey, bad_admin_key
from realtime.server.auth.credentials import Credentials
from realtime.server.auth.rejections import invalid_token, no_provider
from realtime.server.auth.token_parts import parse_token
from realtime.server.auth.user_claims import user_of_admin

_SEPARATOR: Final = ":"


class TokenCheck(Protocol):
    """Checks the tokens of users."""

    async def validate(self, text: str) -> Identity:
        """Return the user that a token stands for.

        Raises:
            AuthenticationError: The token is not good.
            UnavailableError: It can't be checked now.
        """
        ...

    async def close(self) -> None:
        """Give up what is in flight."""
        ...


class Authenticator:
    """Tells who callers are, by the admin key and the app's providers."""

    def __init__(self, admin_key: AdminKey, tokens: TokenCheck) -> None:
        self._admin_key = admin_key
        self._tokens = tokens

    @property
    def deployment_name(self) -> str:
        """Return the name of the deployment, which is not secret."""
        return self._admin_key.name

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return who the holder of the credentials is; errors as `TokenCheck.validate`."""
        if credentials.token_type == "User":
            return await self.identity_of_user(credentials)
        return self.identity_of_key(credentials)

    async def identity_of_user(self, credentials: Credentials) -> Identity:
        """Return whom a user's token stands for; errors as `TokenCheck.validate`."""
        return await self._tokens.validate(credentials.token or "")

    def identity_of_key(self, credentials: Credentials) -> Identity:
        """Return who the holder of the admin key, or of nothing, is.

        Raises:
            AuthenticationError: It is another key, or it is not clear as whom to act.
        """
        key, attributes = credentials.token, credentials.attributes
        if credentials.token_type == "None" or key is None:
            return ANONYMOUS
        if not self._admin_key.matches(key):
            key, _, encoded = key.rpartition(_SEPARATOR)
            if not self._admin_key.matches(key):
                raise self.bad_key()
            attributes = _decode_attributes(encoded)
        if attributes is None:
            return ADMIN
        return Identity(is_admin=True, user=user_of_admin(attributes))

    def bad_key(self) -> AuthenticationError:
        """Return the error of a call that needs the admin key and came with none or another."""
        return bad_admin_key(self._admin_key.name)

    async def change_tokens(self, tokens: TokenCheck) -> None:
        """Check tokens in another way from here on, and close the check of before."""
        before, self._tokens = self._tokens, tokens
        await before.close()

    async def close(self) -> None:
        """Give up what is in flight."""
        await self._tokens.close()


class NoTokens:
    """The check of tokens of an app that has no providers."""

    def __init__(self, *, is_redacted: bool) -> None:
        self._is_redacted = is_redacted

    async def validate(self, text: str) -> Identity:
        """Refuse; what is no token at all is told so."""
        parse_token(text)
        raise no_provider((), is_redacted=self._is_redacted)

    async def close(self) -> None:
        """Do nothing."""


def open_authenticator(
    admin_key: AdminKey, providers: Sequence[AuthProvider], clock: Clock, *, is_redacted: bool
) -> Authenticator:
    """Return what authenticates the callers of an app; nothing is fetched yet."""
    return Authenticator(admin_key, open_token_check(providers, clock, is_redacted=is_redacted))


def open_token_check(
    providers: Sequence[AuthProvider], clock: Clock, *, is_redacted: bool
) -> TokenCheck:
    """Return what checks the tokens of users; nothing is fetched yet."""
    if not providers:
        return NoTokens(is_redacted=is_redacted)
    # Here, as what it imports takes long and is of no use to apps without providers.
    from realtime.server.auth.token_validator import open_token_validator

    return open_token_validator(providers, clock, is_redacted=is_redacted)


def _decode_attributes(encoded: str) -> Mapping[str, Any]:
    try:
        attributes: object = msgspec.json.decode(base64.b64decode(encoded, validate=True))
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        attributes = None
    if type(attributes) is not dict:
        raise invalid_token(
            "Expected a JSON object in base64 behind the `:` of the admin key, the identity to "
            "act as, got something else"
        )
    return cast("dict[str, Any]", attributes)
