"""Tables whose stub type checkers read: each way to declare a field or an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from more.audit import Entry

from realtime import UNSET, Document, Id, Index, Int64, Struct, Table, Unset, field, v

__all__ = ["Author", "Book", "Entry", "Person", "Size", "events"]

Genre = Literal["novel", "essay"]


class Size(Struct):
    """Centimetres."""

    width: float
    height: float | Unset = UNSET


@dataclass(frozen=True)
class Mark:
    """A place in a book."""

    page: int


class Review(TypedDict, total=False):
    """What somebody thinks of it."""

    stars: float
    text: str


class Person(Document, table="people"):
    """Somebody."""

    name: str
    self: str = ""

    by_name = Index("name")


class Author(Person, table="authors"):
    """Somebody who writes: with the fields and the indexes of a person."""

    pen_name: str | None

    by_pen_name = Index("pen_name", "name")


class Book(Document, table="books"):
    """A book, with every kind of field."""

    title: str
    author_id: Id[Author]
    genre: Genre
    pages: int = 0
    price: float | None
    size: Size | Unset = UNSET
    marks: list[Mark]
    reviews: dict[str, Review]
    code: Int64 | str
    scan: bytes | Unset = UNSET
    next: Id[Book] | Unset = UNSET
    extra: Any
    index: Annotated[float, v.integer()] = 0
    odd_name: str = field(default="", name="class")

    by_author = Index("author_id", "genre", "price")
    by_next = Index("next")
    by_width = Index("genre", "size.width")
    by_index = Index("index")  # a field may have any name


events = Table("events", v.any())
