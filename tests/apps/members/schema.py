"""Notes with authors, and rooms of which some are private."""

from __future__ import annotations

from realtime import Document, Index


class Note(Document, table="notes"):
    author: str
    text: str

    by_author = Index("author")


class Room(Document, table="rooms"):
    title: str
    is_private: bool
