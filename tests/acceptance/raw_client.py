"""A bare sync client on asyncio, for many sockets, many queries and many calls in flight.

It receives only when the test asks it to, so a test can show that nothing has come: `arrived`
makes a round trip first, and the server answers in the order of what it has written.
"""

from __future__ import annotations

import asyncio
import json
import struct
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.harness.server_process import ADMIN_KEY

DEADLINE_SECONDS = 30.0
MAX_RESPONSES = 20_000
"""More than any load gets before its server is to end."""

Call = tuple[str, Mapping[str, Any]]
"""A function path and its arguments."""


@dataclass(frozen=True)
class Closed:
    """How the server ended a socket; code None when it just vanished."""

    code: int | None
    reason: str


class RawClient:
    """One socket to `/api/sync`; an async context manager that greets on entry."""

    def __init__(self, url: str, *, session_id: str | None = None) -> None:
        self.session_id = session_id or str(uuid.uuid4())
        self.results: dict[int, Any] = {}
        """The newest result of each query; a failure is the whole modification."""
        self.transition_count = 0
        self._address = url.replace("http", "ws", 1) + "/api/1.48.0/sync"
        self._query_set = 0
        self._next_query_id = 0
        self._next_request_id = 0
        self._version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
        self._socket: ClientConnection

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._address,
            compression=None,
            max_size=None,
            max_queue=None,
            ping_interval=None,
            open_timeout=DEADLINE_SECONDS,
        )
        await self.send("Connect", sessionId=self.session_id, connectionCount=0)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.transport.abort()
        await self._socket.wait_closed()

    @property
    def timestamp(self) -> int:
        """Return the timestamp to which the transitions have led."""
        return decode_timestamp(self._version["ts"])

    async def send(self, message_type: str, **members: Any) -> None:
        """Send one message."""
        await self._socket.send(json.dumps({"type": message_type, **members}))

    async def add_queries(self, calls: Sequence[Call]) -> list[int]:
        """Subscribe to queries in one message, without waiting; return their ids."""
        ids = list(range(self._next_query_id, self._next_query_id + len(calls)))
        self._next_query_id += len(calls)
        additions = [
            {"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]}
            for query_id, (path, args) in zip(ids, calls, strict=True)
        ]
        versions = {"baseVersion": self._query_set, "newVersion": self._query_set + 1}
        self._query_set += 1
        await self.send("ModifyQuerySet", **versions, modifications=additions)
        return ids

    async def subscribe(self, path: str, args: Mapping[str, Any]) -> int:
        """Subscribe to a query and wait for its first result; return its id."""
        (query_id,) = await self.add_queries([(path, args)])
        await self.receive_until(lambda _: query_id in self.results)
        return query_id

    async def ask(self, path: str, args: Mapping[str, Any], request_id: int | None = None) -> int:
        """Ask for a mutation, without waiting; return its request id."""
        if request_id is None:
            request_id = self._next_request_id
            self._next_request_id += 1
        await self.send("Mutation", requestId=request_id, udfPath=path, args=[args])
        return request_id

    async def mutate(self, path: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a mutation; return its response when its transition has come, too."""
        request_id = await self.ask(path, args)
        response = (await self.receive_until(lambda message: is_response(message, request_id)))[-1]
        if response["success"]:
            timestamp = decode_timestamp(response["ts"])
            await self.receive_until(lambda _: self.timestamp >= timestamp)
        return response

    async def receive(self) -> dict[str, Any]:
        """Return the next message that is not a ping; check that transitions are a chain.

        Raises:
            TimeoutError: there is none by the deadline.
            ConnectionClosed: the server has ended the socket.
        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (message := json.loads(await self._socket.recv()))["type"] == "Ping":
                pass
        self._take_in(message)
        return message

    async def receive_until(
        self, condition: Callable[[dict[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """Receive up to the first message after which `condition` holds; return all of them."""
        messages = [await self.receive()]
        while not condition(messages[-1]):
            messages.append(await self.receive())
        return messages

    async def arrived(self) -> list[dict[str, Any]]:
        """Return the messages that the server has written up to now and nobody has received."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await (await self._socket.ping())
        messages = []
        while True:
            try:
                async with asyncio.timeout(0):
                    text = await self._socket.recv()
            except TimeoutError:
                return messages
            message = json.loads(text)
            if message["type"] != "Ping":
                self._take_in(message)
                messages.append(message)

    async def receive_end(self) -> tuple[list[dict[str, Any]], Closed]:
        """Return what the server still says, and how it ends the socket."""
        messages = []
        try:
            while True:
                messages.append(await self.receive())
        except ConnectionClosed as error:
            return messages, closing(error)

    def _take_in(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "Transition":
            return
        assert message["startVersion"] == self._version
        self._version = message["endVersion"]
        self.transition_count += 1
        for modification in message["modifications"]:
            is_value = modification["type"] == "QueryUpdated"
            self.results[modification["queryId"]] = (
                modification["value"] if is_value else modification
            )


@dataclass
class Load:
    """A client that keeps mutations in flight until its socket ends."""

    path: str
    args: Callable[[int], Mapping[str, Any]]
    """Returns the arguments of the mutation with a number, from 0 on; it is the request id."""
    on_response: Callable[[], None] = lambda: None
    """Called after each response."""
    in_flight: int = 20
    asked: int = 0
    responses: list[dict[str, Any]] = field(default_factory=list)
    """In the order in which they came."""
    covered: int = 0
    """The newest timestamp of a transition."""
    closed: Closed | None = None

    @property
    def acknowledged(self) -> list[int]:
        """Return the numbers of the mutations that are said to have happened."""
        return [response["requestId"] for response in self.responses if response["success"]]

    async def run(self, client: RawClient) -> None:
        """Send until the socket ends; what was in flight then has no response."""
        try:
            for _ in range(self.in_flight):
                await self._ask(client)
            while True:
                if self._note(client, await client.receive()):
                    await self._ask(client)
        except ConnectionClosed:
            # Sending notices the end before the last messages have been received.
            messages, self.closed = await client.receive_end()
            for message in messages:
                self._note(client, message)

    def _note(self, client: RawClient, message: dict[str, Any]) -> bool:
        self.covered = client.timestamp
        if message["type"] != "MutationResponse":
            return False
        self.responses.append(message)
        assert len(self.responses) < MAX_RESPONSES, "The socket did not end"
        self.on_response()
        return True

    async def _ask(self, client: RawClient) -> None:
        await client.ask(self.path, self.args(self.asked), self.asked)
        self.asked += 1


def is_response(message: Mapping[str, Any], request_id: int) -> bool:
    """Return whether a message is the answer to a mutation."""
    return message["type"] == "MutationResponse" and message["requestId"] == request_id


def decode_timestamp(text: str) -> int:
    """Return the number that an encoded timestamp stands for."""
    (timestamp,) = struct.unpack("<Q", b64decode(text))
    return int(timestamp)


def closing(error: ConnectionClosed) -> Closed:
    """Return how a socket was ended."""
    frame = error.rcvd
    return Closed(None, "") if frame is None else Closed(frame.code, frame.reason)


def call_as_admin(url: str, path: str, args: Mapping[str, Any] | None = None) -> Any:
    """Run any function as the administrator over HTTP and return its value."""
    response = httpx.post(
        f"{url}/api/function",
        json={"path": path, "args": dict(args or {}), "format": "json"},
        headers={"Authorization": f"Convex {ADMIN_KEY}"},
        timeout=DEADLINE_SECONDS,
    )
    body = response.raise_for_status().json()
    assert body["status"] == "success", body
    return body["value"]
