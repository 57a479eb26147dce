"""`ctx.auth`: who calls."""

from __future__ import annotations

from typing import Protocol

from realtime.runtime.operation import Operation, OperationScope, ShortOperation
from realtime.runtime.user_identity import UserIdentity


class AuthScope(OperationScope, Protocol):
    """What `ctx.auth` needs of the run it belongs to."""

    def user_identity(self) -> UserIdentity | None:
        """Return who calls; the result of the run depends on it from here on."""
        ...


class Auth:
    """Tells who calls a function; nested calls have the identity of the outermost one."""

    def __init__(self, scope: AuthScope) -> None:
        self._scope = scope

    def get_user_identity(self) -> Operation[UserIdentity | None]:
        """Return the user that calls, or None for a caller without one.

        A query that asks is run once for each identity, one that does not once for all.
        """
        return ShortOperation(self._scope, self._scope.user_identity)
