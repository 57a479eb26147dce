"""How long a client waits before it opens the next connection."""

from __future__ import annotations

from typing import Final

_FIRST_SECONDS: Final = 0.1
_FIRST_SECONDS_IF_OVERLOADED: Final = 3.0
_LONGEST_SECONDS: Final = 16.0
_MOST_DOUBLINGS: Final = 10


class Backoff:
    """Doubles the wait with each failure in a row, and spreads the clients of a server."""

    def __init__(self) -> None:
        self.failure_count = 0

    def reset(self) -> None:
        """Note that a connection has served everything."""
        self.failure_count = 0

    def next_delay_seconds(self, spread: float, *, is_overloaded: bool = False) -> float:
        """Return how long to wait after one more failure.

        Args:
            spread: A random number from 0 to 1, which gives half to one and a half of the wait.
            is_overloaded: Whether the server has said that it cannot take more now.
        """
        first = _FIRST_SECONDS_IF_OVERLOADED if is_overloaded else _FIRST_SECONDS
        doublings = min(self.failure_count, _MOST_DOUBLINGS)
        self.failure_count += 1
        wait: float = min(first * 2.0**doublings, _LONGEST_SECONDS)
        return wait * (0.5 + spread)
