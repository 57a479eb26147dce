"""The credentials that HTTP requests and sockets carry (contract 1.2, 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from realtime.errors import AuthenticationError
from realtime.server.auth.rejections import INVALID_HEADER

_MIN_HEADER_LENGTH: Final = 7


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token of a user, the admin key, or nothing; not checked yet.

    `attributes` are those of the user as whom the holder of the admin key wants to act.
    """

    token_type: Literal["User", "Admin", "None"]
    token: str | None = field(default=None, repr=False)
    attributes: Mapping[str, Any] | None = field(default=None, repr=False)


NO_CREDENTIALS: Final = Credentials("None")


def parse_authorization(header: str | None, query_key: str | None) -> Credentials:
    """Return the credentials of a request.

    `query_key` is the query parameter `adminKey`, which stands in for an absent header.

    Raises:
        AuthenticationError: The header is none that clients send.
    """
    if header is None:
        return NO_CREDENTIALS if query_key is None else Credentials("Admin", query_key)
    if len(header) < _MIN_HEADER_LENGTH:
        raise AuthenticationError(
            "Authorization header is too short. Expected `Bearer <token>` or `Convex <admin key>`",
            code="InvalidHeaderFailure",
        )
    scheme, _, token = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return Credentials("User", token.strip())
        case "convex":
            return Credentials("Admin", token.strip())
        case _:
            raise AuthenticationError(
                f"Unknown scheme `{scheme}` in the Authorization header. "
                "Expected `Bearer <token>` or `Convex <admin key>`",
                code=INVALID_HEADER,
            )
