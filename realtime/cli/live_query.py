"""One live query over the sync protocol, for `realtime watch`: the machine, and its socket.

`LiveQuery` takes what the server says and gives what is new; `watch_query` drives it over sockets,
one after the other, as long as they can be opened. Source: contract 1.2, 1.3, 1.10.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from realtime.cli.server_access import CommandError, parse_url, unreachable

_SYNC_PATH: Final = "/api/sync"
_QUERY_ID: Final = 0
_SILENCE_SECONDS: Final = 60.0
"""A server says something at least every 15 seconds; one that does not is gone."""
_OPEN_SECONDS: Final = 10.0
_FIRST_DELAY_SECONDS: Final = 0.2
_LONGEST_DELAY_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Value:
    """The query's newest result as encoded JSON."""

    encoded: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """The query's newest run failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Interruption:
    """The connection was lost and will be opened again."""

    reason: str


News = Value | Failure | Interruption


class LiveQuery:
    """What one query is now, over all sockets on which it was asked for."""

    def __init__(self, path: str, arguments: Mapping[str, Any], admin_key: str | None) -> None:
        self._path = path
        self._arguments = arguments
        self._admin_key = admin_key
        self._session_id = str(uuid.uuid4())
        self._connection_count = 0
        self._current: News | None = None

    def messages_to_send(self) -> list[bytes]:
        """Return what to say on a new socket."""
        connect = {
            "type": "Connect",
            "sessionId": self._session_id,
            "connectionCount": self._connection_count,
            "lastCloseReason": "InitialConnect" if self._connection_count == 0 else "Lost",
        }
        self._connection_count += 1
        admin = {"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin"}
        addition: dict[str, Any] = {
            "type": "Add",
            "queryId": _QUERY_ID,
            "udfPath": self._path,
            "args": [self._arguments],
        }
        ask = {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [addition],
        }
        key = self._admin_key
        messages = [connect, *([] if key is None else [{**admin, "value": key}]), ask]
        return [msgspec.json.encode(message) for message in messages]

    def receive_message(self, text: str | bytes) -> Iterator[Value | Failure]:
        """Return what is new for the one who watches.

        Raises:
            CommandError: The server does not let this client watch.
        """
        message = msgspec.json.decode(text, type=_Message)
        if message.type in ("AuthError", "FatalError"):
            raise CommandError(f"The server refused: {(message.error or message.type).strip()}")
        for modification in message.modifications:
            news: Value | Failure
            if modification.type == "QueryUpdated":
                news = Value(bytes(modification.value))
            elif modification.type == "QueryFailed":
                news = Failure(modification.errorMessage.strip())
            else:
                continue
            if news != self._current:  # after a reconnect the same comes again
                self._current = news
                yield news


class _Modification(msgspec.Struct):
    type: str
    value: msgspec.Raw = msgspec.Raw(b"null")
    errorMessage: str = ""


class _Message(msgspec.Struct):
    type: str
    modifications: list[_Modification] = []
    error: str | None = None


def watch_query(query: LiveQuery, url: str, show: Callable[[News], None]) -> None:
    """Show what is new of a query, until it is interrupted.

    Raises:
        CommandError: There is no server at first, or it refuses.
    """
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    parts = parse_url(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    address = f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{_SYNC_PATH}"
    was_open, failures = False, 0
    while True:
        try:
            with connect(address, max_size=None, open_timeout=_OPEN_SECONDS) as socket:
                for message in query.messages_to_send():
                    socket.send(message, text=True)
                while True:
                    for news in query.receive_message(socket.recv(timeout=_SILENCE_SECONDS)):
                        show(news)
                    was_open, failures = True, 0
        except (OSError, ConnectionClosed, InvalidHandshake) as error:
            if not was_open:
                raise unreachable(url, error) from error
            if failures == 0:
                show(Interruption(str(error) or type(error).__name__))
        failures += 1
        time.sleep(_delay_seconds(failures))


def _delay_seconds(failures: int) -> float:
    """Return how long to wait after so many failures in a row, differently for each client."""
    longest: float = min(_FIRST_DELAY_SECONDS * 2.0 ** min(failures, 10), _LONGEST_DELAY_SECONDS)
    return longest * random.uniform(0.5, 1.0)
