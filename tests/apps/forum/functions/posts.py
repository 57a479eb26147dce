"""What a conversation asks for: by list, by author, by identity; and what it changes."""

from __future__ import annotations

from realtime import ApplicationError, MutationCtx, QueryCtx, mutation, query
from schema import Post

NOBODY = "nobody"


@query
async def in_list(ctx: QueryCtx, list_name: str) -> list[str]:
    """The texts of a list, oldest first."""
    posts = await ctx.db.query(Post).with_index(Post.by_list, list_name=list_name).collect()
    return [post.text for post in posts]


@query
async def most_liked(ctx: QueryCtx, list_name: str, count: int) -> list[list[str | float]]:
    """Text and likes of the posts that are liked best."""
    posts = ctx.db.query(Post).with_index(Post.by_list_likes, list_name=list_name)
    return [[post.text, post.likes] for post in await posts.order("desc").take(count)]


@query
async def mine(ctx: QueryCtx) -> list[str]:
    """Who asks, then the texts of their posts, oldest first."""
    author = await _caller(ctx)
    posts = await ctx.db.query(Post).with_index(Post.by_author, author=author).collect()
    return [author, *(post.text for post in posts)]


@query
async def likes_of(ctx: QueryCtx, text: str) -> float | None:
    """How often one post was liked, or null."""
    post = await _find(ctx, text)
    return None if post is None else post.likes


@mutation
async def add(ctx: MutationCtx, list_name: str, text: str) -> str:
    """Add a post of the caller; return who that is."""
    author = await _caller(ctx)
    await ctx.db.insert(Post, list_name=list_name, author=author, text=text, likes=0)
    return author


@mutation
async def like(ctx: MutationCtx, text: str) -> float | None:
    """Count one more; return the count, or null if there is no such post."""
    post = await _find(ctx, text)
    if post is None:
        return None
    await ctx.db.patch(post.id, likes=post.likes + 1)
    return post.likes + 1


@mutation
async def remove(ctx: MutationCtx, text: str) -> bool:
    """Delete a post; say whether it was there."""
    post = await _find(ctx, text)
    if post is None:
        return False
    await ctx.db.delete(post.id)
    return True


@mutation
async def refuse(ctx: MutationCtx, list_name: str, text: str) -> None:
    """Add a post and then fail: nobody may ever see it."""
    await ctx.run_mutation(add, list_name=list_name, text=text)
    raise ApplicationError({"code": "Refused"})


async def _caller(ctx: QueryCtx) -> str:
    identity = await ctx.auth.get_user_identity()
    return NOBODY if identity is None else identity.subject


async def _find(ctx: QueryCtx, text: str) -> Post | None:
    return await ctx.db.query(Post).with_index(Post.by_text, text=text).unique()
