"""Connections over real sockets: uvicorn's transport taken over, and plain ASGI."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from realtime.server.connection import (
    EXTENSION,
    MAX_MESSAGE_BYTES,
    MAX_REASON_BYTES,
    Connection,
    short_reason,
)
from tests.integration.server.accepted_sockets import (
    DEADLINE_SECONDS,
    KINDS,
    MIB,
    Accepted,
    Listener,
    connected,
)
from tests.integration.server.raw_client import HANDSHAKE, RawClient, frame


@KINDS
@pytest.mark.asyncio
async def test_messages_of_all_sizes_arrive_whole_and_in_order(serve: Any, kind: str) -> None:
    sizes = [0, 1, 125, 126, 16_000, 17_000, 65_535, 65_536, 300_000, 3]
    async with connected(serve, kind) as (client, connection, _):
        connection.write([[b"", b"x" * size] for size in sizes])

        texts = [await client.recv() for _ in sizes]

    assert [(type(text), len(text)) for text in texts] == [(str, size) for size in sizes]


@KINDS
@pytest.mark.asyncio
async def test_pieces_of_a_message_are_joined(serve: Any, kind: str) -> None:
    large = b"y" * 70_000
    async with connected(serve, kind) as (client, connection, _):
        connection.write([[b'{"a":"', "é".encode(), b'"}'], [b"<", large, b">"]])

        texts = [await client.recv(), await client.recv()]

    assert texts == ['{"a":"é"}', f"<{large.decode()}>"]


@KINDS
@pytest.mark.asyncio
async def test_client_messages_reach_the_listener(serve: Any, kind: str) -> None:
    async with connected(serve, kind) as (client, _, listener):
        await client.send("hällo")
        await client.send(b"\x00\x01")
        await client.send(["in ", "three ", "parts"])
        await listener.until(lambda seen: len(seen.messages) == 3)

    assert listener.messages == ["hällo", None, "in three parts"]


@KINDS
@pytest.mark.asyncio
async def test_server_closes_with_code_and_reason_after_what_was_written(
    serve: Any, kind: str
) -> None:
    async with connected(serve, kind) as (client, connection, listener):
        connection.write([[b"last words"]])
        connection.close(1013, "TooManyConcurrentRequests")
        connection.close(1000, "once more")
        connection.write([[b"too late"]])

        assert await client.recv() == "last words"
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        await listener.until(lambda seen: bool(seen.lost))

    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1013, "TooManyConcurrentRequests")
    assert len(listener.lost) == 1


@KINDS
@pytest.mark.asyncio
async def test_messages_after_the_close_are_not_delivered(serve: Any, kind: str) -> None:
    async with connected(serve, kind) as (client, connection, listener):
        await client.send("before")
        await listener.until(lambda seen: bool(seen.messages))
        connection.close(1001, "")
        await client.send("after")
        await client.wait_closed()
        await listener.until(lambda seen: bool(seen.lost))

    assert listener.messages == ["before"]


@KINDS
@pytest.mark.asyncio
async def test_clients_close_is_told_with_code_and_reason(serve: Any, kind: str) -> None:
    async with connected(serve, kind) as (client, _, listener):
        await client.close(4001, "bye")
        await listener.until(lambda seen: bool(seen.lost))

    assert listener.lost == [(4001, "bye")]


@KINDS
@pytest.mark.asyncio
async def test_client_that_vanishes_is_told_once(serve: Any, kind: str) -> None:
    async with connected(serve, kind) as (client, _, listener):
        client.transport.abort()
        await listener.until(lambda seen: bool(seen.lost))

    assert len(listener.lost) == 1


@KINDS
@pytest.mark.asyncio
async def test_client_that_reads_nothing_pauses_the_connection_until_it_has_read(
    serve: Any, kind: str
) -> None:
    message, count = b"z" * MIB, 40
    async with connected(serve, kind) as (client, connection, listener):
        client.transport.pause_reading()
        connection.write([[message]] * count)
        was_paused, unsent_bytes = connection.is_paused, connection.unsent_bytes

        client.transport.resume_reading()
        sizes = [len(await client.recv()) for _ in range(count)]
        await listener.until(lambda seen: bool(seen.drained))

        assert was_paused
        assert 0 < unsent_bytes <= count * (MIB + 10)
        assert sizes == [MIB] * count
        assert not connection.is_paused
        assert connection.unsent_bytes == 0
        assert listener.drained == 1


@pytest.mark.asyncio
async def test_small_messages_to_a_client_that_reads_leave_nothing_unsent(serve: Any) -> None:
    async with connected(serve) as (client, connection, listener):
        connection.write([[b"x"]])

        assert not connection.is_paused
        assert connection.unsent_bytes == 0
        assert await client.recv() == "x"
        assert listener.drained == 0


@pytest.mark.asyncio
async def test_connection_is_paused_from_the_first_byte_that_is_unsent(serve: Any) -> None:
    async with connected(serve) as (client, connection, _):
        client.transport.pause_reading()
        while connection.unsent_bytes == 0:
            connection.write([[b"z" * 4_000]])

        assert connection.unsent_bytes < 64 * 1024
        assert connection.is_paused
        client.transport.abort()


@pytest.mark.asyncio
async def test_kernel_holds_little_for_a_client_that_reads_nothing(serve: Any) -> None:
    async with connected(serve) as (client, connection, _):
        client.transport.pause_reading()
        size_bytes = 16 * MIB
        connection.write([[b"z" * size_bytes]])

        # What is not unsent in the process is on its way or in the client's own buffer.
        option = connection.transport.get_extra_info("socket").getsockopt(6, 25)
        client.transport.abort()

    assert option == 128 * 1024


@pytest.mark.asyncio
async def test_socket_needs_no_task_once_it_is_taken_over(serve: Any) -> None:
    accepted = Accepted()
    async with serve(accepted) as server, connect(server.sync_url) as client:
        connection, listener = await accepted.next()
        await client.send("still there")
        await listener.until(lambda seen: bool(seen.messages))
        connection.write([[b"so am I"]])

        assert await client.recv() == "so am I"
        assert accepted.calls_under_way == 0
        assert server.server_state.tasks == set()


@pytest.mark.asyncio
async def test_connection_that_is_not_taken_over_closes_with_its_call(serve: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await WebSocket(scope, receive, send).accept()

    async with serve(application) as server, connect(server.sync_url) as client:
        with pytest.raises(ConnectionClosed):
            await client.recv()


@pytest.mark.asyncio
async def test_application_that_fails_before_accepting_answers_500(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    async with serve(application) as server:
        with pytest.raises(Exception, match="500"):
            await connect(server.sync_url)

    assert "broken" in caplog.text


@pytest.mark.asyncio
async def test_message_of_17_mib_is_accepted(serve: Any) -> None:
    async with connected(serve) as (client, _, listener):
        await client.send("x" * MAX_MESSAGE_BYTES)
        await listener.until(lambda seen: bool(seen.messages))

    assert [len(message or "") for message in listener.messages] == [17 * MIB]


@pytest.mark.asyncio
async def test_too_many_fragments_are_refused_like_one_large_message(serve: Any) -> None:
    async with connected(serve) as (client, _, listener):
        with pytest.raises(ConnectionClosed) as caught:
            await client.send(["x" * (6 * MIB)] * 3)
            await client.recv()
        await listener.until(lambda seen: bool(seen.lost))

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


async def until_received(server: Any) -> None:
    """Return when the one connection of a server has a message that nobody has taken."""
    (connection,) = server.server_state.connections
    async with asyncio.timeout(DEADLINE_SECONDS):
        while connection.queue.qsize() < 2:  # noqa: ASYNC110 uvicorn tells nobody
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_messages_sent_before_the_handshake_was_answered_are_delivered(serve: Any) -> None:
    called, held = asyncio.Event(), asyncio.Event()
    listener = Listener()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        called.set()
        await held.wait()
        await WebSocket(scope, receive, send).accept()
        connection: Connection = scope["extensions"][EXTENSION]["connection"]
        cast(Any, connection).attach(listener)

    async with serve(application) as server:
        reader, writer = await asyncio.open_connection(*server.host_and_port)
        writer.write(HANDSHAKE)
        await called.wait()
        writer.write(frame(Opcode.TEXT, b"early"))
        await until_received(server)
        held.set()
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(Opcode.TEXT, b"later"))
        await listener.until(lambda seen: len(seen.messages) == 2)
        writer.close()

    assert listener.messages == ["early", "later"]


@pytest.mark.asyncio
async def test_server_that_stops_closes_its_sockets_with_1001(serve: Any) -> None:
    accepted = Accepted()
    async with serve(accepted) as server:
        client = await connect(server.sync_url)
        _, listener = await accepted.next()
        server.should_exit = True
        await client.wait_closed()
        await listener.until(lambda seen: bool(seen.lost))

    assert client.close_code == 1001


@pytest.mark.asyncio
async def test_client_that_is_still_sending_sees_how_a_server_that_stops_closes(
    serve: Any,
) -> None:
    accepted = Accepted()
    async with serve(accepted) as server:
        reader, writer = await asyncio.open_connection(*server.host_and_port)
        writer.write(HANDSHAKE)
        _, listener = await accepted.next()
        await reader.readuntil(b"\r\n\r\n")
        client = RawClient(reader, writer)
        server.should_exit = True
        opcode, payload = await client.receive_frame()
        writer.write(frame(Opcode.TEXT, b"late") * 1_000)
        await writer.drain()
        writer.write(frame(Opcode.CLOSE, payload))

        rest = await client.read_to_end()
        await listener.until(lambda seen: bool(seen.lost))
        writer.close()

    assert (opcode, payload, rest) == (8, struct.pack("!H", 1001), b"")
    assert listener.lost == [(1001, "")], "the client has answered"
    assert listener.messages == []


def test_reason_is_cut_to_what_a_close_frame_holds() -> None:
    assert short_reason("short") == "short"
    assert short_reason("é" * 100) == "é" * (MAX_REASON_BYTES // 2)
