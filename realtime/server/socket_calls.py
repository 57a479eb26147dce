"""The mutations and actions of a socket: handed to the backend, and their outcomes to the session.

What became of a call that was not taken depends on what the client does without an answer: a
mutation it sends again when it has connected anew, an action it does not.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from realtime.errors import OverloadedError, UnavailableError
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import (
    ActionOutcome,
    ClientError,
    FunctionCall,
    Identity,
    LiveClient,
    MutationOutcome,
    SocketRequest,
)
from realtime.server.conversation_end import sends_away
from realtime.sync.session import Session
from realtime.sync.work import StartAction, StartMutation


class CallingClient(LiveClient, Protocol):
    """Whose calls they are."""

    def proceed_after_answer(self) -> None:
        """Go on after the session has taken an outcome."""
        ...


class SocketCalls:
    """The calls of all sockets of a server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def submit_mutation(
        self, client: CallingClient, session: Session[Identity], work: StartMutation[Identity]
    ) -> None:
        """Queue a mutation; its outcome goes to the session."""
        finish = partial(self._mutation_finished, client, session, work.request_id)
        call = _function_call(session, work)
        try:
            self._backend.submit_mutation(call, client, session.session_id, work.request_id, finish)
        except OverloadedError as error:
            client.fail(error)
        except UnavailableError as error:
            # A server that stops closes the socket when what ran has been answered.
            if self._backend.state == "fenced":
                client.fail(error)

    def _mutation_finished(
        self,
        client: CallingClient,
        session: Session[Identity],
        request_id: int,
        outcome: MutationOutcome,
    ) -> None:
        rejection = outcome.rejection
        if isinstance(rejection, UnavailableError):
            # It was not started and the socket is about to close: without an answer the client
            # sends it again to the server that comes back.
            return
        if sends_away(rejection):
            client.fail(rejection)  # the client comes back after a while and sends it again
            return
        session.mutation_finished(request_id, outcome)
        client.proceed_after_answer()

    def submit_action(
        self, client: CallingClient, session: Session[Identity], work: StartAction[Identity]
    ) -> None:
        """Start an action; its outcome goes to the session."""
        finish = partial(self._action_finished, client, session, work.request_id)
        try:
            self._backend.submit_action(_function_call(session, work), client, finish)
        except OverloadedError as error:
            client.fail(error)
        except UnavailableError as error:
            if self._backend.state == "fenced":
                client.fail(error)
            else:  # clients do not send an action again: without an answer they would not know
                outcome = ActionOutcome(None, ClientError(error.message))
                session.action_finished(work.request_id, outcome)

    def _action_finished(
        self,
        client: CallingClient,
        session: Session[Identity],
        request_id: int,
        outcome: ActionOutcome,
    ) -> None:
        if session.is_closed:
            return
        if sends_away(outcome.rejection):
            client.fail(outcome.rejection)
            return
        session.action_finished(request_id, outcome)
        client.proceed_after_answer()


def _function_call(
    session: Session[Identity], work: StartMutation[Identity] | StartAction[Identity]
) -> FunctionCall:
    session_id = session.session_id
    request_id = None if session_id is None else SocketRequest(session_id, work.request_id)
    return FunctionCall(work.path, work.args, work.identity, request_id, work.component_path)
