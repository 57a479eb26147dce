"""The decorators with which an app declares its functions.

A decorator wraps the handler in an object that knows its kind; nothing is registered anywhere by
that. The loader collects the objects that stand at module level in `functions/`, so two apps can
live in one process, and importing a function elsewhere registers nothing.

The objects are what `ctx.run_query(ref, …)` takes; they carry the handler's parameters and result
for type checkers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from inspect import currentframe, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from realtime.errors import DefinitionError
from realtime.runtime.outcome import FunctionKind
from realtime.values.validators import Validator

if TYPE_CHECKING:
    from realtime.runtime.context import ActionCtx, MutationCtx, QueryCtx

P = ParamSpec("P")
R = TypeVar("R")

ArgsDeclaration = Mapping[str, Any] | Validator


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a decorator was told: the handler and how it differs from its annotations.

    `module` is the one whose code made the function, also where a factory of another one helped.
    """

    handler: Callable[..., Awaitable[Any]]
    name: str | None
    args: ArgsDeclaration | None
    returns: Validator | None
    is_internal: bool
    module: str | None


class RegisteredFunction(Generic[P, R]):
    """A declared function of an app. It is called through `ctx` or by clients, not directly."""

    kind: FunctionKind

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.__doc__ = declaration.handler.__doc__

    def __call__(self, *_args: Any, **_named: Any) -> Any:
        """Refuse a direct call: the function would run without what its kind promises."""
        name = getattr(self.declaration.handler, "__name__", "function")
        raise TypeError(
            f"`{name}` is a {self.kind} and can't be called directly. Use "
            f"`await ctx.run_{self.kind}({name}, …)`, or move the shared code into a plain "
            "`async def` that takes `ctx`"
        )

    def __repr__(self) -> str:
        handler = self.declaration.handler
        return f"<{self.kind} {handler.__module__}.{getattr(handler, '__name__', '?')}>"


class Query(RegisteredFunction[P, R]):
    """A declared query: reads only."""

    kind: FunctionKind = "query"


class Mutation(RegisteredFunction[P, R]):
    """A declared mutation: reads and writes in one transaction."""

    kind: FunctionKind = "mutation"


class Action(RegisteredFunction[P, R]):
    """A declared action: may do anything, outside of transactions."""

    kind: FunctionKind = "action"


QueryHandler = Callable[Concatenate["QueryCtx", P], Coroutine[Any, Any, R]]
MutationHandler = Callable[Concatenate["MutationCtx", P], Coroutine[Any, Any, R]]
ActionHandler = Callable[Concatenate["ActionCtx", P], Coroutine[Any, Any, R]]


def _declare(
    make: type[RegisteredFunction[Any, Any]],
    handler: Any,
    name: str | None,
    args: ArgsDeclaration | None,
    returns: Validator | None,
    *,
    is_internal: bool,
) -> Any:
    def wrap(function: Any) -> Any:
        if not iscoroutinefunction(function):
            code = getattr(function, "__code__", None)
            place = f"{code.co_filename}:{code.co_firstlineno}" if code is not None else None
            reason = (
                "the handlers of actions are coroutines; `ctx.run_blocking` calls what is not"
                if make is Action
                else "the handlers of queries and mutations are coroutines that await only their "
                "`ctx`"
            )
            raise DefinitionError(
                f"`{getattr(function, '__name__', function)}` must be an `async def`: {reason}",
                place=place,
            )
        module = _module_being_executed()
        return make(Declaration(function, name, args, returns, is_internal, module))

    return wrap if handler is None else wrap(handler)


def _module_being_executed() -> str | None:
    frame = currentframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")


@overload
def query(handler: QueryHandler[P, R], /) -> Query[P, R]: ...
@overload
def query(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[QueryHandler[P, R]], Query[P, R]]: ...
def query(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare a public query.

    Args:
        handler: An `async def` whose first parameter is the `QueryCtx`.
        name: The name that clients use, if not the handler's.
        args: Validators by wire name, in place of annotations; the handler is then `(ctx, args)`.
        returns: The validator of the result, in place of the return annotation.
    """
    return _declare(Query, handler, name, args, returns, is_internal=False)


@overload
def internal_query(handler: QueryHandler[P, R], /) -> Query[P, R]: ...
@overload
def internal_query(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[QueryHandler[P, R]], Query[P, R]]: ...
def internal_query(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare a query that only other functions and the admin key reach; see `query`."""
    return _declare(Query, handler, name, args, returns, is_internal=True)


@overload
def mutation(handler: MutationHandler[P, R], /) -> Mutation[P, R]: ...
@overload
def mutation(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[MutationHandler[P, R]], Mutation[P, R]]: ...
def mutation(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare a public mutation; the parameters are those of `query`."""
    return _declare(Mutation, handler, name, args, returns, is_internal=False)


@overload
def internal_mutation(handler: MutationHandler[P, R], /) -> Mutation[P, R]: ...
@overload
def internal_mutation(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[MutationHandler[P, R]], Mutation[P, R]]: ...
def internal_mutation(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare a mutation that only other functions and the admin key reach; see `query`."""
    return _declare(Mutation, handler, name, args, returns, is_internal=True)


@overload
def action(handler: ActionHandler[P, R], /) -> Action[P, R]: ...
@overload
def action(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[ActionHandler[P, R]], Action[P, R]]: ...
def action(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare a public action; the parameters are those of `query`."""
    return _declare(Action, handler, name, args, returns, is_internal=False)


@overload
def internal_action(handler: ActionHandler[P, R], /) -> Action[P, R]: ...
@overload
def internal_action(
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Callable[[ActionHandler[P, R]], Action[P, R]]: ...
def internal_action(
    handler: Any = None,
    /,
    *,
    name: str | None = None,
    args: ArgsDeclaration | None = None,
    returns: Validator | None = None,
) -> Any:
    """Declare an action that only other actions and the admin key reach; see `query`."""
    return _declare(Action, handler, name, args, returns, is_internal=True)
