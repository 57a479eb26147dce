"""The client side of the sync protocol, cheap enough to load a server from one core.

A load generator that costs as much as the server measures itself. So: a bare asyncio protocol, no
WebSocket library, frames taken apart in place, JSON parsed only where a value is needed. Client
frames are masked with a key of four zero bytes: the protocol asks for a key, not for a secret one,
and the server's work stays the same.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, cast

HOST = "127.0.0.1"
SYNC_PATH = "/api/1.48.0/sync"
TIMEOUT_SECONDS = 60.0

_HANDSHAKE = (
    f"GET {SYNC_PATH} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: cmVhbHRpbWUtYmVuY2gtMQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
_RESPONSE = b'{"type":"MutationResponse"'
_TRANSITION = b'{"type":"Transition"'
_START_VERSION = b'"startVersion":'
_END_VERSION = b'"endVersion":'
_TIMESTAMP = b'"ts":"'
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_CONTROL_FRAME_LIMIT = 125


class LoadError(Exception):
    """The server did not do what the protocol says, or did not do it in time."""


def encode_frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """Return one masked frame with the whole payload."""
    size = len(payload)
    if size <= _CONTROL_FRAME_LIMIT:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def decode_timestamp(text: bytes | str) -> int:
    """Return the number of an encoded timestamp."""
    return int.from_bytes(base64.b64decode(text), "little")


def _version_text(payload: bytes, name: bytes) -> bytes:
    begin = payload.find(name) + len(name)
    return payload[begin : payload.find(b"}", begin) + 1]


class SyncConnection(asyncio.Protocol):
    """One socket to a server. Subclasses override what they receive.

    `failures` is shared by all connections of a load: what goes wrong is appended to it, and the
    load looks at it when it ends. Every transition must begin at the version at which the one
    before it ended.
    """

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.timestamp = 0
        self.request_ids = itertools.count()
        self._query_ids = itertools.count()
        self._query_set_version = 0
        self._end_version = b""
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._opened: asyncio.Future[None] | None = None
        self._is_open = False
        self._is_closing = False
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._subscribing: dict[int, asyncio.Future[bytes]] = {}

    async def open(self, port: int) -> None:
        """Connect, shake hands and send the first message."""
        loop = asyncio.get_running_loop()
        self._opened = loop.create_future()
        await loop.create_connection(lambda: self, HOST, port)
        await asyncio.wait_for(self._opened, TIMEOUT_SECONDS)
        session_id = str(uuid.uuid4())
        self.send({"type": "Connect", "sessionId": session_id, "connectionCount": 0})

    def close(self) -> None:
        """Cut the socket; what is under way is not waited for."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message as JSON."""
        self.send_frame(encode_frame(json.dumps(message, separators=(",", ":")).encode()))

    def send_frame(self, frame: bytes) -> None:
        """Send a frame that is encoded already."""
        assert self._transport is not None
        self._transport.write(frame)

    async def call(self, path: str, args: Mapping[str, Any]) -> Any:
        """Run a mutation and return its result."""
        request_id = next(self.request_ids)
        future = self._calls[request_id] = asyncio.get_running_loop().create_future()
        self.send(
            {"type": "Mutation", "requestId": request_id, "udfPath": path, "args": [dict(args)]}
        )
        return await asyncio.wait_for(future, TIMEOUT_SECONDS)

    def modify_query_set(
        self, *, add: Iterable[tuple[str, Mapping[str, Any]]] = (), remove: Iterable[int] = ()
    ) -> tuple[int, list[int]]:
        """Send one change of the query set; return its version and the ids of what it adds."""
        modifications: list[dict[str, Any]] = [
            {"type": "Remove", "queryId": query_id} for query_id in remove
        ]
        query_ids: list[int] = []
        for path, args in add:
            query_ids.append(next(self._query_ids))
            modifications.append(
                {"type": "Add", "queryId": query_ids[-1], "udfPath": path, "args": [dict(args)]}
            )
        base = self._query_set_version
        self._query_set_version = base + 1
        self.send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": base,
                "newVersion": base + 1,
                "modifications": modifications,
            }
        )
        return base + 1, query_ids

    async def subscribe(self, queries: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
        """Add queries and return the transition that brings their first results."""
        version, _ = self.modify_query_set(add=queries)
        future = self._subscribing[version] = asyncio.get_running_loop().create_future()
        payload: bytes = await asyncio.wait_for(future, TIMEOUT_SECONDS)
        if b'"QueryFailed"' in payload:
            raise LoadError(f"A subscription failed: {payload[:500]!r}")
        return payload

    def response_received(self, message: Mapping[str, Any]) -> None:
        """Take the answer of a mutation; the base class gives it to who waits in `call`."""
        future = self._calls.pop(message["requestId"], None)
        if future is None or future.done():
            return
        if message["success"]:
            future.set_result(message["result"])
        else:
            future.set_exception(LoadError(f"A mutation failed: {message['result']}"))

    def transition_received(self, payload: bytes) -> None:
        """Take a transition; `timestamp` and the query set version are up to date already."""

    def frame_received(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Take the text frame at `data[start:end]`; overridden where even a copy costs too much."""
        payload = bytes(data[start:end])
        if payload.startswith(_RESPONSE):
            self.response_received(json.loads(payload))
        elif payload.startswith(_TRANSITION):
            self._advance(payload)
        else:
            self._receive_other(payload)

    def _receive_other(self, payload: bytes) -> None:
        message = json.loads(payload)
        match message["type"]:
            case "MutationResponse":
                self.response_received(message)
            case "Transition":
                self._advance(json.dumps(message, separators=(",", ":")).encode())
            case "Ping":
                pass
            case _:
                self.failures.append(f"Unexpected message: {payload[:300]!r}")

    def _advance(self, payload: bytes) -> None:
        start_version = _version_text(payload, _START_VERSION)
        end_version = _version_text(payload, _END_VERSION)
        if start_version != self._end_version and self._end_version:
            if json.loads(start_version) != json.loads(self._end_version):
                self.failures.append(f"Broken chain: {self._end_version!r}, {start_version!r}")
        self._end_version = end_version
        begin = end_version.find(_TIMESTAMP) + len(_TIMESTAMP)
        self.timestamp = decode_timestamp(end_version[begin : end_version.find(b'"', begin)])
        if self._subscribing:
            self._finish_subscribing(payload, json.loads(end_version)["querySet"])
        self.transition_received(payload)

    def _finish_subscribing(self, payload: bytes, query_set_version: int) -> None:
        for version in [v for v in self._subscribing if v <= query_set_version]:
            future = self._subscribing.pop(version)
            if not future.done():
                future.set_result(payload)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_HANDSHAKE)

    def data_received(self, data: bytes | bytearray) -> None:
        """Take apart what arrived; an incomplete frame waits for its rest."""
        buffer = self._buffer
        if buffer:
            buffer += data
            data = buffer
        position = 0 if self._is_open else self._finish_handshake(data)
        if self._is_open:
            position = self._take_frames(data, position)
        if data is buffer:
            del buffer[:position]
        elif position < len(data):
            buffer += data[position:]

    def _take_frames(self, data: bytes | bytearray, position: int) -> int:
        size = len(data)
        while size - position >= 2:
            opcode = data[position] & 15
            length = data[position + 1]
            start = position + 2
            if length == 126:
                start += 2
                length = int.from_bytes(data[start - 2 : start], "big")
            elif length == 127:
                start += 8
                length = int.from_bytes(data[start - 8 : start], "big")
            end = start + length
            if size < end:
                break
            if opcode == _TEXT:
                self.frame_received(data, start, end)
            else:
                self._receive_control(opcode, bytes(data[start:end]))
            position = end
        return position

    def _receive_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.send_frame(encode_frame(payload, _PONG))
        elif opcode == _CLOSE and not self._is_closing:
            code = int.from_bytes(payload[:2], "big")
            self._fail(f"The server closed a socket: {code} {payload[2:]!r}")
        elif opcode not in (_PONG, _CLOSE):
            self._fail(f"Unexpected frame with opcode {opcode}")

    def _finish_handshake(self, data: bytes | bytearray) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0 or self._opened is None:
            return 0
        status = bytes(data[: data.find(b"\r\n")])
        if b" 101 " in status:
            self._is_open = True
            self._opened.set_result(None)
        else:
            self._fail(f"The server refused the upgrade: {status!r}")
        return end + 4

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for this socket learns that nothing more comes."""
        if not self._is_closing:
            self._fail("The server closed a socket")

    def _fail(self, reason: str) -> None:
        self.failures.append(reason)
        self._is_closing = True
        error = LoadError(reason)
        waiting: list[asyncio.Future[Any]] = [*self._calls.values(), *self._subscribing.values()]
        if self._opened is not None:
            waiting.append(self._opened)
        for future in waiting:
            if not future.done():
                future.set_exception(error)
