"""How a function ended, as its caller is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from realtime.errors import ApplicationError, FunctionError, RealtimeError
from realtime.values.json_encoding import decode_json
from realtime.values.value import Value

_REQUEST_ID: Final = re.compile(r"\[Request ID: [0-9a-f]{16}\] ")


@dataclass(frozen=True, slots=True)
class Success:
    """A result as encoded JSON; equal results are equal texts."""

    encoded: bytes

    def value(self) -> Value:
        """Return the result; a new object each time, so that nobody changes another's."""
        return decode_json(self.encoded)


@dataclass(frozen=True, slots=True)
class Failure:
    """The text of an error, and the encoded data if it was an `ApplicationError`."""

    message: str
    data: bytes | None

    def value(self) -> Value:
        """Raise the error.

        Raises:
            ApplicationError: The function raised one.
            FunctionError: It failed in another way.
        """
        raise self.to_error()

    def to_error(self) -> RealtimeError:
        """Return the error; a new one each time, as each has a traceback of its own."""
        message = self.message.strip()
        if self.data is None:
            return FunctionError(message)
        return ApplicationError(message, data=decode_json(self.data))

    def is_same(self, other: Outcome | None) -> bool:
        """Say whether the other is this failure again: each run has a request id of its own."""
        return (
            isinstance(other, Failure)
            and self.data == other.data
            and _REQUEST_ID.sub("", self.message) == _REQUEST_ID.sub("", other.message)
        )


Outcome: TypeAlias = Success | Failure


def success(value: msgspec.Raw) -> Success:
    """Return a result of a message, without the rest of the message."""
    return Success(bytes(value))


def failure(message: str, data: msgspec.Raw) -> Failure:
    """Return a failure of a message; it has data if the message has any, also null."""
    return Failure(message, bytes(data) or None)


def response_outcome(is_success: bool, result: msgspec.Raw, data: msgspec.Raw) -> Outcome:
    """Return how a request ended that was answered so.

    Raises:
        msgspec.ValidationError: The text of an error is no string.
    """
    if is_success:
        return success(result)
    return failure(msgspec.json.decode(result, type=str), data)
