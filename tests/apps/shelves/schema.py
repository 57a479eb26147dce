"""Books on shelves, to be read in pages."""

from __future__ import annotations

from realtime import Document, Index


class Book(Document, table="books"):
    """A book at a place of its shelf; a secret one is only seen by those who ask for it."""

    shelf: str
    place: float
    title: str
    is_secret: bool = False

    by_shelf = Index("shelf", "place")
