"""Which client speaks, as it says itself: `npm-1.48.0`, `python-0.8.1`, `npm-cli-1.2.3-alpha.1`.

Browsers cannot set headers on a WebSocket, so the npm client has its version in the path; the
others send the header `Convex-Client` (contract 1.1, 2.1). What is not understood is a client
without a version: it is served like any other, without what only known versions can take.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

HEADER: Final = "convex-client"

_PRE_RELEASE: Final = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMANTIC_VERSION: Final = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    rf"(?:-({_PRE_RELEASE}(?:\.{_PRE_RELEASE})*))?(?:\+[0-9a-zA-Z.-]+)?",
    re.ASCII,
)
_MAX_LENGTH: Final = 128
_FIRST_WITH_CHUNKS: Final = {"npm": "1.28.0", "realtime": "0.1.0"}
_FIRST_SUPPORTED: Final = {"npm": "0.19.2-0", "python": "0.0.3-0"}

Precedence: TypeAlias = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
"""What versions compare by: semver.org, rule 11. A release comes after its pre-releases."""

_RELEASE: Final = ((2, 0, ""),)


class ClientVersion(NamedTuple):
    """A client's name and what its version compares by; None if it told none that can be read."""

    name: str
    precedence: Precedence | None

    def is_before(self, version: str) -> bool:
        """Return whether the client has told a version, and an earlier one than this."""
        return self.precedence is not None and self.precedence < _known_precedence(version)

    @property
    def takes_chunks(self) -> bool:
        """Return whether a large transition may come in parts (contract 1.12)."""
        first = _FIRST_WITH_CHUNKS.get(self.name)
        return first is not None and self.precedence is not None and not self.is_before(first)

    @property
    def is_unsupported(self) -> bool:
        """Return whether the client is too old for this protocol (contract 1.1)."""
        first_supported = _FIRST_SUPPORTED.get(self.name)
        return first_supported is not None and self.is_before(first_supported)


UNKNOWN: Final = ClientVersion("unknown", None)


def client_of_path(version: str) -> ClientVersion:
    """Return the npm client that has this version in its path."""
    return ClientVersion("npm", precedence(version))


@lru_cache(maxsize=64)
def client_of_header(header: str | None) -> ClientVersion:
    """Return the client that sends this `Convex-Client` header, maybe none.

    The version is the longest semantic version behind a dash, so a name may have dashes itself.
    """
    if not header or len(header) > _MAX_LENGTH:
        return UNKNOWN
    parts = header.split("-")
    for count in range(1, len(parts)):
        found = precedence("-".join(parts[count:]))
        if found is not None:
            return ClientVersion("-".join(parts[:count]), found)
    return ClientVersion(parts[0], None)


def deprecation_headers(client: ClientVersion) -> dict[str, str]:
    """Return the headers that tell an old client, or whoever reads its logs, to be updated."""
    if not client.is_unsupported:
        return {}
    return {
        "x-convex-deprecation-state": "Deprecated",
        "x-convex-deprecation-message": (
            f"This version of the {client.name} client is too old for this server. Update it"
        ),
    }


def precedence(version: str) -> Precedence | None:
    """Return what a semantic version compares by; None if it is none."""
    match = _SEMANTIC_VERSION.fullmatch(version) if len(version) <= _MAX_LENGTH else None
    if match is None:
        return None
    major, minor, patch, pre_release = match.groups()
    identifiers = _RELEASE if pre_release is None else tuple(map(_ranked, pre_release.split(".")))
    return int(major), int(minor), int(patch), identifiers


def _ranked(identifier: str) -> tuple[int, int, str]:
    """Return a part of a pre-release so that numbers come before words."""
    return (0, int(identifier), "") if identifier.isdigit() else (1, 0, identifier)


@lru_cache(maxsize=16)
def _known_precedence(version: str) -> Precedence:
    found = precedence(version)
    assert found is not None
    return found
