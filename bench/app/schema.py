"""The chat tables that the load needs, and a long table to scan."""

from __future__ import annotations

from typing import Literal

from realtime import Document, Id, Index

Role = Literal["user", "assistant"]


class Repo(Document, table="repos"):
    """What sessions belong to."""

    name: str


class Session(Document, table="sessions"):
    """One chat."""

    repo_id: Id[Repo]
    user_id: str
    created_at: float
    last_active_at: float

    by_repoId = Index("repo_id")
    by_userId = Index("user_id")


class Message(Document, table="messages"):
    """One line of a chat."""

    session_id: Id[Session]
    role: Role
    content: str
    timestamp: float

    by_sessionId = Index("session_id")


class Entry(Document, table="entries"):
    """One row of the table that long scans read."""

    number: int
    text: str
