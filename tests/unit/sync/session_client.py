"""A session, fed with what a client would put in a frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from realtime.runtime.outcome import ClientError, MutationOutcome, QueryResult
from realtime.sync.messages import decode_client_message, encode_timestamp
from realtime.sync.session import Session
from realtime.sync.work import Work

SESSION_ID = "6d6f6d6f-0000-4000-8000-00000000000a"


SERVER_TIME_NS = 1_763_800_000_123_456_789


FAILURE = ClientError("[Request ID: 0123456789abcdef] Server Error\nboom")


class Client:
    """A session whose identities are names, fed with what a client would put in a frame."""

    def __init__(self, chunk_bytes: int | None = None) -> None:
        self.session = Session("nobody", chunk_bytes=chunk_bytes)

    def send(self, **members: Any) -> None:
        text = json.dumps(members)
        self.session.receive_message(
            decode_client_message(text), server_time_ns=SERVER_TIME_NS, size_bytes=len(text)
        )

    def modify(self, version: int, *modifications: dict[str, Any]) -> None:
        self.send(
            type="ModifyQuerySet",
            baseVersion=version,
            newVersion=version + 1,
            modifications=modifications,
        )

    def mutate(self, request_id: int) -> None:
        self.send(type="Mutation", requestId=request_id, udfPath="m:send", args=[{}])

    def authenticate(self, version: int) -> None:
        self.send(type="Authenticate", baseVersion=version, tokenType="User", value="token")

    def work(self) -> list[Work[str]]:
        work: list[Work[str]] = []
        while (item := self.session.next_work()) is not None:
            work.append(item)
        return work

    def received(self) -> list[Any]:
        return [json.loads(b"".join(message)) for message in self.session.messages_to_send()]

    def update(
        self, timestamp: int, values: Mapping[int, bytes] = MappingProxyType({})
    ) -> list[int]:
        """Run an update from begin to end; return the ids of the queries it evaluated."""
        queries = self.session.begin_update()
        self.finish(timestamp, {query_id: b"0" for query_id in queries} | {**values})
        return list(queries)

    def finish(self, timestamp: int, values: Mapping[int, bytes]) -> None:
        results = {query_id: QueryResult(value, None) for query_id, value in values.items()}
        self.session.queries_finished(timestamp, results, server_time_ns=SERVER_TIME_NS)

    def synced(self, timestamp: int) -> list[Any]:
        """Run an update, take its messages and let the socket drain."""
        self.update(timestamp)
        received = self.received()
        self.session.socket_drained()
        return received


def add(query_id: int, **members: Any) -> dict[str, Any]:
    no_args: dict[str, Any] = {}
    return {"type": "Add", "queryId": query_id, "udfPath": "m:list", "args": [no_args]} | members


def remove(query_id: int) -> dict[str, Any]:
    return {"type": "Remove", "queryId": query_id}


def success(timestamp: int, value: bytes = b"null") -> MutationOutcome:
    return MutationOutcome(value, None, timestamp)


def version(query_set: int, identity: int, timestamp: int) -> dict[str, Any]:
    return {"querySet": query_set, "identity": identity, "ts": encode_timestamp(timestamp)}


def kinds(messages: list[Any]) -> list[str]:
    return [message["type"] for message in messages]
