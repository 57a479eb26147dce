"""Every exception that `realtime` raises on purpose.

    RealtimeError
    ├── DefinitionError         found while an app is loaded
    ├── ValidationError         an argument, a result or a document does not fit
    ├── NotFoundError           a function, table or index does not exist
    ├── ConflictError           run again by the runner
    ├── LimitError              a limit of a function, value or message was passed
    │   └── TimeLimitError      the function ran too long
    ├── OverloadedError         try again later; nothing happened
    │   └── StorageFullError    the disk is full; nothing happened
    ├── UnavailableError        the server is fenced, starting, stopping, or cannot be reached
    ├── ConnectionLostError     an action was running when its connection was cut
    ├── FunctionError           a function failed, as the client of its server sees it
    ├── OutOfRetentionError     a timestamp is too far in the past
    ├── StorageError            SQLite failed in a way that leaves the outcome unknown
    │   └── CorruptionError     what was read is not what was written
    ├── ProtocolError           the peer broke the sync protocol
    ├── AuthenticationError     a token or key was not accepted
    └── ApplicationError        raised by the app's own functions; its data reaches the client
        └── InvalidCursorError  the cursor of a page is not one of this query

Each class has a `code` that machines may rely on. A message says what was expected, what came,
where, and what to do.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

__all__ = [
    "ApplicationError",
    "AuthenticationError",
    "ConflictError",
    "ConnectionLostError",
    "ConvexError",
    "CorruptionError",
    "DefinitionError",
    "FunctionError",
    "InvalidCursorError",
    "LimitError",
    "NotFoundError",
    "OutOfRetentionError",
    "OverloadedError",
    "ProtocolError",
    "RealtimeError",
    "StorageError",
    "StorageFullError",
    "TimeLimitError",
    "UnavailableError",
    "ValidationError",
]


class RealtimeError(Exception):
    """The root of all errors that `realtime` raises on purpose.

    A class has its usual `code`; whoever raises one and knows a narrower one passes it.
    """

    default_code: ClassVar[str] = "InternalServerError"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        """What was expected, what came, where, and what to do."""
        self.code: Final = code or self.default_code
        """The kind of failure, for machines: a CamelCase word that stays the same."""


class DefinitionError(RealtimeError):
    """A mistake in `schema.py`, `auth_config.py` or `functions/`, found while the app is loaded."""

    default_code = "DefinitionError"

    def __init__(self, message: str, *, place: str | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.reason: Final = message
        """The message without the place."""
        self.place: Final = place
        """`file:line` or a dotted name, where it is known; else None."""


class ValidationError(RealtimeError):
    """An argument, result, document or id that is not what was declared.

    Also an operation that was used in a way for which it is not made.
    """

    default_code = "ValidationError"


class NotFoundError(RealtimeError):
    """A function, table or index that does not exist, or a document to be changed."""

    default_code = "NotFound"


class ConflictError(RealtimeError):
    """What the run had read was changed before it could commit; the runner runs it again.

    At most four times, each in a new transaction; then the call fails. Over SQLite the database
    raises none, as mutations run one after another; a handler may.
    """

    default_code = "OptimisticConcurrencyControlFailure"


class LimitError(RealtimeError):
    """A limit of a function run, a value or a message was passed."""

    default_code = "LimitExceeded"


class TimeLimitError(LimitError):
    """A function used up its time."""

    default_code = "FunctionTimeout"


class OverloadedError(RealtimeError):
    """Too much work is waiting, or the disk is full.

    Nothing happened; the same call may succeed later.
    """

    default_code = "TooManyConcurrentRequests"


class StorageFullError(OverloadedError):
    """The disk has no room for the write. Nothing happened; it works again when there is room."""

    default_code = "StorageFull"


class UnavailableError(RealtimeError):
    """The server does not take calls now, or there is none, or the client has been closed."""

    default_code = "InternalServerError"


class ConnectionLostError(RealtimeError):
    """The connection was cut while an action ran: it may have taken effect, or part of it."""

    default_code = "ConnectionLost"


class FunctionError(RealtimeError):
    """A function failed on the server; the message is what the server lets its clients know."""

    default_code = "FunctionFailed"


class OutOfRetentionError(RealtimeError):
    """The snapshot asked for is older than what the server keeps."""

    default_code = "OutOfRetention"


class StorageError(RealtimeError):
    """The storage failed, and whether the last commit is on disk is not known."""

    default_code = "StorageError"


class CorruptionError(StorageError):
    """A row read from the storage is not the row that was written."""

    default_code = "CorruptionError"


class ProtocolError(RealtimeError):
    """The peer sent something that the sync protocol does not allow in this state."""

    default_code = "ProtocolError"


class AuthenticationError(RealtimeError):
    """A token or an admin key that was not accepted."""

    default_code = "Unauthenticated"


class _Absent:
    """The type of the mark for data that was not given (None is data)."""


_ABSENT: Final = _Absent()


class ApplicationError(RealtimeError):
    """An error of the app itself, raised by its functions for its clients to act on.

    `ApplicationError(data)` carries any value; `ApplicationError(text, data=…)` carries both. A
    text alone is the data, too. Where no text is given, the client's is the data's compact JSON,
    made where the error leaves the function. Subclasses keep their name in the client's text.
    """

    default_code = "ApplicationError"

    def __init__(self, text_or_data: Any = None, *, data: Any = _ABSENT) -> None:
        has_both = data is not _ABSENT
        self.data: Final[Any] = data if has_both else text_or_data
        """Any value; it reaches the client also when error texts are redacted."""
        self.text: Final = text_or_data if has_both or isinstance(text_or_data, str) else None
        """The text; None where data alone was given."""
        self.nesting = 0
        """Nested calls that the error has left; the runner counts, each adds a prefix."""
        super().__init__(str(self.text if self.text is not None else self.data))


class InvalidCursorError(ApplicationError):
    """A cursor that was not made by this query, or not by this database.

    Its data tells paginating clients to begin again at the first page.
    """

    default_code = "InvalidCursor"

    def __init__(self, text: str) -> None:
        # contract 5.8
        data = {"isConvexSystemError": True, "paginationError": self.default_code}
        super().__init__(text, data=data)


ConvexError = ApplicationError
"""Another name of `ApplicationError`, for code that comes from Convex."""
