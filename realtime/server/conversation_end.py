"""How a conversation ends: what the client gets, and so whether and when it comes back.

what happened                          the client gets
-------------------------------------  ----------------------------------------------------
a malformed message, a wrong base      FatalError, then 1008: it will not come back
another breach of the protocol         1011 InternalServerError: it starts anew
a binary message                       1003
a token or key that is not accepted    AuthError, then 1000; so when a token has expired
a token that can't be checked now      1011 InternalServerError: it starts anew
too much waits, it reads too slowly    1013 and the code of the error: it waits and comes back
the server stops                       1001
the server is fenced, or has a fault   1011 InternalServerError
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple, TypeGuard

from realtime.errors import (
    OverloadedError,
    ProtocolError,
    RealtimeError,
    StorageFullError,
    UnavailableError,
)
from realtime.server.connection import CloseCode
from realtime.sync.messages import EncodedMessage, encode_fatal_error
from realtime.sync.query_set import BASE_VERSION_MISMATCH

_log = logging.getLogger("realtime.sync")

TOO_SLOW: Final = "TooManyConcurrentRequests"
"""The reason for a client that reads too slowly: one after which clients wait for seconds."""

INTERNAL_ERROR: Final = "InternalServerError"
AUTH_ERROR: Final = "AuthError"


class ConversationEnd(NamedTuple):
    """The last message, if there is one, and the close frame."""

    code: int
    reason: str
    message: EncodedMessage | None = None


def fatal_end(error: ProtocolError) -> ConversationEnd:
    """Return the end after which a client does not come back; logs it."""
    _log.warning("A client broke the sync protocol: %s", error)
    return ConversationEnd(
        CloseCode.POLICY_VIOLATION, error.code, encode_fatal_error(error.message)
    )


def end_of(error: RealtimeError) -> ConversationEnd:
    """Return the end when the server can't go on with a client because of `error`; logs it."""
    match error:
        case ProtocolError(code=code) if code == BASE_VERSION_MISMATCH:
            return fatal_end(error)
        case ProtocolError():
            _log.warning("A client broke the sync protocol: %s", error)
            return ConversationEnd(CloseCode.INTERNAL_ERROR, f"{INTERNAL_ERROR}: {error}")
        case OverloadedError():
            _log.warning("A client was sent away: %s", error)
            return ConversationEnd(CloseCode.TRY_AGAIN_LATER, error.code)
        case _:
            if not isinstance(error, UnavailableError):
                _log.error("A client could not be served: %s", error, exc_info=error)
            return ConversationEnd(CloseCode.INTERNAL_ERROR, INTERNAL_ERROR)


def sends_away(rejection: RealtimeError | None) -> TypeGuard[OverloadedError]:
    """Say whether a client is to come back later; a full disk is told to it instead."""
    return isinstance(rejection, OverloadedError) and not isinstance(rejection, StorageFullError)
