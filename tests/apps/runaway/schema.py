"""Notes, to see who is served while somebody else's function runs away."""

from __future__ import annotations

from realtime import Document


class Note(Document, table="notes"):
    """A line of text."""

    text: str
