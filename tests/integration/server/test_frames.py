"""Frames as they come from clients that know no manners."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from websockets.frames import Opcode

from realtime.server.connection import MAX_MESSAGE_BYTES
from tests.integration.server.accepted_sockets import DEADLINE_SECONDS, MIB
from tests.integration.server.raw_client import frame, raw_client


@pytest.mark.asyncio
async def test_larger_message_is_refused_with_1009_and_a_reason(serve: Any) -> None:
    size_bytes = 20_000_000
    header = struct.pack("!BBQ", 0x80 | Opcode.TEXT, 0x80 | 127, size_bytes) + bytes(4)
    async with raw_client(serve, ws_max_size=MAX_MESSAGE_BYTES) as (client, connection, listener):
        # The client reads only when it has sent everything, as simple ones do.
        client.writer.write(header + b"x" * size_bytes)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await client.writer.drain()
        opcode, payload = await client.receive_frame()
        rest = await client.read_to_end()
        connection.write([[b"nobody reads this"]])
        connection.close(1000, "")

    assert (opcode, payload[:2], rest) == (8, struct.pack("!H", 1009), b"")
    assert str(MAX_MESSAGE_BYTES) in payload[2:].decode()
    assert listener.lost == [(1009, payload[2:].decode())]
    assert listener.messages == []


@pytest.mark.asyncio
async def test_text_that_is_not_utf8_is_refused_with_1007(serve: Any) -> None:
    async with raw_client(serve, frame(Opcode.TEXT, b"\xff\xfe")) as (client, _, listener):
        opcode, payload = await client.receive_frame()
        await listener.until(lambda seen: bool(seen.lost))

    assert (opcode, payload[:2]) == (8, struct.pack("!H", 1007))
    assert listener.messages == []
    assert listener.lost[0][0] == 1007


@pytest.mark.asyncio
async def test_frame_that_breaks_the_protocol_is_refused_with_1002(serve: Any) -> None:
    async with raw_client(serve, frame(Opcode.CONT, b"x")) as (client, *_):
        opcode, payload = await client.receive_frame()
        rest = await client.read_to_end()

    assert (opcode, payload[:2], rest) == (8, struct.pack("!H", 1002), b"")


@pytest.mark.asyncio
async def test_empty_fragments_leave_nothing_behind(serve: Any) -> None:
    fragments = frame(Opcode.TEXT, b"a", is_last=False) + frame(Opcode.CONT, is_last=False) * 50_000
    async with raw_client(serve) as (client, connection, listener):
        client.writer.write(fragments + frame(Opcode.PING))
        opcode, _ = await client.receive_frame()
        held = len(connection.frames)
        client.writer.write(frame(Opcode.CONT, b"b"))
        await listener.until(lambda seen: bool(seen.messages))

    assert (opcode, held) == (10, 1)
    assert listener.messages == ["ab"]


@pytest.mark.asyncio
async def test_binary_fragments_are_told_as_binary(serve: Any) -> None:
    frames = frame(Opcode.BINARY, b"\xff", is_last=False) + frame(Opcode.CONT, b"\xff")
    async with raw_client(serve, frames) as (_, _connection, listener):
        await listener.until(lambda seen: bool(seen.messages))

    assert listener.messages == [None]


@pytest.mark.asyncio
async def test_pings_are_answered_while_the_client_reads(serve: Any) -> None:
    async with raw_client(serve, frame(Opcode.PING, b"p1") + frame(Opcode.PING, b"p2")) as (
        client,
        *_,
    ):
        pongs = [await client.receive_frame() for _ in range(2)]

    assert pongs == [(10, b"p1"), (10, b"p2")]


@pytest.mark.asyncio
async def test_pongs_do_not_pile_up_for_a_client_that_reads_nothing(serve: Any) -> None:
    async with raw_client(serve) as (client, connection, listener):
        connection.write([[b"z" * (32 * MIB)]])
        unsent_bytes = connection.unsent_bytes
        client.writer.write(frame(Opcode.PING, b"p" * 100) * 1_000 + frame(Opcode.TEXT, b"done"))
        await listener.until(lambda seen: bool(seen.messages))

        assert connection.is_paused
        assert connection.unsent_bytes <= unsent_bytes
        connection.abort()


@pytest.mark.asyncio
async def test_client_that_does_not_take_the_close_frame_is_cut_off(serve: Any) -> None:
    async with raw_client(serve) as (_client, connection, listener):
        connection.close_timeout = 0.05
        connection.write([[b"z" * (32 * MIB)]])
        connection.close(1013, "TooManyConcurrentRequests")
        await listener.until(lambda seen: bool(seen.lost))

        assert listener.lost == [(1006, "")]


@pytest.mark.asyncio
async def test_abort_cuts_the_socket_off_at_once(serve: Any) -> None:
    async with raw_client(serve) as (_client, connection, listener):
        connection.write([[b"z" * (32 * MIB)]])
        connection.abort()
        await listener.until(lambda seen: bool(seen.lost))

        assert listener.lost == [(1006, "")]
