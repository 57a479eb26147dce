"""Which sockets are closed, and cut off, when too many bytes are unsent."""

from __future__ import annotations

from realtime.server.unsent_budget import UnsentBudget


class Socket:
    def __init__(self, budget: UnsentBudget, unsent_bytes: int = 0) -> None:
        self.unsent_bytes = unsent_bytes
        self.ended: list[str] = []
        self._budget = budget

    def write(self, size_bytes: int) -> None:
        self.unsent_bytes += size_bytes
        self._budget.update(self)

    def close_as_too_slow(self) -> None:
        self.ended.append("closed")

    def abort(self) -> None:
        self.ended.append("aborted")


def test_sockets_within_the_total_stay_open() -> None:
    budget = UnsentBudget(total_bytes=100)
    sockets = [Socket(budget) for _ in range(4)]

    for socket in sockets:
        socket.write(25)

    assert [socket.ended for socket in sockets] == [[], [], [], []]
    assert budget.open_bytes == 100


def test_the_socket_with_most_unsent_is_closed_when_the_total_is_passed() -> None:
    budget = UnsentBudget(total_bytes=100)
    small, large, last = Socket(budget), Socket(budget), Socket(budget)

    small.write(30)
    large.write(60)
    last.write(20)

    assert (small.ended, large.ended, last.ended) == ([], ["closed"], [])
    assert budget.open_bytes == 50


def test_as_many_sockets_are_closed_as_it_takes() -> None:
    budget = UnsentBudget(total_bytes=100)
    sockets = [Socket(budget) for _ in range(3)]

    sockets[0].write(50)
    sockets[1].write(45)
    sockets[1].unsent_bytes = 60
    sockets[2].write(55)

    # 165 bytes; without the largest still 105. The two that close hold 115, so one is cut off.
    assert [socket.ended for socket in sockets] == [[], ["closed", "aborted"], ["closed"]]
    assert budget.open_bytes == 50


def test_socket_that_alone_passes_the_total_is_cut_off() -> None:
    budget = UnsentBudget(total_bytes=100)
    socket = Socket(budget)

    socket.write(101)

    assert socket.ended == ["closed", "aborted"]


def test_bytes_that_clients_took_meanwhile_do_not_count() -> None:
    budget = UnsentBudget(total_bytes=100)
    first, second = Socket(budget), Socket(budget)

    first.write(90)
    first.unsent_bytes = 10
    second.write(90)

    assert (first.ended, second.ended) == ([], [])
    assert budget.open_bytes == 100


def test_socket_that_caught_up_does_not_count() -> None:
    budget = UnsentBudget(total_bytes=100)
    first, second = Socket(budget), Socket(budget)

    first.write(90)
    budget.release(first)
    budget.release(first)
    second.write(90)

    assert (first.ended, second.ended) == ([], [])
    assert budget.open_bytes == 90


def test_closing_sockets_are_cut_off_when_they_hold_too_much_together() -> None:
    budget = UnsentBudget(total_bytes=100)
    sockets = [Socket(budget) for _ in range(3)]

    for socket, size_bytes in zip(sockets, (40, 70, 50), strict=True):
        socket.write(size_bytes)
        budget.start_closing(socket)

    # The first two fill 110 bytes, so the largest goes; the third fits again.
    assert [socket.ended for socket in sockets] == [[], ["aborted"], []]


def test_closing_socket_that_is_gone_does_not_count() -> None:
    budget = UnsentBudget(total_bytes=100)
    first, second = Socket(budget), Socket(budget)

    first.write(80)
    budget.start_closing(first)
    budget.release(first)
    second.write(80)
    budget.start_closing(second)

    assert (first.ended, second.ended) == ([], [])


def test_socket_that_is_not_behind_is_closed_without_a_count() -> None:
    budget = UnsentBudget(total_bytes=100)
    socket = Socket(budget)

    budget.start_closing(socket)

    assert socket.ended == []
    assert budget.open_bytes == 0


def test_a_socket_is_too_slow_only_beyond_its_own_limit() -> None:
    budget = UnsentBudget(per_socket_bytes=10)

    assert not budget.is_too_slow(Socket(budget, 10))
    assert budget.is_too_slow(Socket(budget, 11))
