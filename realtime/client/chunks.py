"""A transition that comes in parts, put together. Source: contract 1.12."""

from __future__ import annotations

from realtime.client.server_messages import (
    ServerMessage,
    TransitionChunk,
    decode_server_message,
)
from realtime.errors import ProtocolError


class Chunks:
    """The parts of one transition that have come so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._transition_id = ""
        self._part_count = 0

    def receive(self, chunk: TransitionChunk) -> ServerMessage | None:
        """Take a part; return the message in all of them with the last one.

        Raises:
            ProtocolError: It is not the part that was to come.
        """
        if not self._parts:
            self._transition_id, self._part_count = chunk.transition_id, chunk.total_parts
        came = (chunk.transition_id, chunk.part_number, chunk.total_parts)
        expected = (self._transition_id, len(self._parts), self._part_count)
        if came != expected:
            raise ProtocolError(
                f"Expected part {expected[1]} of the {expected[2]} of transition {expected[0]}, "
                f"got part {came[1]} of the {came[2]} of {came[0]}"
            )
        self._parts.append(chunk.chunk)
        if len(self._parts) < self._part_count:
            return None
        text = "".join(self._parts)
        self._parts = []
        return decode_server_message(text)

    def check_complete(self) -> None:
        """See that no transition is cut short by another message.

        Raises:
            ProtocolError: One is.
        """
        if self._parts:
            raise ProtocolError(
                f"Expected part {len(self._parts)} of the {self._part_count} of a transition, "
                "got another message"
            )
