"""The `ctx` that a handler gets as its first parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, TypeVar, overload

from realtime.runtime.auth_api import Auth, AuthScope
from realtime.runtime.database_api import (
    DatabaseReader,
    DatabaseWriter,
    NotInQueriesError,
)
from realtime.runtime.document_arguments import DatabaseScope
from realtime.runtime.log_lines import Logger, LogLines
from realtime.runtime.operation import Operation, Steps
from realtime.runtime.outcome import FunctionKind
from realtime.runtime.registration import Action, Mutation, Query, RegisteredFunction

if TYPE_CHECKING:
    from random import Random

P = ParamSpec("P")
R = TypeVar("R")

Reference = RegisteredFunction[Any, Any] | str


class CallScope(AuthScope, Protocol):
    """What the `ctx` of any function needs of the run it belongs to."""

    log_lines: LogLines

    def now_ms(self) -> float:
        """Return the time that the function sees."""
        ...

    def random(self) -> Random:
        """Return the run's source of randomness."""
        ...

    def call(
        self,
        kind: FunctionKind,
        reference: Reference,
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> Steps[Any]:
        """Run another function for this one."""
        ...


class ContextScope(CallScope, DatabaseScope, Protocol):
    """What the `ctx` of a query or mutation needs of the run it belongs to."""


class ActionScope(CallScope, Protocol):
    """What the `ctx` of an action needs of the run it belongs to."""

    def run_blocking(self, call: Callable[[], R]) -> Steps[R]:
        """Run a call in a thread of its own and return what it returns."""
        ...


class FunctionCtx:
    """What every function may use: the caller, calls of queries, time, randomness, log lines."""

    def __init__(self, scope: CallScope) -> None:
        self._scope = scope
        self.log = Logger(scope.log_lines)
        """Lines that travel with the result to the client."""

    @property
    def auth(self) -> Auth:
        """Who calls."""
        return Auth(self._scope)

    def now(self) -> float:
        """Return the time, in whole milliseconds since the Unix epoch.

        In a query or mutation it is that of the beginning of the run; in an action it goes on.
        """
        return self._scope.now_ms()

    @property
    def random(self) -> Random:
        """A source of randomness, seeded for each run.

        A result that has looked at it, or at `now()`, is given to new subscribers for 5 seconds.
        """
        return self._scope.random()

    @overload
    def run_query(
        self, reference: Query[P, R], /, *_: P.args, **named: P.kwargs
    ) -> Operation[R]: ...
    @overload
    def run_query(self, reference: Query[..., R], args: Mapping[str, Any], /) -> Operation[R]: ...
    @overload
    def run_query(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Operation[Any]: ...
    def run_query(self, reference: Any, /, *args: Any, **named: Any) -> Operation[Any]:
        """Run another query and return its result.

        In a query or mutation it reads the same snapshot, in an action the newest durable one.

        Args:
            reference: The registered query, or its path as a string (`"messages:list"`).
            args: Arguments as a mapping in wire names; not together with keywords.
            named: Arguments as keywords in Python names.
        """
        return Operation(self._scope, lambda: self._scope.call("query", reference, args, named))


class QueryCtx(FunctionCtx):
    """What a query may use: reads, the caller, nested queries, frozen time, randomness, logs."""

    def __init__(self, scope: ContextScope) -> None:
        super().__init__(scope)
        self._db = DatabaseReader(scope)

    @property
    def db(self) -> DatabaseReader:
        """The documents, to read."""
        return self._db

    if not TYPE_CHECKING:  # a type checker says by itself that a query's `ctx` has no such method

        def __getattr__(self, name: str) -> NoReturn:
            """Say of other kinds of functions what to do; other names are unknown as usual."""
            if name == "run_action":
                raise NotInQueriesError(
                    "Cannot call an action function from a query or mutation function: an action "
                    "runs outside of transactions. Declare the calling function with `@action`, "
                    "or let the client call the action"
                )
            if name == "run_mutation":
                raise NotInQueriesError(
                    "Cannot call a mutation function from a query function: queries can only read. "
                    "Declare the calling function with `@mutation`, or let the client call the "
                    "mutation"
                )
            raise AttributeError(
                f"`{type(self).__name__}` has no attribute `{name}`", name=name, obj=self
            )


class _CallsMutations(FunctionCtx):
    """What mutations and actions have in common."""

    @overload
    def run_mutation(
        self, reference: Mutation[P, R], /, *_: P.args, **named: P.kwargs
    ) -> Operation[R]: ...
    @overload
    def run_mutation(
        self, reference: Mutation[..., R], args: Mapping[str, Any], /
    ) -> Operation[R]: ...
    @overload
    def run_mutation(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Operation[Any]: ...
    def run_mutation(self, reference: Any, /, *args: Any, **named: Any) -> Operation[Any]:
        """Run another mutation and return its result; if it fails, none of its writes stay.

        In a mutation it is part of the same transaction. In an action it is a transaction of its
        own, and durable when this returns. The arguments are those of `run_query`.
        """
        return Operation(self._scope, lambda: self._scope.call("mutation", reference, args, named))


class MutationCtx(QueryCtx, _CallsMutations):
    """What a mutation may use: all that a query may, writes, and nested mutations."""

    def __init__(self, scope: ContextScope) -> None:
        super().__init__(scope)
        self._writer = DatabaseWriter(scope)

    @property
    def db(self) -> DatabaseWriter:
        """The documents, to read and write."""
        return self._writer


class ActionCtx(_CallsMutations):
    """What an action may use: calls of all kinds of functions, the caller, threads, log lines.

    Its operations may be awaited in the action and in tasks that it has started, as with
    `asyncio.gather`; they begin in the order in which they are first awaited.
    """

    def __init__(self, scope: ActionScope) -> None:
        super().__init__(scope)
        self._action_scope = scope

    @overload
    def run_action(
        self, reference: Action[P, R], /, *_: P.args, **named: P.kwargs
    ) -> Operation[R]: ...
    @overload
    def run_action(self, reference: Action[..., R], args: Mapping[str, Any], /) -> Operation[R]: ...
    @overload
    def run_action(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Operation[Any]: ...
    def run_action(self, reference: Any, /, *args: Any, **named: Any) -> Operation[Any]:
        """Run another action inside this one and return its result.

        The arguments are those of `run_query`.
        """
        return Operation(self._scope, lambda: self._scope.call("action", reference, args, named))

    def run_blocking(
        self, function: Callable[P, R], /, *args: P.args, **named: P.kwargs
    ) -> Operation[R]:
        """Call a function that blocks in a thread of its own, and return what it returns.

        32 such calls run at the same time, of all actions together; others wait for their turn. One
        that has begun can't be stopped: if the action ends before it, it goes on unheard.
        """
        return Operation(
            self._scope,
            lambda: self._action_scope.run_blocking(lambda: function(*args, **named)),
        )

    if not TYPE_CHECKING:

        @property
        def db(self) -> NoReturn:
            """Say what takes the place of `ctx.db`."""
            raise AttributeError(
                "An action has no `ctx.db`: it runs outside of transactions. Read with "
                "`ctx.run_query` and write with `ctx.run_mutation`"
            )
