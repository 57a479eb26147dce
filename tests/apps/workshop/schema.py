"""One table for trying what handlers may and may not do."""

from __future__ import annotations

from realtime import Document, Index


class Note(Document, table="notes"):
    """A text under a label."""

    label: str
    text: str

    by_label = Index("label")
