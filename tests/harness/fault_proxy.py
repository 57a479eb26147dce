"""A proxy between clients and a server that cuts, holds and repeats messages at named points.

It stands on the loopback interface in a thread of its own, passes bytes on unchanged, and reads
along: after a WebSocket handshake it knows each frame, and a test says at which message of which
direction something shall go wrong. A fault happens once, and the test can wait for it:

    with FaultProxy(server.port) as proxy:
        fault = proxy.cut_before(TO_CLIENT, of_type("MutationResponse"))
        ...                       # a client of `proxy.url` asks for a mutation
        fault.wait()
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

Direction = Literal["to server", "to client"]
TO_SERVER: Direction = "to server"
TO_CLIENT: Direction = "to client"

Message = dict[str, Any]
Condition = Callable[[Message], bool]

DEADLINE_SECONDS = 30.0
_TEXT = 1


def of_type(name: str, **members: Any) -> Condition:
    """Return a condition for messages of a type that have these members."""
    return lambda message: message["type"] == name and members.items() <= message.items()


class _Kind(Enum):
    CUT_BEFORE = auto()
    CUT_AFTER = auto()
    HOLD = auto()
    REPEAT = auto()


class _Cut(Exception):
    """The connection is to be cut at this point."""


@dataclass(eq=False)
class Fault:
    """Something that goes wrong once, at the first message that fulfils the condition."""

    kind: _Kind
    direction: Direction
    condition: Condition
    _happened: threading.Event = field(default_factory=threading.Event)
    _decision: Future[bool] = field(default_factory=Future)

    def wait(self) -> None:
        """Return when it has happened."""
        assert self._happened.wait(DEADLINE_SECONDS), f"{self.kind} did not happen"

    def release(self) -> None:
        """Pass on what is held, and what came behind it."""
        self._decision.set_result(True)

    def cut(self) -> None:
        """Cut the connection of what is held; it is lost."""
        self._decision.set_result(False)

    async def happen(self, frame: bytes, forward: asyncio.StreamWriter) -> None:
        """Deal with the frame at which it happens; `_Cut` if it is not to be passed on."""
        self._happened.set()
        if self.kind is _Kind.HOLD and not await asyncio.wrap_future(self._decision):
            raise _Cut
        if self.kind is _Kind.CUT_BEFORE:
            raise _Cut
        forward.write(frame * (2 if self.kind is _Kind.REPEAT else 1))
        await forward.drain()


class FaultProxy:
    """A proxy to a port of the loopback interface; a context manager."""

    def __init__(self, target_port: int) -> None:
        self.messages: list[tuple[Direction, Message]] = []
        """All messages passed on so far, without those that were cut off."""
        self.connection_count = 0
        self._target_port = target_port
        self._faults: list[Fault] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy")
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    @property
    def url(self) -> str:
        """Return the address that clients use in place of the server's."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    def cut_before(self, direction: Direction, condition: Condition) -> Fault:
        """Cut the connection in place of passing a message on."""
        return self._add(Fault(_Kind.CUT_BEFORE, direction, condition))

    def cut_after(self, direction: Direction, condition: Condition) -> Fault:
        """Cut the connection as soon as a message was passed on."""
        return self._add(Fault(_Kind.CUT_AFTER, direction, condition))

    def hold(self, direction: Direction, condition: Condition) -> Fault:
        """Hold a message, and all behind it, until the test releases or cuts it."""
        return self._add(Fault(_Kind.HOLD, direction, condition))

    def repeat(self, direction: Direction, condition: Condition) -> Fault:
        """Pass a message on twice."""
        return self._add(Fault(_Kind.REPEAT, direction, condition))

    def passed(self, direction: Direction, type_name: str) -> list[Message]:
        """Return the messages of a type that were passed on in a direction, in order."""
        return [m for d, m in tuple(self.messages) if d == direction and m["type"] == type_name]

    def _add(self, fault: Fault) -> Fault:
        self._loop.call_soon_threadsafe(self._faults.append, fault)
        self._call(asyncio.sleep(0))  # it is there when this returns
        return fault

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_SECONDS)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        try:
            await self._pass_on((reader, writer), server)
        except (OSError, asyncio.IncompleteReadError, _Cut):
            pass  # either side is gone, or shall be
        finally:
            for end in (writer, server[1]):
                end.close()

    async def _pass_on(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Pass on the handshake and then the frames, or everything if it is no WebSocket."""
        server[1].write(await client[0].readuntil(b"\r\n\r\n"))
        first = asyncio.ensure_future(server[0].readuntil(b"\r\n\r\n"))
        body = asyncio.ensure_future(_copy(client[0], server[1]))
        try:
            await asyncio.wait([first, body], return_when=asyncio.FIRST_COMPLETED)
            head = await first
            client[1].write(head)
            if head.split(b"\r\n", 1)[0].split()[1] != b"101":
                await _copy(server[0], client[1])
                return
        finally:
            body.cancel()
            first.cancel()
            await asyncio.gather(body, first, return_exceptions=True)
        self.connection_count += 1
        ways = [
            self._pass_frames(TO_SERVER, client[0], server[1]),
            self._pass_frames(TO_CLIENT, server[0], client[1]),
        ]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _pass_frames(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            frame, message = await _read_frame(reader)
            fault = self._take_fault(direction, message) if message else None
            if fault:
                await fault.happen(frame, writer)
            else:
                writer.write(frame)
                await writer.drain()
            if message:
                self.messages.append((direction, message))
            if fault and fault.kind is _Kind.CUT_AFTER:
                raise _Cut

    def _take_fault(self, direction: Direction, message: Message) -> Fault | None:
        for fault in self._faults:
            if fault.direction == direction and fault.condition(message):
                self._faults.remove(fault)
                return fault
        return None


MUTATION_CUTS: dict[str, Callable[[FaultProxy], Fault]] = {
    "before arrival": lambda proxy: proxy.cut_before(TO_SERVER, of_type("Mutation")),
    "after commit": lambda proxy: proxy.cut_before(TO_CLIENT, of_type("MutationResponse")),
    "after the answer": lambda proxy: proxy.cut_after(TO_CLIENT, of_type("MutationResponse")),
}
"""The points at which a cut finds a mutation in another state."""


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bytes, Message | None]:
    """Return the next frame as it came, and the message in it if it is a whole text message."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        extension = await reader.readexactly(2 if length == 126 else 8)
        head += extension
        length = int.from_bytes(extension, "big")
    mask = await reader.readexactly(4) if head[1] & 0x80 else b""
    payload = await reader.readexactly(length)
    message = _read_message(payload, mask) if head[0] == 0x80 | _TEXT else None
    return head + mask + payload, message


def _read_message(payload: bytes, mask: bytes) -> Message:
    if mask:
        repeated = mask * (len(payload) // 4 + 1)
        size = len(payload)
        number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:size], "big")
        payload = number.to_bytes(size, "big")
    message: Message = json.loads(payload)
    return message
