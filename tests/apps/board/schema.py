"""A board of cards in lists."""

from __future__ import annotations

from realtime import Document, Index


class Card(Document, table="cards"):
    """One card; `rank` orders the cards of a list."""

    list_name: str
    rank: float
    done: bool

    by_list = Index("list_name")
    by_list_rank = Index("list_name", "rank")
