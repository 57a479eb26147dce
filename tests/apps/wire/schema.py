"""Entries of lists, for tests of what travels between clients and server."""

from __future__ import annotations

from realtime import Document, Index


class Entry(Document, table="entries"):
    """A line of a list."""

    list_name: str
    text: str

    by_list = Index("list_name")
