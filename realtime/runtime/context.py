"""The `ctx` that a handler gets as its first parameter."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
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
from realtime.runtime.registration import Mutation, Query, RegisteredFunction

P = ParamSpec("P")
R = TypeVar("R")

Reference = RegisteredFunction[Any, Any] | str


class ContextScope(DatabaseScope, AuthScope, Protocol):
    """What a `ctx` needs of the run it belongs to."""

    log_lines: LogLines

    def now_ms(self) -> float:
        """Return the frozen time of the run."""
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
        """Run another function inside this one."""
        ...


class QueryCtx:
    """What a query may use: reads, the caller, nested queries, frozen time, randomness, logs."""

    def __init__(self, scope: ContextScope) -> None:
        self._scope = scope
        self._db = DatabaseReader(scope)
        self.log = Logger(scope.log_lines)

    @property
    def db(self) -> DatabaseReader:
        """The documents, to read."""
        return self._db

    @property
    def auth(self) -> Auth:
        """Who calls."""
        return Auth(self._scope)

    def now(self) -> float:
        """Return the time at which the run began, in whole milliseconds since the Unix epoch."""
        return self._scope.now_ms()

    @property
    def random(self) -> Random:
        """A source of randomness, seeded for each run."""
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
        """Run another query on the same snapshot and return its result.

        Args:
            reference: The registered query, or its path as a string (`"messages:list"`).
            args: Arguments as a mapping in wire names; not together with keywords.
            named: Arguments as keywords in Python names.
        """
        return Operation(self._scope, lambda: self._scope.call("query", reference, args, named))

    if not TYPE_CHECKING:  # a type checker says by itself that a query's `ctx` has no such method

        def __getattr__(self, name: str) -> NoReturn:
            """Say of a nested mutation what to do; other names are unknown as usual."""
            if name == "run_mutation":
                raise NotInQueriesError(
                    "Cannot call a mutation function from a query function: queries can only read. "
                    "Declare the calling function with `@mutation`, or let the client call the "
                    "mutation"
                )
            raise AttributeError(
                f"`{type(self).__name__}` has no attribute `{name}`", name=name, obj=self
            )


class MutationCtx(QueryCtx):
    """What a mutation may use: all that a query may, writes, and nested mutations."""

    def __init__(self, scope: ContextScope) -> None:
        super().__init__(scope)
        self._writer = DatabaseWriter(scope)

    @property
    def db(self) -> DatabaseWriter:
        """The documents, to read and write."""
        return self._writer

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
        """Run another mutation in the same transaction; if it fails, only its writes go.

        The arguments are those of `run_query`.
        """
        return Operation(self._scope, lambda: self._scope.call("mutation", reference, args, named))
