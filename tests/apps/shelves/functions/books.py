"""Every way to read pages, and the writes around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from realtime import (
    ApplicationError,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    TableQuery,
    gt,
    lte,
    mutation,
    query,
    v,
)
from schema import Book

Order = Literal["asc", "desc"]


def _on(ctx: QueryCtx, shelf: str, order: Order) -> TableQuery[Book]:
    return ctx.db.query(Book).with_index(Book.by_shelf, shelf=shelf).order(order)


@query
async def on_shelf(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions, order: Order = "asc"
) -> PaginationResult[Book]:
    """The books of a shelf by place."""
    return await _on(ctx, shelf, order).paginate(pagination_opts)


@query
async def in_range(
    ctx: QueryCtx, shelf: str, low: float, high: float, pagination_opts: PaginationOptions
) -> PaginationResult[Book]:
    """The books at `low` < place <= `high`."""
    books = ctx.db.query(Book).with_index(
        Book.by_shelf, gt("place", low), lte("place", high), shelf=shelf
    )
    return await books.paginate(pagination_opts)


@query
async def public(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions, order: Order = "asc"
) -> PaginationResult[Book]:
    """The books of a shelf that are not secret."""
    books = _on(ctx, shelf, order).filter(lambda book: not book.is_secret)
    return await books.paginate(pagination_opts)


@query
async def everywhere(ctx: QueryCtx, pagination_opts: PaginationOptions) -> PaginationResult[Book]:
    """All books by age."""
    return await ctx.db.query(Book).full_table_scan().paginate(pagination_opts)


@query
async def by_id(ctx: QueryCtx, pagination_opts: PaginationOptions) -> PaginationResult[Book]:
    """All books by id, which is by age too."""
    return await ctx.db.query(Book).with_index("by_id").paginate(pagination_opts)


@query
async def unannotated(ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions):
    """The books of a shelf, without a declared result."""
    return await _on(ctx, shelf, "asc").paginate(pagination_opts)


@query(
    args={"shelf": v.string(), "paginationOpts": v.pagination_options()},
    returns=v.object(
        {
            "page": v.array(v.any()),
            "isDone": v.boolean(),
            "continueCursor": v.string(),
            "splitCursor": v.nullable(v.string()),
            "pageStatus": v.nullable(v.string()),
        }
    ),
)
async def in_wire_names(ctx: QueryCtx, args: dict[str, Any]):
    """The books of a shelf as dictionaries, declared by validators."""
    books = ctx.db.query("books").with_index("by_shelf", shelf=args["shelf"])
    return await books.paginate(args["paginationOpts"])


@query
async def titles(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions
) -> PaginationResult[str]:
    """The titles of the books of a shelf."""
    result = await _on(ctx, shelf, "asc").paginate(pagination_opts)
    return result.with_page(book.title for book in result.page)


@query
async def wrongly_typed(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions
) -> PaginationResult[str]:
    """Books where titles are declared."""
    result: Any = await _on(ctx, shelf, "asc").paginate(pagination_opts)
    return result


@query
async def in_loose_table(ctx: QueryCtx, pagination_opts: PaginationOptions) -> Any:
    """The documents of a table that need not exist."""
    return await ctx.db.query("loose").paginate(pagination_opts)


@query
async def with_options(ctx: QueryCtx, options: Any) -> Any:
    """A page with options as they come."""
    return await ctx.db.query(Book).paginate(options)


@query
async def twice(ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions) -> Any:
    """Two pages in one function, which is one too many."""
    await _on(ctx, shelf, "asc").paginate(pagination_opts)
    return await _on(ctx, shelf, "desc").paginate(pagination_opts)


@query
async def nested(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions
) -> PaginationResult[Book]:
    """The page that another query reads."""
    return await ctx.run_query(on_shelf, shelf=shelf, pagination_opts=pagination_opts)


@query
async def two_nested(ctx: QueryCtx, shelf: str, num_items: float) -> list[str]:
    """The titles of the first two pages, read by nested calls."""
    found: list[str] = []
    cursor: str | None = None
    for _ in range(2):
        options = PaginationOptions(num_items=num_items, cursor=cursor)
        result = await ctx.run_query(titles, shelf=shelf, pagination_opts=options)
        found += result.page
        cursor = result.continue_cursor
    return found


@query
async def behind_a_door(
    ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions
) -> PaginationResult[Book]:
    """The books of a shelf, unless one called `closed` stands on the shelf `door`."""
    door = await ctx.db.query(Book).with_index(Book.by_shelf, shelf="door").first()
    if door is not None:
        raise ApplicationError("The door is closed")
    return await _on(ctx, shelf, "asc").paginate(pagination_opts)


@query
async def after_reading(
    ctx: QueryCtx, shelf: str, count: int, pagination_opts: PaginationOptions
) -> PaginationResult[Book]:
    """A page, after `count` books have been read."""
    await ctx.db.query(Book).take(count)
    return await _on(ctx, shelf, "asc").paginate(pagination_opts)


@query
async def titles_or_first(ctx: QueryCtx, shelf: str, pagination_opts: PaginationOptions) -> Any:
    """The page, or the first one if the cursor is not of this query."""
    from realtime import InvalidCursorError

    try:
        return await ctx.run_query(titles, shelf=shelf, pagination_opts=pagination_opts)
    except InvalidCursorError as error:
        return error.code


@mutation
async def add(
    ctx: MutationCtx, shelf: str, place: float, title: str = "", is_secret: bool = False
) -> Id[Book]:
    """Put a book on a shelf."""
    return await ctx.db.insert(
        Book, shelf=shelf, place=place, title=title or f"{place:g}", is_secret=is_secret
    )


@mutation
async def fill(ctx: MutationCtx, shelf: str, count: int, size: int = 0) -> None:
    """Put `count` books at the places 0, 1, …, each with about `size` bytes more."""
    for place in range(count):
        title = f"{place}".ljust(size, "-")
        await ctx.db.insert(Book, shelf=shelf, place=place, title=title)


@mutation
async def move(ctx: MutationCtx, book_id: Id[Book], place: float, is_secret: bool) -> None:
    """Change a book."""
    await ctx.db.patch(book_id, place=place, is_secret=is_secret)


@mutation
async def remove(ctx: MutationCtx, book_id: Id[Book]) -> None:
    """Take a book away."""
    await ctx.db.delete(book_id)


@mutation
async def remove_at(ctx: MutationCtx, shelf: str, place: float) -> None:
    """Take the books at a place away."""
    books = ctx.db.query(Book).with_index(Book.by_shelf, shelf=shelf, place=place)
    for book in await books.collect():
        await ctx.db.delete(book.id)


@mutation
async def add_loose(ctx: MutationCtx, fields: Mapping[str, Any]) -> None:
    """Add a document to the table that is not declared."""
    await ctx.db.insert("loose", dict(fields))


@mutation
async def page_over_own_writes(
    ctx: MutationCtx, shelf: str, pagination_opts: PaginationOptions, order: Order
) -> PaginationResult[str]:
    """The titles of a page that has the mutation's own writes in it.

    Behind each book of the shelf stands a new one, and the books at whole even places are gone.
    """
    for book in await _on(ctx, shelf, "asc").collect():
        await ctx.db.insert(Book, shelf=shelf, place=book.place + 0.5, title=f"after {book.title}")
        if book.place % 2 == 0:
            await ctx.db.delete(book.id)
    result = await _on(ctx, shelf, order).paginate(pagination_opts)
    return result.with_page(book.title for book in result.page)
