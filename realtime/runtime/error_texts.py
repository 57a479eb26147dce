"""What a client reads of a failure.

One switch decides: redacted, a client gets a request id and the data of an `ApplicationError` and
nothing else; open, it gets the texts of the contract (5.2 to 5.4), with the lines of the app's own
code. The server's log has all of it, with the same request id.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import msgspec

from realtime.clock import Clock
from realtime.errors import (
    ApplicationError,
    ConvexError,
    InvalidCursorError,
    RealtimeError,
    StorageError,
)
from realtime.runtime.outcome import ClientError, SocketRequest
from realtime.values.annotations import ANY_CODEC
from realtime.values.codec import is_dict, is_list
from realtime.values.display import sendable_text
from realtime.values.json_encoding import encode_json, encode_value
from realtime.values.size import check_value_limits
from realtime.values.value import Value

_log = logging.getLogger("realtime.functions")

_REQUEST_ID_BYTES = 8
_PACKAGE = Path(__file__).parents[1]
"""Frames of this package are not the app's, also where the app's folder holds it."""


class HandlerFailure(Exception):
    """Carries an exception that left a handler, apart from those of calling it."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


class ErrorTexts:
    """Turns exceptions into what a client may read."""

    def __init__(self, root: Path, clock: Clock, *, redact_errors: bool) -> None:
        self._root = root
        self._clock = clock
        self.redact_errors = redact_errors

    def client_error(
        self, error: BaseException, path: str, request_id: str | SocketRequest | None = None
    ) -> ClientError:
        """Return what the client gets for `error`, raised by or before a run of `path`."""
        request_id = str(request_id or self._clock.random_bytes(_REQUEST_ID_BYTES).hex())
        cause = error.cause if isinstance(error, HandlerFailure) else error
        head = f"[Request ID: {request_id}] Server Error"
        text = sendable_text(self._uncaught(cause) if error is not cause else _text_of(cause))
        is_ours = isinstance(cause, RealtimeError) and not isinstance(cause, StorageError)
        _log.log(
            logging.INFO if is_ours else logging.ERROR,
            "%s failed [Request ID: %s]: %s",
            path,
            request_id,
            text,
            exc_info=None if is_ours else cause,
        )
        data, problem = _data(cause)
        text += problem
        _forget_way(cause)
        return ClientError(head if self.redact_errors else f"{head}\n{text}\n", data)

    def _uncaught(self, cause: BaseException) -> str:
        name, text = _shown_name(cause), _shown_text(cause)
        prefix = f"Uncaught {name}: "
        nesting = cause.nesting if isinstance(cause, ApplicationError) else 0
        return f"{prefix * (nesting + 1)}{text}{self._stack(cause)}"

    def _stack(self, cause: BaseException) -> str:
        lines = ""
        for frame in reversed(traceback.extract_tb(cause.__traceback__)):
            file = Path(frame.filename)
            if file.is_relative_to(self._root) and not file.is_relative_to(_PACKAGE):
                shown = file.relative_to(self._root).as_posix()
                lines += f"\n    at {frame.name} (../{shown}:{frame.lineno})"
        return lines


def _forget_way(cause: BaseException) -> None:
    """Let an exception object that the app keeps and raises again start anew.

    Python would add the next way to this one, and hold on to every frame of it.
    """
    cause.__traceback__ = None
    if isinstance(cause, ApplicationError):
        cause.nesting = 0


def _data(cause: BaseException) -> tuple[bytes | None, str]:
    """Return the encoded data of an application error, and what to say if it has no encoding."""
    if not isinstance(cause, ApplicationError):
        return None, ""
    try:
        value = ANY_CODEC.encode(cause.data)
        check_value_limits(value)
        return encode_json(value), ""
    except Exception as error:  # the app's own classes may fail too
        return (
            None,
            f"\n(its data was dropped, it is not a value: {sendable_text(_text_of(error))})",
        )


def _shown_name(cause: BaseException) -> str:
    if type(cause) in (ConvexError, InvalidCursorError):
        return "ConvexError"
    if type(cause) is Exception:
        return "Error"
    if isinstance(cause, RealtimeError) and not isinstance(cause, ApplicationError):
        return "Error"
    return type(cause).__name__


def _shown_text(cause: BaseException) -> str:
    if isinstance(cause, ApplicationError) and cause.text is None:
        return _shown_data(cause)
    return _text_of(cause)


def _shown_data(cause: ApplicationError) -> str:
    try:
        tree = _in_insertion_order(ANY_CODEC.encode(cause.data))
        return msgspec.json.encode(tree).decode()
    except Exception:  # what is wrong with the data is told where it is dropped
        return ""


def _in_insertion_order(value: Value) -> Any:
    """Return a value as a JSON tree whose objects keep the order in which they were written."""
    if is_dict(value):
        return {name: _in_insertion_order(member) for name, member in value.items()}
    if is_list(value):
        return [_in_insertion_order(element) for element in value]
    return encode_value(value)


def _text_of(cause: BaseException) -> str:
    try:
        return str(cause)
    except Exception:  # the app's own `__str__` may fail too
        return "(an error whose text could not be made)"
