"""From the claims of a token to the identity that functions see (contract 7.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from realtime.casing import wire_name
from realtime.errors import ValidationError
from realtime.runtime.user_identity import ATTRIBUTES, UserIdentity
from realtime.server.auth.rejections import invalid_token, missing_claim
from realtime.server.auth.token_parts import Claims

# What the signature covers is the token's business, and not that of functions. The last ones
# change with every refresh of a token of the same user.
_OF_THE_TOKEN: Final = frozenset({"iss", "sub", "aud", "exp", "iat", "jti", "nbf", "fva"})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    # Some providers send these as text.
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))


def _formatted(value: object) -> str | None:
    return _text(value.get("formatted")) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] of JSON


def _date_text(value: object) -> str | None:
    """Return a time as RFC 3339 text; it comes in seconds, from some providers as text."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            return None
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


_STANDARD: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "name": ("name", _text),
    "given_name": ("given_name", _text),
    "family_name": ("family_name", _text),
    "nickname": ("nickname", _text),
    "preferred_username": ("preferred_username", _text),
    "profile": ("profile_url", _text),
    "picture": ("picture_url", _text),
    "website": ("website_url", _text),
    "email": ("email", _text),
    "email_verified": ("email_verified", _flag),
    "gender": ("gender", _text),
    "birthdate": ("birthday", _text),
    "zoneinfo": ("timezone", _text),
    "locale": ("language", _text),
    "phone_number": ("phone_number", _text),
    "phone_number_verified": ("phone_number_verified", _flag),
    "address": ("address", _formatted),
    "updated_at": ("updated_at", _date_text),
}
"""The standard claims of OpenID Connect: claim to attribute, and how its value is read."""


def user_of_oidc(claims: Claims) -> UserIdentity:
    """Return the user of an OpenID Connect token.

    A standard claim that is not of its type is left out, and so is another claim that has the name
    of an attribute.

    Raises:
        AuthenticationError: the token does not say who the user is.
    """
    members: dict[str, Any] = {}
    for name, value in claims.items():
        if name in _STANDARD:
            attribute, read = _STANDARD[name]
            members[wire_name(attribute)] = read(value)
        elif name not in ATTRIBUTES and name not in _OF_THE_TOKEN:
            members[name] = value
    return _identity(claims, members)


def user_of_custom_jwt(claims: Claims) -> UserIdentity:
    """Return the user of any other token; its claims keep their names.

    Errors as `user_of_oidc`.
    """
    return _identity(claims, {n: v for n, v in claims.items() if n not in _OF_THE_TOKEN})


def _identity(claims: Claims, members: dict[str, Any]) -> UserIdentity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise missing_claim("subject", "sub")
    members.pop(wire_name("token_identifier"), None)
    return _checked({**members, "issuer": claims["iss"], "subject": subject})


def user_of_admin(attributes: Mapping[str, Any]) -> UserIdentity:
    """Return the user that the holder of the admin key wants to act as (contract 7.5).

    Raises:
        AuthenticationError: it is not clear who that is, or an attribute is not of its type.
    """
    return _checked(attributes)


def _checked(members: Mapping[str, Any]) -> UserIdentity:
    try:
        return UserIdentity.from_wire(members)
    except ValidationError as error:
        raise invalid_token(error.message) from error
