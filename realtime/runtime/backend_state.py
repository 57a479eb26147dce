"""Where a backend is in its life, and what a caller reads of it."""

from __future__ import annotations

from typing import Literal

from realtime.errors import UnavailableError

State = Literal["starting", "running", "stopping", "stopped", "fenced"]


def unavailable(state: State | Literal["cancelled"]) -> UnavailableError:
    """Return the error of a call that can't be taken, or not be finished, in this state."""
    reasons = {
        "starting": "The server is starting. Try again in a moment",
        "stopping": "The server is stopping; nothing was done. Try again in a moment",
        "cancelled": "The server stopped before the action had ended, and cancelled it",
        "stopped": "The server has stopped; nothing was done",
        "fenced": "The server can't reach its storage safely and must be restarted",
        "running": "The server is not available",
    }
    return UnavailableError(reasons[state])
