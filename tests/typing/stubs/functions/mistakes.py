"""A mistake on each line that is marked: with the stub, these and no others are found."""

from __future__ import annotations

from realtime import UNSET, Id, MutationCtx, QueryCtx, gt, mutation, query
from schema import Author, Book, Entry, Person, Size


@mutation
async def patches(
    ctx: MutationCtx, book: Id[Book], author: Id[Author], person: Id[Person], entry: Id[Entry]
) -> None:
    patch = ctx.db.patch
    await patch(book, titel="a")  # error
    await patch(book, title=5)  # error
    await patch(book, title=None)  # error
    await patch(book, title=UNSET)  # error
    await patch(book, genre="poem")  # error
    await patch(book, author_id=person)  # error
    await patch(book, next=author)  # error
    await patch(book, size={"width": 1})  # error
    await patch(book, size=Size(wide=1))  # error
    await patch(book, reviews={"ada": {"star": 5}})  # error
    await patch(book, marks=["a"])  # error
    await patch(book, by_author="a")  # error
    await patch(book, creation_time=5)  # error
    await patch(author, author_id=author)  # error
    await patch(person, pen_name="a")  # error
    await patch(entry, why="a")  # error
    await patch(Book, book, titel="a")  # error
    await patch(Book, author, title="a")  # error
    await patch(Book, author)  # error
    await patch(book, {"title": "a"})  # error
    await patch("not an id", title="a")  # error


@mutation
async def replaces(ctx: MutationCtx, entry: Id[Entry], author: Id[Author]) -> None:
    replace = ctx.db.replace
    await replace(entry, who="a")  # error
    await replace(entry, who="a", what="b", why="c")  # error
    await replace(entry, who="a", what=5)  # error
    await replace(Entry, entry, who="a")  # error
    await replace(Entry, author, who="a", what="b")  # error
    await replace(author, who="a", what="b")  # error


@query
async def indexes(ctx: QueryCtx, book: Id[Book], author: Id[Author], person: Id[Person]) -> None:
    books = ctx.db.query(Book).with_index
    books("by_authr", author_id=author)  # error
    books("by_name", name="a")  # error
    books(Book.by_authr, author_id=author)  # error
    books(Person.by_name, name="a")  # error
    books(Book.by_author, autor_id=author)  # error
    books(Book.by_author, author_id=person)  # error
    books(Book.by_author, author_id=book)  # error
    books("by_author", author_id="a")  # error
    books(Book.by_author, genre="novel")  # error
    books(Book.by_author, author_id=author, price=1)  # error
    books(Book.by_author, author_id=author, genre="poem")  # error
    books(Book.by_author, author_id=author, genre="novel", price="1")  # error
    books(Book.by_author, author_id=author, title="a")  # error
    books(Book.by_author, gt("price", 1), author_id=author)  # error
    books(Book.by_author, gt("genr", "a"), author_id=author)  # error
    books(Book.by_author, gt("price", "1"), author_id=author, genre="novel")  # error
    books(Book.by_author, gt("price", 1), author_id=author, genre="novel", price=1)  # error
    books(Book.by_author, Book.by_author.price > 1, author_id=author)  # error
    books(Book.by_author, Book.by_author.prize > 1, author_id=author, genre="novel")  # error
    books(Book.by_author, Book.by_author.price > "1", author_id=author, genre="novel")  # error
    books(Book.by_next, gt("creation_time", "a"), next=book)  # error
    books(Book.by_next, next=None)  # error
    books(Book.by_next, next=author)  # error
    books(Book.by_width, gt("size.widht", 5), genre="novel")  # error
    books(Book.by_width, size=5)  # error
    books("by_id", id=author)  # error
    books("by_creation_time", gt("id", book))  # error
    ctx.db.query(Author).with_index(Author.by_pen_name, name="a")  # error
    ctx.db.query(Author).with_index(Author.by_name, pen_name="a")  # error
    ctx.db.query(Entry).with_index(Entry.by_what, what="a")  # error
    ctx.db.query(Size)  # error
