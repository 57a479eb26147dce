"""The client: calls and live queries of a server, over one connection that mends itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, assert_never
from urllib.parse import urlsplit
from uuid import UUID

from realtime.casing import wire_name
from realtime.client.connector import Connector
from realtime.client.latest import Latest
from realtime.client.outcome import Outcome
from realtime.client.query_set import QueryId
from realtime.client.requests import RequestId
from realtime.client.session import (
    ActionLost,
    ClientSession,
    Event,
    FreshTokenWanted,
    IdentityConfirmed,
    IdentityLost,
    Logged,
    QueryChanged,
    Refused,
    RequestEnded,
)
from realtime.client.status import Status
from realtime.client.tokens import Auth, TokenKeeper
from realtime.client.watch import Watch
from realtime.clock import Clock, SystemClock
from realtime.errors import ConnectionLostError, UnavailableError, ValidationError
from realtime.values.json_encoding import encode_json

_SYNC_PATH: Final = "/api/sync"
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_OPTIONS: Final = wire_name("pagination_opts")
_ITEM_COUNT: Final = wire_name("num_items")
_IS_DONE: Final = wire_name("is_done")
_NEXT_CURSOR: Final = wire_name("continue_cursor")

_log: Final = logging.getLogger("realtime.client")


class Client:
    """A client of one server, used with `async with`, in one event loop.

    Arguments and results are what JSON has, in wire names, besides `bytes` and `Int64`; numbers
    come as `float`. Calls and watches outlive a cut connection: see each method.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth = None,
        connect_timeout_seconds: float | None = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Make a client, which connects when it is entered.

        Args:
            url: The address of the server, such as `http://127.0.0.1:3210`.
            auth: As for `set_auth`.
            connect_timeout_seconds: How long to try for the first connection; 0: once, None: for
                ever.
            clock: For tests.

        Raises:
            ValidationError: `url` is no address.
        """
        self._url = url
        self._address = _sync_address(url)
        self._auth = auth
        self._connect_timeout_seconds = connect_timeout_seconds
        self._clock = clock or SystemClock()
        self._session = ClientSession(UUID(bytes=self._clock.random_bytes(16), version=4))
        self._connector = Connector(
            self._session,
            self._address,
            self._clock,
            deliver=self._deliver,
            opened=self._note_opened,
            lost=self._note_lost,
        )
        self._tokens = TokenKeeper(self._session, self._clock, self._connector.wake)
        self._results: dict[QueryId, Latest[Outcome]] = {}
        self._requests: dict[RequestId, asyncio.Future[Outcome]] = {}
        self._statuses: Latest[Status] = Latest()
        self._status = Status("connecting")
        self._run: asyncio.Task[None] | None = None
        self._end: Exception | None = None
        """Why nothing can be asked for any more."""
        self._began_seconds = 0.0
        self._first_connection: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect and sign in.

        Raises:
            UnavailableError: The server could not be reached in time, or this was done before.
            AuthenticationError: It does not accept the token or key.
        """
        if self._run is not None:
            raise UnavailableError("A client is entered once: make another")
        self._began_seconds = self._clock.monotonic_seconds()
        self._first_connection = asyncio.get_running_loop().create_future()
        signed_in = self._tokens.begin(self._auth)
        self._run = asyncio.create_task(self._connector.run(), name="realtime client")
        self._run.add_done_callback(self._note_end)
        self._statuses.put(self._status)
        try:
            await asyncio.gather(self._first_connection, signed_in)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; what has not ended fails with `UnavailableError`. Again does no harm."""
        self._fail_all(UnavailableError("The client is closed"))
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait([self._run])

    # Calls

    async def query(self, path: str, args: Mapping[str, Any] | None = None) -> Any:
        """Return the result of a query, run after this call has begun.

        While there is no connection it waits for the next one.

        Raises:
            ApplicationError: The function raised one; it has the data.
            FunctionError: It failed in another way.
            ValidationError: An argument is nothing that can be sent.
            UnavailableError: The client is closed.
        """
        query_id, results = self._subscribe(path, args, is_shared=False)
        try:
            _, outcome = await results.after(0)
        finally:
            self._unsubscribe(query_id)
        return outcome.value()

    async def mutation(self, path: str, args: Mapping[str, Any] | None = None) -> Any:
        """Run a mutation and return its result, once every live query shows its effect.

        It takes effect once, also if connections are cut meanwhile; mutations of one client run in
        the order in which they were asked for. Whoever is cancelled here does not know whether it
        took effect, unless it was not sent: then it does not.

        Raises:
            as `query`.
        """
        return await self._ask(self._session.begin_mutation, path, args)

    async def action(self, path: str, args: Mapping[str, Any] | None = None) -> Any:
        """Run an action and return its result.

        Raises:
            ConnectionLostError: The connection was cut while it ran. It goes on at the server, and
                is not run again.
            LimitError: A thousand actions of this client have not ended.
            and as `query`.
        """
        return await self._ask(self._session.begin_action, path, args)

    def watch(self, path: str, args: Mapping[str, Any] | None = None) -> Watch[Any]:
        """Watch a query: iterate over its results, or hold the watch with `async with`.

        Watches of one query with the same arguments share one subscription. A result is there
        again after a cut connection only if it is another.

        Raises:
            ValidationError: An argument is nothing that can be sent.
            UnavailableError: The client is closed, or not entered.
        """
        query_id, results = self._subscribe(path, args, is_shared=True)
        return Watch(results, lambda: self._unsubscribe(query_id))

    async def pages(
        self, path: str, args: Mapping[str, Any] | None = None, *, page_size: int = 100
    ) -> AsyncIterator[list[Any]]:
        """Iterate over the pages of a paginated query, each read when it is asked for.

        Args:
            path: A query with an argument `paginationOpts`.
            args: Its other arguments.
            page_size: How many documents a page shall have; it may have more or fewer.

        Raises:
            as `query`.
        """
        cursor = None
        while True:
            options = {_ITEM_COUNT: page_size, "cursor": cursor}
            result = await self.query(path, {**(args or {}), _OPTIONS: options})
            yield result["page"]
            if result[_IS_DONE]:
                return
            cursor = result[_NEXT_CURSOR]

    # Who and how

    async def set_auth(self, auth: Auth) -> None:
        """Sign in with a token, a fetcher of tokens or the admin key; None: sign out.

        What is asked for from here on runs as this user. Returns when the server has accepted it.
        A fetcher is an asynchronous function; it is called with False for a token, and with True
        for a fresh one, before the last one ends or if the server refuses it. A token that ends
        without another leaves the client signed out: see `status`.

        Raises:
            AuthenticationError: The server refuses it; nobody is signed in then.
            UnavailableError: The client is closed, or not entered.
        """
        self._check_open()
        answer = self._tokens.begin(auth)
        self._note_identity()
        await answer

    @property
    def status(self) -> Status:
        """Return whether the client is connected and signed in."""
        return self._status

    async def statuses(self) -> AsyncIterator[Status]:
        """Iterate over the status: the present one, and the newest whenever it has changed."""
        revision = 0
        while True:
            revision, status = await self._statuses.after(revision)
            yield status
            if status.connection == "closed":
                return

    # What happens

    def _subscribe(
        self, path: str, args: Mapping[str, Any] | None, *, is_shared: bool
    ) -> tuple[QueryId, Latest[Outcome]]:
        encoded = _encode_args(args)
        self._check_open()
        query_id = self._session.subscribe(path, encoded, is_shared=is_shared)
        self._connector.wake()
        return query_id, self._results.setdefault(query_id, Latest())

    def _unsubscribe(self, query_id: QueryId) -> None:
        if self._session.unsubscribe(query_id):
            del self._results[query_id]
        self._connector.wake()

    async def _ask(
        self,
        begin: Callable[[str, bytes], RequestId],
        path: str,
        args: Mapping[str, Any] | None,
    ) -> Any:
        encoded = _encode_args(args)
        self._check_open()
        request_id = begin(path, encoded)
        end = self._requests[request_id] = asyncio.get_running_loop().create_future()
        self._connector.wake()
        try:
            outcome = await end
        except asyncio.CancelledError:
            self._session.withdraw(request_id)
            raise
        finally:
            del self._requests[request_id]
        return outcome.value()

    def _check_open(self) -> None:
        if self._end is not None:
            raise UnavailableError(str(self._end))
        if self._run is None:
            raise UnavailableError("Enter the client first: `async with Client(url) as client`")

    def _deliver(self, event: Event) -> None:
        match event:
            case QueryChanged():
                results = self._results.get(event.query_id)
                if results is not None:
                    results.put(event.outcome)
            case RequestEnded():
                end = self._requests.get(event.request_id)
                if end is not None and not end.done():
                    end.set_result(event.outcome)
            case ActionLost():
                end = self._requests.get(event.request_id)
                if end is not None and not end.done():
                    end.set_exception(_lost_action())
            case Logged():
                for line in event.lines:
                    _log.info("%s: %s", event.path, line)
            case IdentityConfirmed() | FreshTokenWanted() | IdentityLost():
                self._tokens.receive(event)
                self._note_identity()
            case Refused():
                pass  # the connector ends with it
            case _:
                assert_never(event)

    def _note_opened(self) -> None:
        if self._first_connection is not None and not self._first_connection.done():
            self._first_connection.set_result(None)
        self._put_status(replace(self._status, connection="connected", reason=None))

    def _note_lost(self, reason: str) -> None:
        first = self._first_connection
        if first is None or first.done():
            self._put_status(Status("reconnecting", self._session.is_authenticated, reason))
            return
        self._put_status(replace(self._status, reason=reason))
        limit = self._connect_timeout_seconds
        if limit is not None and self._clock.monotonic_seconds() - self._began_seconds >= limit:
            first.set_exception(
                UnavailableError(f"Cannot reach a server at {self._url} ({reason}). Is it running?")
            )

    def _note_identity(self) -> None:
        self._put_status(replace(self._status, is_authenticated=self._session.is_authenticated))

    def _put_status(self, status: Status) -> None:
        if status != self._status:
            self._status = status
            self._statuses.put(status)

    def _note_end(self, run: asyncio.Task[None]) -> None:
        error = None if run.cancelled() else run.exception()
        if isinstance(error, Exception):
            self._fail_all(error)

    def _fail_all(self, error: Exception) -> None:
        if self._end is not None:
            return
        self._end = error
        self._tokens.stop(error)
        first = self._first_connection
        if first is not None and not first.done():
            first.set_exception(error)
        for end in self._requests.values():
            if not end.done():
                end.set_exception(error)
        for results in self._results.values():
            results.fail(error)
        self._put_status(Status("closed", reason=str(error)))


def _sync_address(url: str) -> str:
    """Return the address of the socket; a path is kept, as that of a server that is mounted."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is parsed when it is read
    except ValueError as error:
        raise ValidationError(f"Expected the address of a server, got `{url}`: {error}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValidationError(
            f"Expected the address of a server such as `http://127.0.0.1:3210`, got `{url}`"
        )
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}{_SYNC_PATH}"


def _encode_args(args: Mapping[str, Any] | None) -> bytes:
    if args is not None and not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # who has no checker
        raise ValidationError(
            f"Expected the arguments as a mapping by their names, got `{type(args).__name__}`"
        )
    return encode_json(dict(args or {}))


def _lost_action() -> ConnectionLostError:
    return ConnectionLostError(
        "The connection was cut while the action ran; it may have taken effect, or part of it"
    )
