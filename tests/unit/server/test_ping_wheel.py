"""Who is pinged, and when."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.server.ping_wheel import PingWheel, WatchWheel

INTERVAL = 15


class Client:
    def __init__(self, wheel: PingWheel, on_ping: Callable[[Client], None] | None = None) -> None:
        self.last_sent_tick = 0
        self.pinged_at: list[int] = []
        self._wheel = wheel
        self._on_ping = on_ping
        wheel.add(self)

    def send_message(self) -> None:
        self.last_sent_tick = self._wheel.tick

    def send_ping(self) -> None:
        self.send_message()
        self.pinged_at.append(self._wheel.tick)
        if self._on_ping is not None:
            self._on_ping(self)


@pytest.fixture
def wheel() -> PingWheel:
    return PingWheel(INTERVAL)


def advance(wheel: PingWheel, ticks: int) -> None:
    for _ in range(ticks):
        wheel.advance()


def test_silent_client_is_pinged_once_an_interval(wheel: PingWheel) -> None:
    advance(wheel, 4)
    client = Client(wheel)

    advance(wheel, 3 * INTERVAL)

    assert client.pinged_at == [4 + INTERVAL, 4 + 2 * INTERVAL, 4 + 3 * INTERVAL]


def test_message_puts_the_ping_off_by_a_whole_interval(wheel: PingWheel) -> None:
    client = Client(wheel)

    advance(wheel, 10)
    client.send_message()
    advance(wheel, 20)

    assert client.pinged_at == [10 + INTERVAL]


def test_client_that_is_sent_something_each_tick_is_never_pinged(wheel: PingWheel) -> None:
    client = Client(wheel)

    for _ in range(5 * INTERVAL):
        wheel.advance()
        client.send_message()

    assert client.pinged_at == []


def test_client_that_left_is_not_pinged(wheel: PingWheel) -> None:
    client = Client(wheel)

    wheel.discard(client)
    wheel.discard(client)
    advance(wheel, 2 * INTERVAL)

    assert client.pinged_at == []
    assert len(wheel) == 0


def test_client_that_leaves_when_pinged_stays_away(wheel: PingWheel) -> None:
    client = Client(wheel, on_ping=wheel.discard)

    advance(wheel, 3 * INTERVAL)

    assert client.pinged_at == [INTERVAL]


def test_client_that_another_one_takes_with_it_is_not_pinged(wheel: PingWheel) -> None:
    clients: list[Client] = []

    def take_all(_: Client) -> None:
        for client in clients:
            wheel.discard(client)

    clients += [Client(wheel, take_all), Client(wheel, take_all)]

    advance(wheel, INTERVAL)

    assert sum(len(client.pinged_at) for client in clients) == 1


@given(st.lists(st.integers(0, 40), max_size=12))
def test_silence_never_lasts_longer_than_an_interval(gaps: list[int]) -> None:
    wheel = PingWheel(INTERVAL)
    client = Client(wheel)
    sent = [0]

    for gap in [*gaps, 2 * INTERVAL]:
        advance(wheel, gap)
        client.send_message()
        sent.append(wheel.tick)

    heard = sorted(sent + client.pinged_at)
    assert max(later - earlier for earlier, later in pairwise(heard)) <= INTERVAL


class Socket:
    def __init__(self, on_check: Callable[[], None] = lambda: None) -> None:
        self.checks = 0
        self._on_check = on_check

    def check_alive(self) -> None:
        self.checks += 1
        self._on_check()


def test_each_socket_is_looked_at_once_an_interval() -> None:
    wheel = WatchWheel(5)
    sockets: list[Socket] = []
    for _ in range(7):
        sockets.append(Socket())
        wheel.add(sockets[-1])
        wheel.advance()
    before = [socket.checks for socket in sockets]

    for _ in range(10):
        wheel.advance()

    assert [socket.checks - count for socket, count in zip(sockets, before, strict=True)] == [2] * 7


def test_socket_is_first_looked_at_after_a_whole_interval() -> None:
    wheel, socket = WatchWheel(5), Socket()
    wheel.add(socket)

    for _ in range(4):
        wheel.advance()
    assert socket.checks == 0
    wheel.advance()

    assert socket.checks == 1


def test_socket_that_another_takes_with_it_is_not_looked_at() -> None:
    wheel = WatchWheel(5)
    sockets: list[Socket] = []

    def discard_all() -> None:
        for socket in sockets:
            wheel.discard(socket)

    sockets += [Socket(discard_all) for _ in range(3)]
    for socket in sockets:
        wheel.add(socket)

    for _ in range(10):
        wheel.advance()

    assert sum(socket.checks for socket in sockets) == 1
