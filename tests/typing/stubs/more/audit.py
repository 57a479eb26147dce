"""A table that is declared in a module of its own."""

from __future__ import annotations

from realtime import Document, Index


class Entry(Document, table="entries"):
    """Who did what."""

    who: str
    what: str

    by_who = Index("who")
