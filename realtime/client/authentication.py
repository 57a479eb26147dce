"""Who a client is: its token or key, and when another one is needed.

A fixed token is used until it is refused. A fetcher is asked for a token first, and again before
that one ends or when the server refuses it, then with the order to get a fresh one. While the
first token or one for a refused one is awaited nothing is sent, so that no call runs as somebody
else. How long a fresh token lasts follows from its own `iat` and `exp`, whatever the clock of this
machine says. Source: contract 1.10, 7.4.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

_MAX_REFUSALS: Final = 2
"""After so many refused tokens in a row no fresher one is asked for."""
_LEEWAY_SECONDS: Final = 10.0
_LEAST_DELAY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class UserToken:
    """A token of a user (a JWT)."""

    text: str


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The admin key, with which internal functions can be called too."""

    text: str


Credential: TypeAlias = UserToken | AdminKey


class Authentication:
    """The present credential, and what is known about it."""

    def __init__(self) -> None:
        self.credential: Credential | None = None
        self.is_awaited = False
        """Whether a token has to come before anything is sent; changed with each input."""
        self.is_confirmed = False
        """Whether the server has accepted the credential."""
        self._has_fetcher = False
        self._is_fresh = False
        self._fetched_at_seconds = 0.0
        self._refusals = 0
        self._is_planned = False
        """Whether it has been said when to replace the present token."""

    def use(self, credential: Credential | None) -> None:
        """Take a fixed credential, None for nobody."""
        self._begin(credential, has_fetcher=False)

    def await_first_token(self) -> None:
        """Wait for a token of a fetcher."""
        self._begin(self.credential, has_fetcher=True)

    def receive_token(self, token: str | None, *, is_fresh: bool, now_seconds: float) -> bool:
        """Take what the fetcher gave, None for nobody; say whether it is another than before.

        Args:
            token: The token.
            is_fresh: Whether the fetcher was ordered to get a new one.
            now_seconds: Wall time.
        """
        self.is_awaited = False
        credential = None if token is None else UserToken(token)
        self._is_fresh, self._fetched_at_seconds = is_fresh, now_seconds
        if credential == self.credential:
            return False
        self.credential, self.is_confirmed, self._is_planned = credential, False, False
        return True

    def confirm(self) -> float | None:
        """Note that the server has accepted the credential.

        Returns:
            After how many seconds to fetch a fresh one; None: as was said of this token before,
            or never.
        """
        self.is_confirmed = self.credential is not None
        self._refusals = 0
        if self._is_planned or not self._has_fetcher or not isinstance(self.credential, UserToken):
            return None
        self._is_planned = True
        life = _Life.of(self.credential.text)
        if life is None:
            return None
        length = life.exp - life.iat
        left = length if self._is_fresh else min(life.exp - self._fetched_at_seconds, length)
        return max(left - min(_LEEWAY_SECONDS, length / 2), _LEAST_DELAY_SECONDS)

    def refuse(self) -> bool:
        """Note that the server has refused the credential; say whether a fresh token may help.

        If not, the client is nobody from here on.
        """
        self._refusals += 1
        if self._has_fetcher and self._refusals <= _MAX_REFUSALS:
            self.is_awaited, self.is_confirmed, self._is_planned = True, False, False
            return True
        self.use(None)
        return False

    def _begin(self, credential: Credential | None, *, has_fetcher: bool) -> None:
        self.credential = credential
        self.is_awaited = self._has_fetcher = has_fetcher
        self.is_confirmed = self._is_planned = False
        self._refusals = 0


class _Life(msgspec.Struct):
    """When a token begins and ends, in seconds since the epoch."""

    iat: float
    exp: float

    @staticmethod
    def of(token: str) -> _Life | None:
        """Return the life of a token; None if it is not one that tells."""
        try:
            payload = token.split(".")[1]
            padded = payload.replace("-", "+").replace("_", "/") + "=" * (-len(payload) % 4)
            return msgspec.json.decode(binascii.a2b_base64(padded), type=_Life)
        except (IndexError, ValueError, msgspec.DecodeError):
            return None
