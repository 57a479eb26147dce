"""The mutations and actions of a client that have not ended, over all connections.

A mutation is sent on each connection, under the same request id, until a transition has come that
its effect is part of: the server knows the id and does not run it twice, and who waits for it
finds its effect in every live query. An action that was sent is not sent again, since nobody knows
what it has done.

A server refuses more than a thousand requests that wait, by closing the connection, after which
they would all come again. So no more than half as many mutations are on their way at a time, and
of actions, which may take long, no more are begun than a server runs.

Source: contract 1.7 to 1.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NewType, TypeVar

import msgspec

from realtime.client.outcome import Outcome, Success
from realtime.errors import LimitError
from realtime.sync.messages import Action, Mutation

RequestId = NewType("RequestId", int)
MAX_MUTATIONS_IN_FLIGHT: Final = 500
MAX_ACTIONS: Final = 1_000
MessageT = TypeVar("MessageT", Mutation, Action)


@dataclass(slots=True)
class _Request:
    message: Mutation | Action
    is_sent: bool = False
    success: Success | None = None
    """The result of a mutation that was answered on this connection and is not reflected yet."""
    timestamp: int = 0


class Requests:
    """Requests by their ids, in the order in which they were made."""

    def __init__(self) -> None:
        self._requests: dict[RequestId, _Request] = {}
        self._next_id = 0
        self._unanswered: set[RequestId] = set()
        """Requests that the present connection began with."""
        self._in_flight: set[RequestId] = set()
        """Mutations that were sent on this connection and not answered."""
        self._actions: set[RequestId] = set()

    def begin_mutation(self, path: str, args: bytes) -> Mutation:
        """Return the message of a new mutation."""
        message = Mutation(self._take_id(), path, _list_of(args))
        return self._keep(message)

    def begin_action(self, path: str, args: bytes) -> Action:
        """Return the message of a new action.

        Raises:
            LimitError: Too many have not ended.
        """
        if len(self._actions) >= MAX_ACTIONS:
            raise LimitError(
                f"Expected at most {MAX_ACTIONS} actions of a client at a time, got one more: "
                "await some of them first"
            )
        message = Action(self._take_id(), path, _list_of(args))
        self._actions.add(RequestId(message.request_id))
        return self._keep(message)

    def may_send(self, message: Mutation | Action) -> bool:
        """Say whether a request may go now, or has to wait for the answers to others."""
        return isinstance(message, Action) or len(self._in_flight) < MAX_MUTATIONS_IN_FLIGHT

    def note_sent(self, message: Mutation | Action) -> None:
        """Remember that the server may know of a request from now on."""
        request_id = RequestId(message.request_id)
        self._requests[request_id].is_sent = True
        if isinstance(message, Mutation):
            self._in_flight.add(request_id)

    def withdraw(self, request_id: RequestId) -> bool:
        """Forget a request that was never sent; say whether that could be done."""
        request = self._requests.get(request_id)
        if request is None or request.is_sent:
            return False
        return self.end(request_id)

    def begin_connection(self) -> list[Mutation | Action]:
        """Return what to send on a new connection."""
        self._unanswered = set(self._requests)
        return [request.message for request in self._requests.values()]

    @property
    def is_caught_up(self) -> bool:
        """Return whether all is answered that the connection began with."""
        return not self._unanswered

    def path(self, request_id: int) -> str | None:
        """Return the path of a request that has not ended."""
        request = self._requests.get(RequestId(request_id))
        return None if request is None else request.message.udf_path

    def answer_mutation(self, request_id: int, outcome: Outcome, timestamp: int) -> bool:
        """Take in how a mutation has ended; say whether its caller may know already.

        A success has to wait for the transition that covers its timestamp.
        """
        self._in_flight.discard(RequestId(request_id))
        if isinstance(outcome, Success):
            request = self._requests.get(RequestId(request_id))
            if request is not None:
                request.success, request.timestamp = outcome, timestamp
                self._unanswered.discard(RequestId(request_id))
            return False
        return self.end(request_id)

    def end(self, request_id: int) -> bool:
        """Forget a request; say whether it was there."""
        self._unanswered.discard(RequestId(request_id))
        self._actions.discard(RequestId(request_id))
        return self._requests.pop(RequestId(request_id), None) is not None

    def reflect(self, timestamp: int) -> list[tuple[RequestId, Success]]:
        """Return the mutations that have ended now that the results are as of `timestamp`."""
        ended = [
            (request_id, request.success)
            for request_id, request in self._requests.items()
            if request.success is not None and request.timestamp <= timestamp
        ]
        for request_id, _ in ended:
            del self._requests[request_id]
        return ended

    def lose_connection(self) -> list[RequestId]:
        """Return the actions that were lost; what has to be sent again is kept."""
        lost = [
            request_id
            for request_id, request in self._requests.items()
            if request.is_sent and isinstance(request.message, Action)
        ]
        for request_id in lost:
            self.end(request_id)
        for request in self._requests.values():
            request.success = None
        self._in_flight.clear()
        return lost

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _keep(self, message: MessageT) -> MessageT:
        self._requests[RequestId(message.request_id)] = _Request(message)
        return message


def _list_of(args: bytes) -> msgspec.Raw:
    return msgspec.Raw(b"[%b]" % args)
