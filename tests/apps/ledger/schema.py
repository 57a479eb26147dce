"""Entries in lists: what is written, and what was seen of it."""

from __future__ import annotations

from realtime import Document, Index


class Entry(Document, table="entries"):
    """One line of a list."""

    list_name: str
    text: str

    by_list = Index("list_name")
