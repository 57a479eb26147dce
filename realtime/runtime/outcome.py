"""What goes into a function run and what comes out of it, as the server sees them.

Everything here is ready for the wire: values are canonical encoded JSON, error texts are final
(already redacted where the server redacts). A result is encoded once, by the run that computed
it, and shared by every socket and request that it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Literal, NamedTuple, Protocol

import msgspec

from realtime.errors import RealtimeError
from realtime.runtime.user_identity import UserIdentity

FunctionKind = Literal["query", "mutation", "action"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a call: a user, nobody in particular, or the holder of the admin key.

    The holder of the admin key may act as a user; `user` is then that user. An identity is good
    until `expires_at_ns`, the wall time at which its token expires, if it has an end.
    """

    is_admin: bool = False
    user: UserIdentity | None = None
    expires_at_ns: int | None = None

    @property
    def visible_to_functions(self) -> bytes:
        """Return bytes that are equal for identities which no function can tell apart."""
        return b"" if self.user is None else self.user.encoded


ANONYMOUS = Identity()
ADMIN = Identity(is_admin=True)


class SocketRequest(NamedTuple):
    """A request of a sync session; as text it is the id that error texts and the log show.

    The id follows from both members, so a client can find its own requests in a log (contract
    5.4). It is made only where it is shown.
    """

    session_id: str
    number: int

    def __str__(self) -> str:
        return sha256(f"{self.session_id}|{self.number}".encode()).hexdigest()[:16]


class FunctionCall(msgspec.Struct, frozen=True):
    """A call as a client sent it; nothing in it has been checked.

    `args` is JSON text: the arguments object, or an array with that one object; empty means no
    arguments. An admin's call reaches internal functions too. `component_path` is for admins
    alone, and then the empty path of the app itself; None where the caller said nothing of it.
    Calls of one `caller` (an address) wait in one queue, as those of a socket do; one without waits
    in a queue of its own.
    """

    is_nested: ClassVar[bool] = False
    path: str
    args: bytes
    identity: Identity = ANONYMOUS
    request_id: str | SocketRequest | None = None
    component_path: str | None = None
    caller: str | None = None

    @property
    def reaches_internal(self) -> bool:
        """Whether the caller may run internal functions."""
        return self.is_nested or self.identity.is_admin


class NestedCall(FunctionCall, frozen=True):
    """A call that another function makes, in the name of its own caller."""

    is_nested: ClassVar[bool] = True


class ClientError(msgspec.Struct, frozen=True):
    """A failure as the client may read it.

    `data` is encoded JSON, only for an `ApplicationError`; None means that the member is absent.
    """

    message: str
    data: bytes | None = None


def _encode_query_result(
    value: bytes | None, error: ClientError | None, log_lines: tuple[str, ...], journal: str | None
) -> bytes:
    tail = b',"logLines":%b,"journal":%b' % (
        msgspec.json.encode(log_lines),
        msgspec.json.encode(journal),
    )
    if error is None:
        assert value is not None
        return b'"type":"QueryUpdated","value":' + value + tail
    message = b'"type":"QueryFailed","errorMessage":' + msgspec.json.encode(error.message)
    if error.data is not None:
        message += b',"errorData":' + error.data
    return message + tail


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of one run of a query: a value or an error.

    `modification` holds its members in a transition, as JSON, all but the query id; made once.
    """

    value: bytes | None
    error: ClientError | None
    log_lines: tuple[str, ...] = ()
    journal: str | None = None
    modification: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        encoded = _encode_query_result(self.value, self.error, self.log_lines, self.journal)
        object.__setattr__(self, "modification", encoded)


class MutationOutcome(msgspec.Struct, frozen=True):
    """How a mutation ended, once what it saw is durable.

    `timestamp` is that of its commit, or of its snapshot if nothing of it was committed.
    `rejection` is set beside `error` when the server could not take the mutation (a full disk, too
    much work): nothing happened, and the same call may succeed later.
    """

    value: bytes | None
    error: ClientError | None
    timestamp: int
    log_lines: tuple[str, ...] = ()
    rejection: RealtimeError | None = None
    cause: BaseException | None = None
    """What was raised, for a caller in this process."""


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """How an action ended.

    `rejection` is set beside `error` when the server could not take the action or go on with it.
    """

    value: bytes | None
    error: ClientError | None
    log_lines: tuple[str, ...] = ()
    rejection: RealtimeError | None = None
    cause: BaseException | None = None
    """What was raised, for a caller in this process."""


class QueryCall(msgspec.Struct, frozen=True):
    """A subscribed query to evaluate, with the journal of its last run on this socket."""

    call: FunctionCall
    journal: str | None = None


class LiveClient(Protocol):
    """A connected client with subscribed queries; the server's side of one socket.

    All methods are called on the event loop, never from inside a call that the client makes.
    """

    def begin_update(self) -> Mapping[int, QueryCall] | None:
        """Return the queries to evaluate, at the moment at which their update starts.

        None if there is nothing to do any more.
        """
        ...

    def restart_update(self) -> Mapping[int, QueryCall]:
        """Return the queries to evaluate now that the update in progress starts again.

        Its snapshot has moved on: what has become stale meanwhile belongs to it as well.
        """
        ...

    def stale_queries(self) -> Iterable[QueryCall]:
        """Return what an update would evaluate if it began now."""
        ...

    def finish_update(self, timestamp: int, results: Mapping[int, QueryResult]) -> None:
        """Take the results of the update: one consistent snapshot at `timestamp`."""
        ...

    def query_invalidated(self, query_id: int) -> None:
        """Learn that a delivered result is no longer current."""
        ...

    def fail(self, error: RealtimeError) -> None:
        """Learn that the server cannot go on with this client."""
        ...
