"""The client for Python programs: calls and live queries in asyncio.

    async with Client("http://127.0.0.1:3210") as client:
        await client.mutation("messages:send", {"body": "Hello"})
        async for messages in client.watch("messages:list"):
            print(messages)

It speaks the sync protocol to this or any compatible server, and imports nothing of the server.
"""

from __future__ import annotations

from realtime.client.authentication import AdminKey
from realtime.client.client import Client
from realtime.client.status import ConnectionState, Status
from realtime.client.tokens import Auth, TokenFetcher
from realtime.client.watch import Watch
from realtime.errors import (
    ApplicationError,
    AuthenticationError,
    ConnectionLostError,
    FunctionError,
    LimitError,
    ProtocolError,
    UnavailableError,
    ValidationError,
)
from realtime.values.value import Int64

__all__ = [
    "AdminKey",
    "ApplicationError",
    "Auth",
    "AuthenticationError",
    "Client",
    "ConnectionLostError",
    "ConnectionState",
    "FunctionError",
    "Int64",
    "LimitError",
    "ProtocolError",
    "Status",
    "TokenFetcher",
    "UnavailableError",
    "ValidationError",
    "Watch",
]
