"""The decorators: what they make of a handler, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from realtime import (
    MutationCtx,
    QueryCtx,
    internal_mutation,
    internal_query,
    mutation,
    query,
    v,
)
from realtime.errors import DefinitionError
from realtime.runtime.registration import Mutation, Query


async def handler(ctx: Any) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("decorator", "kind", "is_internal"),
    [
        (query, Query, False),
        (internal_query, Query, True),
        (mutation, Mutation, False),
        (internal_mutation, Mutation, True),
    ],
)
def test_decorators_tell_kind_and_reach(decorator: Any, kind: type, is_internal: bool) -> None:
    bare, with_options = decorator(handler), decorator(name="other")(handler)

    for function in (bare, with_options):
        assert type(function) is kind
        assert function.declaration.is_internal is is_internal
        assert function.__doc__ == "Do nothing."
    assert (bare.declaration.name, with_options.declaration.name) == (None, "other")


def test_validators_are_kept_as_they_were_declared() -> None:
    args, returns = {"a": v.string()}, v.null()

    function = mutation(args=args, returns=returns)(handler)

    assert function.declaration.args is args
    assert function.declaration.returns is returns


def test_plain_function_is_refused_with_its_place() -> None:
    def plain(ctx: QueryCtx) -> None: ...

    with pytest.raises(DefinitionError) as refusal:
        query(plain)  # type: ignore[arg-type]

    line = plain.__code__.co_firstlineno
    assert refusal.value.place == f"{__file__}:{line}"
    assert "`plain` must be an `async def`" in refusal.value.reason


@pytest.mark.parametrize("wrong", [3, "handler", object()])
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match="must be an `async def`"):
        query(wrong)


def test_direct_call_says_how_to_call() -> None:
    @mutation
    async def send(ctx: MutationCtx) -> None: ...

    with pytest.raises(TypeError) as refusal:
        send()

    assert "`send` is a mutation and can't be called directly" in str(refusal.value)
    assert "await ctx.run_mutation(send, …)" in str(refusal.value)


def test_function_shows_its_kind_and_place() -> None:
    @query
    async def listed(ctx: QueryCtx) -> None: ...

    assert repr(listed) == f"<query {__name__}.listed>"
