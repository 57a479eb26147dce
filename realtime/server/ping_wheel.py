"""The sockets that must hear from the server before long, or it from them, sorted by when.

Clients leave a server that they hear nothing from (contract 1.11: 60 s for npm, 30 s for Rust
and Python), so each gets a `Ping` after 15 s without another message. A timer a socket would be
set and cancelled with each message. Here a message costs one assignment (`last_sent_tick`), and
a socket is looked at only when its slot comes round: it is pinged if it was silent all the time,
else it moves to the slot where it would be due.

Browsers take no notice of WebSocket's own ping frames, but answer them: those are for the server,
to find clients that are gone without a word. They go out at a fixed interval (contract 1.1).
"""

from __future__ import annotations

from typing import Protocol


class Pinged(Protocol):
    """A socket on the wheel."""

    last_sent_tick: int
    """The wheel's tick at which something was last sent; kept by the socket."""

    def send_ping(self) -> None:
        """Send a ping and set `last_sent_tick`."""
        ...


class Watched(Protocol):
    """A socket whose client may be gone without a word."""

    def check_alive(self) -> None:
        """Ask the client for a sign of life, and cut it off after too long without one."""
        ...


class WatchWheel:
    """Sockets to look at every few ticks, at each tick about as many."""

    def __init__(self, interval_ticks: int) -> None:
        self._tick = 0
        self._slots: list[set[Watched]] = [set() for _ in range(interval_ticks)]

    def add(self, member: Watched) -> None:
        """Look at a socket from now on, first after a whole interval."""
        self._slots[self._tick].add(member)

    def discard(self, member: Watched) -> None:
        """Look at it no more; idempotent."""
        for slot in self._slots:
            slot.discard(member)

    def advance(self) -> None:
        """Let one tick pass, and look at those whose turn it is."""
        self._tick = (self._tick + 1) % len(self._slots)
        for member in tuple(self._slots[self._tick]):
            if member in self._slots[self._tick]:  # one may take others with it
                member.check_alive()


class PingWheel:
    """Sockets by the tick at which to look at them next; a tick is a second."""

    def __init__(self, interval_ticks: int) -> None:
        self.tick = 0
        self._interval_ticks = interval_ticks
        self._slots: list[set[Pinged]] = [set() for _ in range(interval_ticks)]
        self._slot_by_member: dict[Pinged, int] = {}

    def __len__(self) -> int:
        return len(self._slot_by_member)

    def add(self, member: Pinged) -> None:
        """Put a socket on the wheel that has just been sent something."""
        member.last_sent_tick = self.tick
        self._put(member)

    def discard(self, member: Pinged) -> None:
        """Take a socket off the wheel; idempotent."""
        slot = self._slot_by_member.pop(member, None)
        if slot is not None:
            self._slots[slot].discard(member)

    def advance(self) -> None:
        """Let one tick pass: ping who has been sent nothing for a whole interval."""
        self.tick += 1
        slot = self.tick % self._interval_ticks
        members, self._slots[slot] = self._slots[slot], set()
        for member in members:
            # A ping may find a socket broken and close it, or others.
            if self._slot_by_member.get(member) != slot:
                continue
            if self.tick - member.last_sent_tick >= self._interval_ticks:
                member.send_ping()
            if self._slot_by_member.get(member) == slot:
                self._put(member)

    def _put(self, member: Pinged) -> None:
        slot = (member.last_sent_tick + self._interval_ticks) % self._interval_ticks
        self._slots[slot].add(member)
        self._slot_by_member[member] = slot
