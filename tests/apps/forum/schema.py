"""Posts in lists, each of whoever wrote it."""

from __future__ import annotations

from realtime import Document, Index


class Post(Document, table="posts"):
    """One post; its text is unique."""

    list_name: str
    author: str
    text: str
    likes: float

    by_list = Index("list_name")
    by_list_likes = Index("list_name", "likes")
    by_author = Index("author")
    by_text = Index("text")
