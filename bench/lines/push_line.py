"""The least that a Python process can do to push one text to many sockets: the line for pushes.

A bare asyncio protocol writes the same bytes, a WebSocket frame made once, to each of its
transports; when the other side has all of them, it does so again. What is measured is the
processor time of the writing process per message. Nothing is decided, looked up or counted per
socket: a server that pushes can only come close.

    python bench/lines/push_line.py --sockets 1000 --bytes 10000 --seconds 3

prints one line of JSON. The reading side is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Coroutine
from typing import Any, cast

HOST = "127.0.0.1"
LIMIT_SECONDS = 60.0
WARMUP_ROUNDS = 5


def text_frame(size_bytes: int) -> bytes:
    """Return a server's text frame with `size_bytes` of payload."""
    payload = b"x" * size_bytes
    if size_bytes < 126:
        return bytes((0x81, size_bytes)) + payload
    if size_bytes < 65536:
        return b"\x81\x7e" + size_bytes.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size_bytes.to_bytes(8, "big") + payload


class Writer:
    """The sockets that are written to, and the signal that all have read."""

    def __init__(self, sockets: int) -> None:
        self.sockets = sockets
        self.transports: list[asyncio.Transport] = []
        self.all_connected = asyncio.Event()
        self.round_read = asyncio.Event()


class WriterProtocol(asyncio.Protocol):
    """One socket of the writer; the reader says on one of them that a round has arrived."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the round."""
        writer = self._writer
        writer.transports.append(cast("asyncio.Transport", transport))
        if len(writer.transports) == writer.sockets:
            writer.all_connected.set()

    def data_received(self, data: bytes) -> None:
        """Learn that the reader has everything."""
        self._writer.round_read.set()


class Reader:
    """Counts what arrives on all sockets together."""

    def __init__(self, round_bytes: int) -> None:
        self.round_bytes = round_bytes
        self.missing = round_bytes
        self.closed = asyncio.Event()


class ReaderProtocol(asyncio.Protocol):
    """One socket of the reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count; answer when the round is complete."""
        reader = self._reader
        reader.missing -= len(data)
        if reader.missing == 0 and self._transport is not None:
            reader.missing = reader.round_bytes
            self._transport.write(b".")

    def connection_lost(self, exc: Exception | None) -> None:
        """The writer has ended."""
        self._reader.closed.set()


async def read_rounds(port: int, sockets: int, round_bytes: int) -> None:
    """Read until the writer closes."""
    reader = Reader(round_bytes)
    loop = asyncio.get_running_loop()
    for _ in range(sockets):
        await loop.create_connection(lambda: ReaderProtocol(reader), HOST, port)
    await asyncio.wait_for(reader.closed.wait(), 2 * LIMIT_SECONDS)


async def write_rounds(options: argparse.Namespace) -> dict[str, Any]:
    """Accept the sockets and write rounds for the time given; return what they cost."""
    writer = Writer(options.sockets)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: WriterProtocol(writer), HOST, 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    frame = text_frame(options.bytes)
    reader = start_reader(options, port, len(frame) * options.sockets)
    try:
        await asyncio.wait_for(writer.all_connected.wait(), LIMIT_SECONDS)
        for _ in range(WARMUP_ROUNDS):
            await write_round(writer, frame)
        rounds = 0
        begin_cpu, begin = time.process_time(), time.perf_counter()
        while time.perf_counter() - begin < options.seconds:
            await write_round(writer, frame)
            rounds += 1
        cpu, seconds = time.process_time() - begin_cpu, time.perf_counter() - begin
    finally:
        reader.kill()
        reader.wait()
        server.close()
    messages = rounds * options.sockets
    return {
        "sockets": options.sockets,
        "bytes": options.bytes,
        "messages": messages,
        "seconds": round(seconds, 3),
        "cpu_us_per_message": round(cpu / messages * 1e6, 2),
        "round_ms": round(seconds / rounds * 1000, 3),
    }


async def write_round(writer: Writer, frame: bytes) -> None:
    """Write the frame to every socket and wait until all of it has arrived."""
    writer.round_read.clear()
    for transport in writer.transports:
        transport.write(frame)
    await asyncio.wait_for(writer.round_read.wait(), LIMIT_SECONDS)


def start_reader(
    options: argparse.Namespace, port: int, round_bytes: int
) -> subprocess.Popen[bytes]:
    """Start the reading process."""
    numbers = [port, options.sockets, round_bytes, options.reader_core]
    command = [sys.executable, __file__, "--read", *map(str, numbers)]
    return subprocess.Popen(command)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run under uvloop where it exists, as the server does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def pin(core: int) -> None:
    """Keep this process on one core; negative: leave it alone."""
    if core >= 0:
        os.sched_setaffinity(0, {core})


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=10_000, help="payload of a message")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--writer-core", type=int, default=-1)
    parser.add_argument("--reader-core", type=int, default=-1)
    parser.add_argument("--read", type=int, nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        port, sockets, round_bytes, core = options.read
        pin(core)
        run(read_rounds(port, sockets, round_bytes))
    else:
        pin(options.writer_core)
        print(json.dumps(run(write_rounds(options))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
