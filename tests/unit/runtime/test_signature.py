"""From parameters to arguments: names, defaults, and both directions."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

import pytest

from realtime import UNSET, MutationCtx, Name, QueryCtx, Unset, query, v
from realtime.errors import DefinitionError, ValidationError
from realtime.runtime.registration import RegisteredFunction
from realtime.runtime.signature import Signature, compile_signature


class NoTables:
    """For arguments without ids."""

    def table_name(self, number: int) -> str | None:
        return None


def signature_of(function: RegisteredFunction[Any, Any]) -> Signature:
    return compile_signature(function.declaration)


@query
async def several(
    ctx: QueryCtx,
    user_name: str,
    label: str | Unset,
    page_size: int = 20,
    kind: Annotated[str, Name("type")] = "all",
) -> None: ...


def test_arguments_arrive_under_python_names_and_defaults_are_left_to_the_handler() -> None:
    signature = signature_of(several)

    named = signature.decode_args({"userName": "ann", "type": "one"}, NoTables())

    assert named == {"user_name": "ann", "label": UNSET, "kind": "one"}


def test_arguments_go_out_under_wire_names_and_absent_ones_are_left_out() -> None:
    signature = signature_of(several)

    encoded = signature.encode_named({"user_name": "ann", "page_size": 5, "label": UNSET})

    assert encoded == {"userName": "ann", "pageSize": 5.0}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "userName"),
        ({"userName": 1.0}, "userName"),
        ({"userName": "a", "pageSize": 1.5}, "pageSize"),
        ({"userName": "a", "page_size": 1.0}, "page_size"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(args: Any, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        signature_of(several).decode_args(args, NoTables())


def test_unknown_keyword_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError) as refusal:
        signature_of(several).encode_named({"username": "ann"})

    assert refusal.value.message == (
        "Unknown argument `username`; the arguments are `user_name`, `label`, `page_size`, `kind`"
    )


def test_function_without_arguments_says_so_to_an_unknown_one() -> None:
    @query
    async def nothing(ctx: QueryCtx) -> None: ...

    with pytest.raises(ValidationError, match="the arguments are none"):
        signature_of(nothing).encode_named({"a": 1})


def test_handler_with_validators_gets_one_dictionary_in_wire_names() -> None:
    @query(args={"userName": v.string()})
    async def validated(ctx: QueryCtx, args: dict[str, Any]) -> None: ...

    signature = signature_of(validated)

    assert signature.decode_args({"userName": "ann"}, NoTables()) == {"args": {"userName": "ann"}}
    assert signature.encode_named({"userName": "ann"}) == {"userName": "ann"}
    assert signature.has_argument("userName") and not signature.has_argument("user_name")


def test_handler_that_takes_anything_takes_any_object() -> None:
    @query(args=v.any())
    async def anything(ctx: QueryCtx, args: Any) -> None: ...

    signature = signature_of(anything)

    assert signature.decode_args({"x": [1.0]}, NoTables()) == {"args": {"x": [1.0]}}
    assert not signature.has_argument("x")


def test_result_is_anything_without_an_annotation() -> None:
    @query
    async def unsaid(ctx: QueryCtx):  # type: ignore[no-untyped-def]
        ...

    @query
    async def any_value(ctx: QueryCtx) -> Any: ...

    @query(returns=v.any())
    async def any_validator(ctx: QueryCtx) -> None: ...

    @query
    async def text(ctx: QueryCtx) -> str: ...

    checked = [signature_of(each).returns_validator for each in (unsaid, any_value, any_validator)]
    assert checked == [None, None, None]
    assert signature_of(text).returns_validator is not None


async def _no_ctx() -> None: ...
async def _argument_first(name: str, size: float) -> None: ...
async def _star(ctx: QueryCtx, *names: str) -> None: ...
async def _named_star(ctx: QueryCtx, **names: str) -> None: ...
async def _only_positional(ctx: QueryCtx, name: str, /) -> None: ...
async def _twice(ctx: QueryCtx, user_name: str, userName: str) -> None: ...
async def _unknown_type(ctx: QueryCtx, name: Absent) -> None: ...  # type: ignore[name-defined]  # noqa: F821
async def _odd_type(ctx: QueryCtx, name: complex) -> None: ...


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (_no_ctx, "The first parameter must be the `ctx`, got `()`"),
        (_argument_first, "The first parameter must be the `ctx`, got `(name: str, size: float)`"),
        (_star, "is not an ordinary parameter"),
        (_named_star, "is not an ordinary parameter"),
        (_only_positional, "is not an ordinary parameter"),
        (_twice, "Two parameters have the wire name `userName`"),
        (_unknown_type, "can't be resolved"),
        (_odd_type, "Parameter `name`"),
    ],
)
def test_handler_that_cannot_be_called_is_refused_with_its_place(handler: Any, reason: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        signature_of(query(handler))

    assert refusal.value.place == f"{__file__}:{handler.__code__.co_firstlineno}"
    assert f"`{handler.__name__}`" in refusal.value.reason
    assert reason in refusal.value.reason


class _OwnCtx(QueryCtx):
    """A context that an app has a name of its own for."""


class _CanRead(Protocol):
    """What a helper needs of a context."""

    def now(self) -> float: ...


async def _untyped(context: Any, name: str) -> None: ...
async def _of_either_kind(ctx: QueryCtx | MutationCtx, name: str) -> None: ...
async def _of_own_class(ctx: _OwnCtx, name: str) -> None: ...
async def _of_a_protocol(ctx: _CanRead, name: str) -> None: ...


@pytest.mark.parametrize("handler", [_untyped, _of_either_kind, _of_own_class, _of_a_protocol])
def test_context_may_be_of_any_type_that_is_no_argument(handler: Any) -> None:
    assert signature_of(query(handler)).has_argument("name")


def test_validators_need_a_handler_of_two_parameters() -> None:
    with pytest.raises(DefinitionError, match=r"exactly `\(ctx, args\)`"):
        signature_of(query(args={"a": v.string()})(_twice))
