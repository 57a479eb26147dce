"""What a program can know about its connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ConnectionState: TypeAlias = Literal["connecting", "connected", "reconnecting", "closed"]


@dataclass(frozen=True, slots=True)
class Status:
    """The connection of a client, and whether the server has accepted who it is."""

    connection: ConnectionState
    is_authenticated: bool = False
    reason: str | None = None
    """Why there is no connection, where that is known."""
