"""A client that keeps its session over many sockets, as the npm client does.

It remembers what it has asked for and sends it again on each new socket: its token, its queries
with their journals, and the mutations whose result it has not seen reflected. Every transition is
written down with all results that were valid after it, to be compared with the model at the end.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.raw_client import decode_timestamp
from tests.conversation.model import NOBODY, Effect

DEADLINE_SECONDS = 60.0
_START = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}


@dataclass
class Query:
    """A subscribed query."""

    path: str
    args: Mapping[str, Any]
    journal: str | None = None


@dataclass
class Request:
    """A mutation that has not ended, and everybody it was sent as."""

    path: str
    args: Mapping[str, Any]
    sent_as: set[str] = field(default_factory=set)
    answered_at: int | None = None


@dataclass(frozen=True)
class Delivery:
    """What a transition left the client with: it must be the truth at `timestamp`."""

    timestamp: int
    caller: str
    results: Mapping[int, Any]
    queries: Mapping[int, Query]


class ConversationClient:
    """One client; its moves are plain calls, its socket is read in a task of its own."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        """`tokens` holds a token for each user whom the client may be."""
        self._url = url.replace("http", "ws", 1) + "/api/1.48.0/sync"
        self._tokens = tokens
        self._session_id = str(uuid.uuid4())
        self._connection_count = 0
        self._next_query_id = 0
        self._next_request_id = 0
        self._caller = NOBODY
        self.queries: dict[int, Query] = {}
        self.requests: dict[int, Request] = {}
        """Mutations without a reflected result, in order."""
        self.effects: dict[int, Effect] = {}
        self.deliveries: list[Delivery] = []
        self.refusals = 0
        self.moved = asyncio.Event()
        """Set whenever something has come."""
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._begin_socket()

    def _begin_socket(self) -> None:
        self._version: dict[str, Any] = dict(_START)
        self._query_set = 0
        self._identity = 0
        self._callers = [NOBODY]
        """Who the client is, by identity version."""
        self._results: dict[int, Any] = {}

    # Moves

    @property
    def is_connected(self) -> bool:
        """Return whether the client has a socket."""
        return self._socket is not None

    async def connect(self) -> None:
        """Open a socket and ask again for everything that the client wants."""
        self._socket = await connect(
            self._url, compression=None, max_size=None, ping_interval=None, max_queue=None
        )
        self._begin_socket()
        await self._send(
            "Connect", sessionId=self._session_id, connectionCount=self._connection_count
        )
        self._connection_count += 1
        if self._caller != NOBODY:
            await self._authenticate(self._caller)
        await self._modify([_addition(query_id, query) for query_id, query in self.queries.items()])
        for request_id, request in self.requests.items():
            request.answered_at = None
            await self._ask(request_id, request)
        self._reader = asyncio.create_task(self._read(self._socket))

    async def drop(self) -> None:
        """Lose the socket, with all that is on its way in either direction."""
        assert self._socket is not None and self._reader is not None
        self._socket.transport.abort()
        await self._reader
        self._socket = None

    async def add_query(self, path: str, args: Mapping[str, Any]) -> None:
        """Subscribe to a query."""
        query = self.queries[self._next_query_id] = Query(path, args)
        await self._modify([_addition(self._next_query_id, query)])
        self._next_query_id += 1

    async def remove_query(self, query_id: int) -> None:
        """Unsubscribe from a query."""
        del self.queries[query_id]
        await self._modify([{"type": "Remove", "queryId": query_id}])

    async def mutate(self, path: str, args: Mapping[str, Any]) -> None:
        """Ask for a mutation; it is asked for on each socket until its result was reflected."""
        request = self.requests[self._next_request_id] = Request(path, args)
        await self._ask(self._next_request_id, request)
        self._next_request_id += 1

    async def become(self, caller: str) -> None:
        """Be somebody else from here on."""
        self._caller = caller
        await self._authenticate(caller)

    async def catch_up(self) -> None:
        """Wait until the server has answered what was sent so far, as far as it answers at once."""
        assert self._socket is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            await (await self._socket.ping())

    async def come_to_rest(self) -> None:
        """Wait until all mutations have ended and all queries have a result, after a drop too."""
        if not self.is_connected:
            await self.connect()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.requests or self._results.keys() != self.queries.keys() or self._is_behind:
                self.moved.clear()
                await self._next_move()

    async def _next_move(self) -> None:
        """Wait until something has come; fails if nothing can come any more."""
        assert self._reader is not None
        moved = asyncio.create_task(self.moved.wait())
        await asyncio.wait({moved, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        moved.cancel()
        if self._reader.done():
            self._reader.result()

    # Sending

    async def _send(self, message_type: str, **members: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps({"type": message_type, **members}))

    async def _modify(self, modifications: list[dict[str, Any]]) -> None:
        versions = {"baseVersion": self._query_set, "newVersion": self._query_set + 1}
        self._query_set += 1
        await self._send("ModifyQuerySet", **versions, modifications=modifications)

    async def _authenticate(self, caller: str) -> None:
        token = self._tokens.get(caller)
        kind = {"tokenType": "None"} if token is None else {"tokenType": "User", "value": token}
        base = self._identity
        self._identity += 1
        self._callers.append(caller)
        await self._send("Authenticate", baseVersion=base, **kind)

    async def _ask(self, request_id: int, request: Request) -> None:
        request.sent_as.add(self._caller)
        await self._send(
            "Mutation", requestId=request_id, udfPath=request.path, args=[dict(request.args)]
        )

    # Receiving

    @property
    def _is_behind(self) -> bool:
        reached = self._version["querySet"], self._version["identity"]
        return reached != (self._query_set, self._identity)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._take(json.loads(await socket.recv()))
                self.moved.set()
        except ConnectionClosed as error:
            assert error.rcvd is None, f"the server closed the socket: {error.rcvd}"

    def _take(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "Transition":
                self._take_transition(message)
            case "MutationResponse":
                self._take_response(message)
            case "Ping":
                pass
            case _:
                raise AssertionError(message)

    def _take_transition(self, message: Mapping[str, Any]) -> None:
        end = message["endVersion"]
        assert message["startVersion"] == self._version, "the transitions are no chain"
        assert decode_timestamp(end["ts"]) >= decode_timestamp(self._version["ts"])
        self._version = end
        for modification in message["modifications"]:
            query_id = modification["queryId"]
            if modification["type"] == "QueryRemoved":
                self._results.pop(query_id, None)
                continue
            assert modification["type"] == "QueryUpdated", modification
            assert modification["logLines"] == []
            self._results[query_id] = modification["value"]
            if query_id in self.queries:
                self.queries[query_id].journal = modification["journal"]
        timestamp = decode_timestamp(end["ts"])
        self._note_delivery(timestamp, self._callers[end["identity"]])
        for request_id, request in list(self.requests.items()):
            if request.answered_at is not None and request.answered_at <= timestamp:
                del self.requests[request_id]

    def _note_delivery(self, timestamp: int, caller: str) -> None:
        known = {
            query_id: self.queries[query_id] for query_id in self._results.keys() & self.queries
        }
        results = {query_id: self._results[query_id] for query_id in known}
        self.deliveries.append(Delivery(timestamp, caller, results, known))

    def _take_response(self, message: Mapping[str, Any]) -> None:
        request_id = message["requestId"]
        request = self.requests[request_id]
        assert request.answered_at is None, "answered twice on one socket"
        if not message["success"]:
            assert request.path == "posts:refuse", message
            assert message["errorData"] == {"code": "Refused"}
            self.refusals += 1
            del self.requests[request_id]
            return
        effect = Effect(
            decode_timestamp(message["ts"]), request.path, request.args, message["result"]
        )
        assert self.effects.setdefault(request_id, effect) == effect, "a re-sent mutation ran again"
        if effect.path == "posts:add":
            assert effect.result in request.sent_as
        request.answered_at = effect.timestamp


def _addition(query_id: int, query: Query) -> dict[str, Any]:
    return {
        "type": "Add",
        "queryId": query_id,
        "udfPath": query.path,
        "args": [dict(query.args)],
        "journal": query.journal,
    }
