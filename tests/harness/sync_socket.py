"""A bare sync socket: sends what a test writes and returns what the server says."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DEADLINE_SECONDS = 30.0
NPM_PATH = "/api/1.48.0/sync"


@dataclass(frozen=True)
class Closed:
    """How the server ended a socket."""

    code: int | None
    reason: str


class SyncSocket:
    """A socket to `/api/sync` as the npm client opens it; a context manager."""

    def __init__(self, url: str, path: str = NPM_PATH) -> None:
        address = url.replace("http", "ws", 1) + path
        self._stack = ExitStack()
        self.connection: ClientConnection = self._stack.enter_context(
            connect(address, max_size=None, open_timeout=DEADLINE_SECONDS, compression=None)
        )
        self._query_set = 0
        self._version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}

    def __enter__(self) -> SyncSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        self.connection.send(json.dumps(message))

    def greet(self) -> SyncSocket:
        """Send the first message of a client."""
        session = {"sessionId": str(uuid.uuid4()), "connectionCount": 0}
        self.send({"type": "Connect", **session, "lastCloseReason": "InitialConnect"})
        return self

    def add_query(self, query_id: int, path: str, args: Sequence[Any]) -> None:
        """Subscribe to a query."""
        addition = {"type": "Add", "queryId": query_id, "udfPath": path, "args": args}
        versions = {"baseVersion": self._query_set, "newVersion": self._query_set + 1}
        self._query_set += 1
        self.send({"type": "ModifyQuerySet", **versions, "modifications": [addition]})

    def mutate(self, request_id: int, path: str, args: Sequence[Any]) -> None:
        """Ask for a mutation."""
        call = {"requestId": request_id, "udfPath": path, "args": args}
        self.send({"type": "Mutation", **call})

    def receive(self, deadline_seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        """Return the next message that is not a ping; check that transitions are a chain.

        Raises:
            TimeoutError: there is none by the deadline.
        """
        end = time.monotonic() + deadline_seconds
        while True:
            text = self.connection.recv(timeout=max(end - time.monotonic(), 0.001))
            message: dict[str, Any] = json.loads(text)
            if message["type"] == "Transition":
                assert message["startVersion"] == self._version
                self._version = message["endVersion"]
            if message["type"] != "Ping":
                return message

    def receive_type(self, message_type: str) -> dict[str, Any]:
        """Return the next message of a type, passing over others."""
        while (message := self.receive())["type"] != message_type:
            pass
        return message

    def receive_result(self, query_id: int) -> dict[str, Any]:
        """Return the next new result of a query."""
        while True:
            for modification in self.receive_type("Transition")["modifications"]:
                if modification["queryId"] == query_id:
                    result: dict[str, Any] = modification
                    return result

    def receive_end(self) -> tuple[list[dict[str, Any]], Closed]:
        """Return what the server still says, and how it closes the socket."""
        messages = []
        try:
            while True:
                messages.append(self.receive())
        except ConnectionClosed as error:
            frame = error.rcvd
            return messages, Closed(frame and frame.code, frame.reason if frame else "")
