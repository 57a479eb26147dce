"""Parcels that were delivered."""

from __future__ import annotations

from realtime import Document, Index


class Parcel(Document, table="parcels"):
    """One delivery."""

    to: str
    content: str

    by_to = Index("to")
