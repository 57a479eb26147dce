"""The server's side of a conversation with a `ClientSession`, message by message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from realtime.client.session import ClientSession, Event
from realtime.sync.messages import encode_timestamp

SESSION_ID = UUID("6d6f6d6f-0000-4000-8000-00000000000a")
Message = dict[str, Any]


def updated(query_id: int, value: Any, **members: Any) -> Message:
    """Return a modification with a new result."""
    common = {"queryId": query_id, "logLines": [], "journal": None}
    return {"type": "QueryUpdated", "value": value, **common, **members}


def failed(query_id: int, text: str, **members: Any) -> Message:
    """Return a modification with a failure."""
    common = {"queryId": query_id, "logLines": [], "journal": None}
    return {"type": "QueryFailed", "errorMessage": text, **common, **members}


class Wire:
    """A session and the connection that it has."""

    def __init__(self) -> None:
        self.session = ClientSession(SESSION_ID)
        self.version: Mapping[str, Any] = {}

    def open(self) -> list[Message]:
        """Open a connection; return what the client says first."""
        self.session.connection_opened()
        self.version = {"querySet": 0, "identity": 0, "ts": encode_timestamp(0)}
        return self.sent()

    def reopen(self) -> list[Message]:
        """Cut the connection and open another."""
        self.session.connection_lost("The connection was cut")
        return self.open()

    def sent(self) -> list[Message]:
        """Return what the client says now."""
        return [json.loads(text) for text in self.session.messages_to_send()]

    def sent_types(self) -> list[str]:
        return [message["type"] for message in self.sent()]

    def receive(self, message_type: str, **members: Any) -> list[Event]:
        """Say something to the client; return what has happened."""
        return self.session.receive_message(json.dumps({"type": message_type, **members}))

    def transition(self, *modifications: Message, ts: int, **end: int) -> list[Event]:
        """Step from the present version to one with another timestamp."""
        message = self.next_transition(*modifications, ts=ts, **end)
        self.version = message["endVersion"]
        return self.receive(message.pop("type"), **message)

    def next_transition(self, *modifications: Message, ts: int, **end: int) -> Message:
        """Return the transition that `transition` would send."""
        return {
            "type": "Transition",
            "startVersion": self.version,
            "endVersion": {**self.version, **end, "ts": encode_timestamp(ts)},
            "modifications": modifications,
            "clientClockSkew": None,
            "serverTs": 1,
        }

    def answer(self, request_id: int, result: Any, ts: int) -> list[Event]:
        """Answer a mutation with a success."""
        return self.receive(
            "MutationResponse",
            requestId=request_id,
            success=True,
            result=result,
            ts=encode_timestamp(ts),
            logLines=[],
        )
