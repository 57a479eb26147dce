"""The sockets that must hear from the server before long, sorted by when.

Clients leave a server that they hear nothing from (contract 1.11: 60 s for npm, 30 s for Rust
and Python), so each gets a `Ping` after 15 s without another message. A timer a socket would be
set and cancelled with each message. Here a message costs one assignment (`last_sent_tick`), and
a socket is looked at only when its slot comes round: it is pinged if it was silent all the time,
else it moves to the slot where it would be due.
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
