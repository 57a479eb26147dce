"""Every way of reading and writing cards that the tests compare with a model."""

from __future__ import annotations

from realtime import ApplicationError, Id, MutationCtx, QueryCtx, gte, lt, mutation, query
from schema import Card


@query
async def in_list(ctx: QueryCtx, list_name: str) -> list[Card]:
    """All cards of a list, oldest first."""
    return await ctx.db.query(Card).with_index(Card.by_list, list_name=list_name).collect()


@query
async def highest(ctx: QueryCtx, list_name: str, count: int) -> list[Card]:
    """The cards of highest rank."""
    cards = ctx.db.query(Card).with_index(Card.by_list_rank, list_name=list_name)
    return await cards.order("desc").take(count)


@query
async def ranked(ctx: QueryCtx, list_name: str, low: float, high: float) -> list[Card]:
    """The cards with `low <= rank < high`, by rank."""
    cards = ctx.db.query(Card).with_index(
        Card.by_list_rank, gte("rank", low), lt("rank", high), list_name=list_name
    )
    return await cards.collect()


@query
async def still_open(ctx: QueryCtx, list_name: str, count: int) -> list[Card]:
    """The first cards that are not done, of a list, by rank."""
    cards = ctx.db.query(Card).with_index(Card.by_list_rank, list_name=list_name)
    return await cards.filter(lambda card: not card.done).take(count)


@query
async def get(ctx: QueryCtx, card_id: Id[Card]) -> Card | None:
    """One card, or null."""
    return await ctx.db.get(card_id)


@query
async def twice(ctx: QueryCtx, list_name: str) -> list[list[Card]]:
    """The same list through two nested queries: they must not differ."""
    first = await ctx.run_query(in_list, list_name=list_name)
    return [first, await ctx.run_query(in_list, list_name=list_name)]


@mutation
async def add(ctx: MutationCtx, list_name: str, rank: float) -> Id[Card]:
    """Add an open card."""
    return await ctx.db.insert(Card, list_name=list_name, rank=rank, done=False)


@mutation
async def change(ctx: MutationCtx, card_id: Id[Card], rank: float, done: bool) -> bool:
    """Set rank and state of a card; say whether it is there."""
    if await ctx.db.get(card_id) is None:
        return False
    await ctx.db.patch(card_id, rank=rank, done=done)
    return True


@mutation
async def remove(ctx: MutationCtx, card_id: Id[Card]) -> bool:
    """Delete a card; say whether it was there."""
    if await ctx.db.get(card_id) is None:
        return False
    await ctx.db.delete(card_id)
    return True


@mutation
async def add_counted(ctx: MutationCtx, list_name: str) -> Id[Card]:
    """Add a card whose rank is the number of cards before it: any phantom would show."""
    before = await ctx.db.query(Card).with_index(Card.by_list, list_name=list_name).collect()
    return await ctx.db.insert(Card, list_name=list_name, rank=float(len(before)), done=False)


@mutation
async def add_and_refuse(ctx: MutationCtx, list_name: str, rank: float) -> None:
    """Add a card and then fail: nothing of it may be seen."""
    await ctx.db.insert(Card, list_name=list_name, rank=rank, done=False)
    raise ApplicationError({"code": "Refused"})


@mutation
async def add_after_failed_attempt(ctx: MutationCtx, list_name: str, rank: float) -> Id[Card]:
    """Add one card; a nested attempt to add another fails and leaves nothing."""
    try:
        await ctx.run_mutation(add_and_refuse, list_name=list_name, rank=rank + 1000)
    except ApplicationError:
        pass
    return await ctx.run_mutation(add, list_name=list_name, rank=rank)
