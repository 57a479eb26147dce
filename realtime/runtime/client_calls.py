"""Telling clients: the fault of one must not keep the others from what they are told."""

from __future__ import annotations

import logging

from realtime.errors import RealtimeError, UnavailableError
from realtime.runtime.outcome import LiveClient

_log = logging.getLogger("realtime.runtime")


def tell_stale(client: LiveClient, query_id: int) -> None:
    """Tell a client that a result of its is stale."""
    try:
        client.query_invalidated(query_id)
    except Exception as error:
        _log.exception("A client could not take an invalidation")
        fail_client(client, error)


def fail_client(client: LiveClient, error: Exception) -> None:
    """Tell a client that the server can't go on with it."""
    if not isinstance(error, RealtimeError):
        error = UnavailableError("Your request couldn't be completed. Try again later.")
    try:
        client.fail(error)
    except Exception:
        _log.exception("A client could not be told that it has failed")
