"""Calls of an app's functions from its own process, without a socket.

A call takes the way of one that an action makes: through the lanes, with arguments and results
checked as everywhere, and what the function raised comes out as it was raised. A watched query is
a live client like any socket, with a list or an `async for` at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, TypeVar, overload

from realtime.casing import wire_name
from realtime.errors import ApplicationError, RealtimeError
from realtime.runtime.backend import Backend
from realtime.runtime.call_checks import check_call, decode_returned, encode_arguments
from realtime.runtime.context import Reference
from realtime.runtime.outcome import (
    ANONYMOUS,
    ClientError,
    FunctionCall,
    FunctionKind,
    Identity,
    NestedCall,
    QueryCall,
    QueryResult,
)
from realtime.runtime.registration import Action, Mutation, Query, RegisteredFunction
from realtime.runtime.registry import AppFunction
from realtime.runtime.user_identity import UserIdentity
from realtime.values.json_encoding import decode_json, encode_json

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_ISSUER: Final = "https://localhost"
"""The provider of users that `as_user` is not told another one for."""

_QUERY_ID: Final = 0


class Caller:
    """Somebody who calls an app's functions from its own process, under one identity."""

    def __init__(
        self,
        backend: Callable[[], Backend],
        identity: Identity = ANONYMOUS,
        watching: set[_Subscription] | None = None,
    ) -> None:
        """`backend` returns the running backend, or raises an UnavailableError that says why not.

        `watching` is shared by all callers of one backend.
        """
        self._running = backend
        self._identity = identity
        self._watching: set[_Subscription] = set() if watching is None else watching

    # Who calls

    def as_user(self, subject: str, /, *, issuer: str = DEFAULT_ISSUER, **claims: Any) -> Caller:
        """Return a caller who is signed in as a user.

        Args:
            subject: The user's id at the provider.
            issuer: The provider.
            claims: More of the identity: attributes of `UserIdentity` such as `email`, and claims
                of the app by their own names.
        """
        members = {wire_name(name): value for name, value in claims.items()}
        user = UserIdentity.from_wire({**members, "issuer": issuer, "subject": subject})
        return Caller(self._running, replace(self._identity, user=user), self._watching)

    def as_admin(self) -> Caller:
        """Return a caller who holds the admin key: internal functions are within reach."""
        return Caller(self._running, replace(self._identity, is_admin=True), self._watching)

    # Calls

    @overload
    async def query(self, reference: Query[P, R], /, *_: P.args, **named: P.kwargs) -> R: ...
    @overload
    async def query(self, reference: Query[..., R], args: Mapping[str, Any], /) -> R: ...
    @overload
    async def query(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...
    async def query(self, reference: Any, /, *args: Any, **named: Any) -> Any:
        """Return the result of a query at the newest durable timestamp.

        Args:
            reference: The registered query, or its path as a string (`"messages:list"`).
            args: Arguments as a mapping in wire names; not together with keywords.
            named: Arguments as keywords in Python names.

        Raises:
            ApplicationError: The function raised it; so does whatever else it raised.
            NotFoundError: There is no such function for this caller.
            ValidationError: The arguments or the result do not fit, or the function is no query.
            UnavailableError: The backend is not running.
        """
        return await self._run("query", reference, args, named)

    @overload
    async def mutation(self, reference: Mutation[P, R], /, *_: P.args, **named: P.kwargs) -> R: ...
    @overload
    async def mutation(self, reference: Mutation[..., R], args: Mapping[str, Any], /) -> R: ...
    @overload
    async def mutation(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...
    async def mutation(self, reference: Any, /, *args: Any, **named: Any) -> Any:
        """Run a mutation and return its result once that is durable; see `query`."""
        return await self._run("mutation", reference, args, named)

    @overload
    async def action(self, reference: Action[P, R], /, *_: P.args, **named: P.kwargs) -> R: ...
    @overload
    async def action(self, reference: Action[..., R], args: Mapping[str, Any], /) -> R: ...
    @overload
    async def action(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...
    async def action(self, reference: Any, /, *args: Any, **named: Any) -> Any:
        """Run an action and return its result; see `query`."""
        return await self._run("action", reference, args, named)

    @overload
    async def run(
        self, reference: RegisteredFunction[P, R], /, *_: P.args, **named: P.kwargs
    ) -> R: ...
    @overload
    async def run(self, reference: RegisteredFunction[..., R], args: Mapping[str, Any], /) -> R: ...
    @overload
    async def run(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...
    async def run(self, reference: Any, /, *args: Any, **named: Any) -> Any:
        """Run a query, a mutation or an action, whichever it is; see `query`."""
        return await self._run(None, reference, args, named)

    @overload
    def watch(self, reference: Query[P, R], /, *_: P.args, **named: P.kwargs) -> Watch[R]: ...
    @overload
    def watch(self, reference: Query[..., R], args: Mapping[str, Any], /) -> Watch[R]: ...
    @overload
    def watch(
        self, reference: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Watch[Any]: ...
    def watch(self, reference: Any, /, *args: Any, **named: Any) -> Watch[Any]:
        """Return a live query for `async for` or `async with`; parameters and errors of `query`."""
        backend = self._running()
        function, encoded = self._resolve(backend, "query", reference, args, named)
        call = FunctionCall(function.path, encoded, self._identity)
        return Watch(backend, function, call, self._watching)

    async def _run(
        self,
        kind: FunctionKind | None,
        reference: Reference,
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> Any:
        backend = self._running()
        function, encoded = self._resolve(backend, kind, reference, args, named)
        call = NestedCall(function.path, encoded, self._identity)
        return decode_returned(function, await backend.run_here(call, function.kind))

    def _resolve(
        self,
        backend: Backend,
        kind: FunctionKind | None,
        reference: Reference,
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> tuple[AppFunction, bytes]:
        """Return a function that this caller may run, and its encoded arguments."""
        found = backend.app.registry.resolve(reference)
        function = check_call(found, found.path, kind, is_admin=self._identity.is_admin)
        return function, encode_json(dict(encode_arguments(function, args, named)))

    def end_watches(self, reason: RealtimeError) -> None:
        """End all watches of the backend: it stops."""
        for subscription in list(self._watching):
            subscription.fail(reason)


class Watch(Generic[R]):
    """A live query: what it returns now, and again whenever that has changed.

    `async for` gives the newest value; one who is slow misses some in between, never the last.
    `async with` gives a list that grows by every value, and has the first one from the start. A
    failure of the query ends both: it is raised by the loop, or where the block ends.
    """

    def __init__(
        self,
        backend: Backend,
        function: AppFunction,
        call: FunctionCall,
        watching: set[_Subscription],
    ) -> None:
        self._function = function
        self._backend = backend
        self._call = call
        self._watching = watching
        self._listing: _Subscription | None = None

    async def __aiter__(self) -> AsyncGenerator[R]:
        """Give the present value, then the newest one after each change."""
        newest: list[QueryResult] = []

        def keep(result: QueryResult) -> None:
            newest[:] = [result]

        subscription = self._subscribe(keep)
        try:
            while True:
                await subscription.has_news.wait()
                subscription.has_news.clear()
                if newest:
                    yield self._decode(newest.pop())
                if subscription.failure is not None:
                    raise subscription.failure
        finally:
            subscription.close()

    async def __aenter__(self) -> list[R]:
        """Return the list of values, once it has the first."""
        assert self._listing is None, "one block at a time"
        values: list[R] = []
        subscription = self._subscribe(lambda result: values.append(self._decode(result)))
        try:
            await subscription.has_news.wait()
            if subscription.failure is not None:
                raise subscription.failure
        except BaseException:
            subscription.close()
            raise
        self._listing = subscription
        return values

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the watch; raise what made the query fail, if the block has raised nothing."""
        subscription, self._listing = self._listing, None
        assert subscription is not None
        subscription.close()
        if subscription.failure is not None and exception is None:
            raise subscription.failure

    def _subscribe(self, deliver: Callable[[QueryResult], None]) -> _Subscription:
        return _Subscription(self._backend, self._call, self._watching, deliver)

    def _decode(self, result: QueryResult) -> R:
        assert result.value is not None
        value: R = decode_returned(self._function, result.value)
        return value


class _Subscription:
    """The live client behind a watch: one query, whose results go to `deliver`."""

    def __init__(
        self,
        backend: Backend,
        call: FunctionCall,
        watching: set[_Subscription],
        deliver: Callable[[QueryResult], None],
    ) -> None:
        self.has_news = asyncio.Event()
        """Set with each new value, and with the failure."""
        self.failure: RealtimeError | None = None
        """Why no value comes any more; set once."""
        self._backend = backend
        self._call = QueryCall(call)
        self._watching = watching
        self._deliver = deliver
        self._last: bytes | None = None
        self._is_open = True
        watching.add(self)
        backend.request_update(self)

    def close(self) -> None:
        """Forget the query; idempotent."""
        if self._is_open:
            self._is_open = False
            self._watching.discard(self)
            self._backend.disconnect(self)

    def begin_update(self) -> Mapping[int, QueryCall] | None:
        """Return the query, unless nobody wants it any more."""
        return {_QUERY_ID: self._call} if self._is_open else None

    def restart_update(self) -> Mapping[int, QueryCall]:
        """Return the query again."""
        return {_QUERY_ID: self._call}

    def stale_queries(self) -> Iterable[QueryCall]:
        """Return the query."""
        return (self._call,)

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        """Deliver a result that differs from the last one."""
        result = results[_QUERY_ID]
        self._call = QueryCall(self._call.call, result.journal)
        if result.error is not None:
            self.fail(_error_of(result.error))
        elif result.value != self._last:
            self._last = result.value
            self._deliver(result)
            self.has_news.set()

    def query_invalidated(self, query_id: int) -> None:
        """Have the query evaluated anew."""
        self._backend.request_update(self)

    def fail(self, error: RealtimeError) -> None:
        """End with an error."""
        if self._is_open:
            self.failure = error
            self.has_news.set()
            # The backend may be delivering to this client at the moment.
            asyncio.get_running_loop().call_soon(self.close)


def _error_of(error: ClientError) -> RealtimeError:
    """Return the exception of a failed live query; its run is shared, so only its text is known."""
    if error.data is not None:
        return ApplicationError(error.message.rstrip("\n"), data=decode_json(error.data))
    return RealtimeError(error.message.rstrip("\n"))
