"""What functions do with a schema that has a stub; nothing in it is an error."""

from __future__ import annotations

from typing import Any, TypeVar, assert_type

from realtime import (
    UNSET,
    Bound,
    Document,
    Id,
    Index,
    Int64,
    MutationCtx,
    QueryCtx,
    TableQuery,
    gt,
    gte,
    internal_mutation,
    lt,
    lte,
    mutation,
    query,
)
from schema import Author, Book, Entry, Genre, Mark, Person, Size

D = TypeVar("D", bound=Document)


@mutation
async def patches(ctx: MutationCtx, book_id: Id[Book], author_id: Id[Author]) -> None:
    await ctx.db.patch(book_id, title="a", pages=5, price=None)
    await ctx.db.patch(book_id, author_id=author_id, genre="novel", code=Int64(5))
    await ctx.db.patch(book_id, size=Size(width=1), marks=[Mark(page=1)], scan=b"")
    await ctx.db.patch(book_id, size=UNSET, scan=UNSET, next=UNSET, odd_name=UNSET)
    await ctx.db.patch(book_id, reviews={"ada": {"stars": 5}}, extra=object(), price=1, index=2)
    await ctx.db.patch(book_id)
    await ctx.db.patch(Book, book_id, next=book_id, code="x")
    await ctx.db.patch(author_id, name="Ada", self="me", pen_name=None)
    await ctx.db.patch("books", book_id, {"title": "a"})
    book = await ctx.db.get(book_id)
    if book is not None:
        await ctx.db.patch(book.id, title=book.title, size=book.size, genre=book.genre)
        await ctx.db.replace(
            Book,
            book.id,
            title="a",
            author_id=author_id,
            genre="essay",
            price=1,
            marks=[],
            reviews={},
            code="",
            extra=None,
        )


@internal_mutation
async def replaces(ctx: MutationCtx, entry_id: Id[Entry], author_id: Id[Author]) -> None:
    await ctx.db.replace(entry_id, who="ada", what="reads")
    await ctx.db.replace(Entry, entry_id, who="ada", what="reads")
    await ctx.db.replace(author_id, name="Ada", pen_name=None)
    await ctx.db.replace("entries", entry_id, {"who": "ada", "what": "reads"})
    await ctx.db.insert(Author, name="Ada", pen_name=None)


@internal_mutation
async def any_fields(ctx: MutationCtx, any_id: Id[Any], fields: dict[str, Any]) -> None:
    await ctx.db.patch(any_id, **fields)
    await ctx.db.patch(any_id, title="a")
    await ctx.db.replace(any_id, **fields)
    await ctx.db.patch("events", any_id, fields)
    await ctx.db.query("events").with_index("by_kind", kind="a").collect()


@internal_mutation
async def either(ctx: MutationCtx, id: Id[Book] | Id[Entry], fields: dict[str, Any]) -> None:
    await ctx.db.patch(id, **fields)


async def of_any_class(ctx: MutationCtx, table: type[D], id: Id[D]) -> list[D]:
    await ctx.db.patch(id, touched=1)
    await ctx.db.patch(table, id, touched=1)
    return await ctx.db.query(table).with_index("by_creation_time").collect()


@query
async def by_index(ctx: QueryCtx, author_id: Id[Author], genre: Genre) -> list[Book]:
    books = ctx.db.query(Book)
    found = books.with_index(Book.by_author, author_id=author_id)
    assert_type(found, TableQuery[Book])
    assert_type(await found.order("desc").first(), Book | None)
    return await found.collect()


@query
async def ranges(ctx: QueryCtx, author_id: Id[Author], book_id: Id[Book], genre: Genre) -> None:
    books = ctx.db.query(Book)
    books.with_index(Book.by_author)
    books.with_index("by_author", gt("author_id", author_id))
    books.with_index("by_author", author_id=author_id, genre="novel")
    books.with_index(Book.by_author, genre=genre, author_id=author_id, price=None)
    books.with_index(
        Book.by_author, gte("price", 1), lt("price", 5.5), author_id=author_id, genre=genre
    )
    books.with_index(Book.by_author, Book.by_author.price > 1, author_id=author_id, genre=genre)
    books.with_index(
        Book.by_author,
        gt("creation_time", 1),
        lte("creation_time", 5),
        author_id=author_id,
        genre=genre,
        price=1,
    )
    books.with_index(Book.by_next, next=UNSET)
    books.with_index(Book.by_next, Book.by_next.creation_time >= 1.5, next=book_id)
    books.with_index(Book.by_next, Book.by_next.id > book_id, next=book_id, creation_time=1)
    books.with_index(Book.by_width, gt("size.width", 5), genre=genre)
    books.with_index(Book.by_width, Book.by_width.size.width > 5, genre=genre)
    books.with_index(Book.by_width, genre="novel", **{"size.width": 5})
    books.with_index(Book.by_index, index=1)
    books.with_index("by_creation_time", gt("creation_time", ctx.now()))
    books.with_index("by_id", id=book_id)
    books.full_table_scan()
    books.order("asc").filter(lambda book: book.title == "a")


@query
async def inherited(ctx: QueryCtx) -> None:
    assert_type(
        await ctx.db.query(Person).with_index(Person.by_name, name="a").first(), Person | None
    )
    authors = ctx.db.query(Author)
    assert_type(await authors.with_index(Author.by_name, name="a").first(), Author | None)
    await ctx.db.query(Author).with_index(Author.by_pen_name, pen_name=None, name="a").first()
    await ctx.db.query(Entry).with_index(Entry.by_who, who="ada").collect()


def passed_on(books: TableQuery[Book], index: Index) -> TableQuery[Book]:
    return books.order("desc")


@query
async def helped(ctx: QueryCtx) -> list[Book]:
    return await passed_on(ctx.db.query(Book), Book.by_next).collect()


async def of_either(ctx: QueryCtx, table: type[Book] | type[Entry], untyped: Any) -> None:
    await ctx.db.query(table).first()
    await ctx.db.query(untyped).with_index("by_any", anything=1).first()


async def chosen(ctx: QueryCtx, newest: bool, author_id: Id[Author], cursor: float | None) -> None:
    bounds: list[Bound] = [] if cursor is None else [gt("creation_time", cursor)]
    books = ctx.db.query(Book).with_index("by_creation_time", *bounds)
    await books.order("desc" if newest else "asc").collect()
    cheap = Book.by_author.price < 5
    await (
        ctx.db.query(Book)
        .with_index(Book.by_author, cheap, author_id=author_id, genre="novel")
        .first()
    )
    equals: dict[str, Any] = {"author_id": author_id}
    await ctx.db.query(Book).with_index("by_author", **equals).collect()
