"""The answers of a client's requests: which are owed, and which are to be sent."""

from __future__ import annotations

from realtime.errors import ProtocolError
from realtime.sync.messages import (
    CallResult,
    EncodedMessage,
    MutationResult,
    encode_action_response,
    encode_mutation_response,
)


class Responses:
    """The requests without an answer, and the answers that have not left."""

    __slots__ = ("_unanswered_actions", "_unanswered_mutations", "encoded")

    def __init__(self) -> None:
        self._unanswered_mutations: list[int] = []
        self._unanswered_actions: list[int] = []
        self.encoded: list[EncodedMessage] = []
        """Answers to be sent, in their order; emptied by the session as it hands them out."""

    @property
    def size_bytes(self) -> int:
        """Return the size of the answers that have not left."""
        return sum(len(piece) for response in self.encoded for piece in response)

    def expect_mutation(self, request_id: int) -> None:
        """Note that a mutation has begun, which will have an answer."""
        self._unanswered_mutations.append(request_id)

    def expect_action(self, request_id: int) -> None:
        """Note that an action has begun, which will have an answer."""
        self._unanswered_actions.append(request_id)

    def answer_mutation(self, request_id: int, result: MutationResult) -> None:
        """Answer a mutation; ProtocolError if none of this id is without an answer."""
        if request_id not in self._unanswered_mutations:
            raise ProtocolError(f"Expected the id of an unanswered mutation, got {request_id}")
        self.encoded.append(encode_mutation_response(request_id, result))
        self._unanswered_mutations.remove(request_id)

    def answer_action(self, request_id: int, result: CallResult) -> None:
        """Answer an action; ProtocolError if none of this id is without an answer."""
        if request_id not in self._unanswered_actions:
            raise ProtocolError(f"Expected the id of an unanswered action, got {request_id}")
        self.encoded.append(encode_action_response(request_id, result))
        self._unanswered_actions.remove(request_id)
