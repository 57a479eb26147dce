"""A token taken apart, before anything in it is to be believed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from realtime.server.auth.rejections import malformed_token, missing_claim

MAX_TOKEN_LENGTH: Final = 64 * 1024
_PARTS: Final = 3

Claims = Mapping[str, Any]

_decoder: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says of itself. `header` is None where it cannot be read."""

    text: str = field(repr=False)
    header: Claims | None
    claims: Claims = field(repr=False)
    issuer: str

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return for which applications the token says it is."""
        audience = self.claims.get("aud")
        if isinstance(audience, str):
            return (audience,)
        if isinstance(audience, list):
            return tuple(one for one in audience if isinstance(one, str))  # pyright: ignore[reportUnknownVariableType] of JSON
        return ()


def parse_token(text: str) -> UnverifiedToken:
    """Return the parts of a token.

    Raises:
        AuthenticationError: it is none, or does not say who issued it.
    """
    parts = text.split(".", _PARTS)
    if len(text) > MAX_TOKEN_LENGTH or len(parts) != _PARTS:
        raise malformed_token()
    claims = _decode(parts[1])
    if claims is None:
        raise malformed_token()
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise missing_claim("issuer", "iss")
    return UnverifiedToken(text, _decode(parts[0]), claims, issuer)


def _decode(part: str) -> dict[str, Any] | None:
    """Return the JSON object in a part of a token, None if there is none."""
    try:
        padding = "=" * (-len(part) % 4)
        content = base64.b64decode(part + padding, altchars=b"-_", validate=True)
        return _decoder.decode(content)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return None
