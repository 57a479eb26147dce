"""The tables of the app."""

from __future__ import annotations

from realtime import Document


class Note(Document, table="notes"):
    """One note on the board."""

    text: str
    done: bool
