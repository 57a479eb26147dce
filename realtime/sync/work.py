"""What a session wants its driver to start, handed out one piece at a time by `next_work()`.

A piece of work carries all that it needs, among it the identity of the client at the moment at
which its message was received: an `Authenticate` behind it does not change who asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

IdentityT = TypeVar("IdentityT")
"""What the server knows a caller by; the machine only carries it."""


class StartMutation(msgspec.Struct, Generic[IdentityT], frozen=True):
    """Run a mutation after those started before; `args` is JSON text, not yet checked."""

    request_id: int
    path: str
    args: bytes
    component_path: str | None
    identity: IdentityT


class StartAction(msgspec.Struct, Generic[IdentityT], frozen=True):
    """Run an action; `args` is JSON text, not yet checked."""

    request_id: int
    path: str
    args: bytes
    component_path: str | None
    identity: IdentityT


@dataclass(frozen=True, slots=True)
class StartAuthentication:
    """Check a token or key, and say `authenticated` or `authentication_failed`.

    `attributes` are those of the identity that an admin wants to act as, in wire names.
    """

    token_type: Literal["User", "Admin", "None"]
    token: str | None = field(repr=False)
    attributes: dict[str, Any] | None


class RemoveQuery(msgspec.Struct, frozen=True):
    """Give up the subscription of a query, if it has one by now."""

    query_id: int


Work: TypeAlias = (
    StartMutation[IdentityT] | StartAction[IdentityT] | StartAuthentication | RemoveQuery
)
