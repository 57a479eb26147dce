"""Tokens of users on a socket: checked while messages wait, good for a time, replaced.

The session is the real one; connection and backend are recorded, and a test decides on tokens.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.errors import AuthenticationError, UnavailableError
from realtime.runtime.outcome import ANONYMOUS, Identity, MutationOutcome, QueryResult
from realtime.runtime.user_identity import UserIdentity
from realtime.testing import VirtualClock
from tests.unit.server.conversation import Conversation

pytestmark = pytest.mark.asyncio

SECOND_NS = 1_000_000_000


class Tokens:
    """Tells who a token stands for when a test has decided it."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[Identity]] = {}

    async def validate(self, text: str) -> Identity:
        self.waiting[text] = asyncio.get_running_loop().create_future()
        return await self.waiting[text]

    async def close(self) -> None:
        """Nothing is open."""


class TokenConversation(Conversation):
    """A conversation in which a test decides on tokens."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.clock = VirtualClock()
        super().__init__(tokens=self.tokens, clock=self.clock)

    async def authenticate(self, base_version: int, token: str) -> None:
        members = {"baseVersion": base_version, "tokenType": "User", "value": token}
        self.say("Authenticate", **members)
        await turns()

    async def decide(self, token: str, outcome: Identity | Exception) -> None:
        decision = self.tokens.waiting.pop(token)
        if isinstance(outcome, Exception):
            decision.set_exception(outcome)
        else:
            decision.set_result(outcome)
        await turns()

    async def log_in(self, base_version: int = 0, name: str = "ann", seconds: int = 60) -> Identity:
        identity = self.user(name, seconds)
        await self.authenticate(base_version, name)
        await self.decide(name, identity)
        return identity

    def user(self, name: str, seconds: int = 60) -> Identity:
        end = self.clock.now_ns() + seconds * SECOND_NS
        user = UserIdentity.from_wire({"issuer": "i", "subject": name})
        return Identity(user=user, expires_at_ns=end)

    def answers(self) -> list[tuple[Any, ...]]:
        """Return type and identity version of what was written since the last call."""
        return [
            (message["type"], message["endVersion"]["identity"])
            if message["type"] == "Transition"
            else (message["type"],)
            for message in self.taken()
        ]


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def conversation() -> TokenConversation:
    conversation = TokenConversation()
    conversation.connect()
    return conversation


def auth_error(conversation: TokenConversation) -> dict[str, Any]:
    """Return the last message, which ends the conversation."""
    message = conversation.taken()[-1]
    assert message["type"] == "AuthError"
    assert conversation.connection.closed == (1000, "AuthError")
    assert conversation.backend.disconnected == [conversation.worker]
    return message


async def test_messages_behind_a_token_wait_and_run_as_its_user(
    conversation: TokenConversation,
) -> None:
    await conversation.authenticate(0, "token")
    conversation.add(7)
    conversation.mutate(0)
    assert conversation.backend.mutations == []
    assert conversation.backend.updates == []

    ann = conversation.user("ann")
    await conversation.decide("token", ann)

    assert conversation.backend.mutations[0].call.identity == ann
    (query,) = conversation.backend.updates[0].begin_update().values()
    assert query.call.identity == ann


async def test_accepted_token_is_confirmed_by_a_transition_without_any_query(
    conversation: TokenConversation,
) -> None:
    await conversation.log_in()
    conversation.backend.run_update(1_000, {})

    assert conversation.answers() == [("Transition", 1)]

    await conversation.log_in(1, "fresh token")
    conversation.backend.run_update(1_000, {})
    conversation.say("Authenticate", baseVersion=2, tokenType="None")
    conversation.backend.run_update(1_000, {})

    assert conversation.answers() == [("Transition", 2), ("Transition", 3)]
    conversation.mutate(0)
    assert conversation.backend.mutations[0].call.identity == ANONYMOUS


async def test_two_tokens_in_a_row_are_checked_one_after_another(
    conversation: TokenConversation,
) -> None:
    await conversation.authenticate(0, "first")
    await conversation.authenticate(1, "second")
    conversation.mutate(0)
    assert list(conversation.tokens.waiting) == ["first"]

    await conversation.decide("first", conversation.user("ann"))
    assert list(conversation.tokens.waiting) == ["second"]
    bob = conversation.user("bob")
    await conversation.decide("second", bob)

    assert [one.call.identity for one in conversation.backend.mutations] == [bob]
    conversation.backend.run_update(1_000, {})
    assert conversation.answers() == [("Transition", 2)]


@pytest.mark.parametrize("accepted_before", [0, 1, 2])
async def test_rejected_token_is_told_with_the_version_before_it(
    conversation: TokenConversation, accepted_before: int
) -> None:
    for version in range(accepted_before):
        await conversation.log_in(version)
    conversation.taken()

    await conversation.authenticate(accepted_before, "bad")
    conversation.mutate(0)
    await conversation.decide("bad", AuthenticationError("It is bad", code="InvalidAuthHeader"))

    assert auth_error(conversation) == {
        "type": "AuthError",
        "error": "InvalidAuthHeader: It is bad",
        "baseVersion": accepted_before,
        "authUpdateAttempted": True,
    }
    assert conversation.backend.mutations == []


async def test_token_that_cannot_be_checked_now_closes_the_socket_for_a_retry(
    conversation: TokenConversation,
) -> None:
    await conversation.authenticate(0, "token")

    await conversation.decide("token", UnavailableError("The provider is away"))

    assert conversation.taken() == []
    assert conversation.connection.closed == (1011, "InternalServerError")


async def test_fault_of_ours_in_a_check_closes_the_socket_and_is_logged(
    conversation: TokenConversation, caplog: pytest.LogCaptureFixture
) -> None:
    await conversation.authenticate(0, "token")

    await conversation.decide("token", RuntimeError("a bug"))

    assert conversation.connection.closed == (1011, "InternalServerError")
    assert "a bug" in caplog.text


async def test_wrong_base_version_closes_the_socket(conversation: TokenConversation) -> None:
    await conversation.authenticate(1, "token")

    assert conversation.connection.closed is not None
    assert conversation.connection.closed[0] == 1011
    assert conversation.tokens.waiting == {}


async def test_check_is_given_up_when_the_client_goes(conversation: TokenConversation) -> None:
    await conversation.authenticate(0, "token")
    check = conversation.tokens.waiting["token"]

    conversation.worker.connection_lost(1006, "")
    await turns()

    assert check.cancelled()


@pytest.mark.parametrize("kind", ["Mutation", "Action"])
async def test_call_after_the_end_of_the_token_is_refused(
    conversation: TokenConversation, kind: str
) -> None:
    await conversation.log_in(seconds=60)
    conversation.backend.run_update(1_000, {})
    conversation.taken()
    conversation.clock.advance(59.9)
    conversation.mutate(0)
    assert len(conversation.backend.mutations) == 1

    conversation.clock.advance(0.1)
    conversation.say(kind, requestId=1, udfPath="messages:send", args=[{}])

    assert auth_error(conversation) == {
        "type": "AuthError",
        "error": "TokenExpired: Convex token identity expired",
        "baseVersion": 1,
        "authUpdateAttempted": False,
    }
    assert len(conversation.backend.mutations) == 1


async def test_update_after_the_end_of_the_token_is_refused(
    conversation: TokenConversation,
) -> None:
    await conversation.log_in(seconds=60)
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})
    conversation.taken()
    conversation.clock.advance(60)
    assert conversation.connection.closed is None

    conversation.worker.query_invalidated(7)
    (client,) = conversation.backend.updates
    assert client.begin_update() is None

    assert auth_error(conversation)["authUpdateAttempted"] is False


async def test_answer_that_was_on_its_way_goes_out_before_the_end(
    conversation: TokenConversation,
) -> None:
    await conversation.log_in(seconds=60)
    conversation.backend.run_update(1_000, {})
    conversation.mutate(0)
    conversation.clock.advance(60)
    conversation.taken()

    conversation.backend.timestamp = 1_001
    conversation.backend.mutations[0].finish(MutationOutcome(b"1", None, 1_001))

    assert conversation.answers() == [("MutationResponse",), ("Transition", 1)]


async def test_token_that_is_replaced_in_time_drops_nothing(
    conversation: TokenConversation,
) -> None:
    await conversation.log_in(seconds=60)
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})
    conversation.clock.advance(50)

    await conversation.log_in(1, seconds=60)
    conversation.clock.advance(50)
    conversation.backend.run_update(1_001, {7: QueryResult(b"1", None)})
    conversation.mutate(0)

    assert conversation.answers() == [("Transition", 1), ("Transition", 2)]
    assert len(conversation.backend.mutations) == 1
    assert conversation.connection.closed is None


async def test_update_waits_for_the_token_that_replaces_one_that_ended(
    conversation: TokenConversation,
) -> None:
    await conversation.log_in(seconds=60)
    conversation.add(7)
    conversation.backend.run_update(1_000, {7: QueryResult(b"1", None)})
    await conversation.authenticate(1, "fresh")
    conversation.clock.advance(60)
    conversation.worker.query_invalidated(7)
    client = conversation.backend.updates.pop()
    assert client.begin_update() is None
    assert conversation.connection.closed is None

    await conversation.decide("fresh", conversation.user("ann"))
    conversation.backend.run_update(1_001, {7: QueryResult(b"2", None)})

    assert conversation.answers() == [("Transition", 1), ("Transition", 2)]


async def test_results_of_the_identity_before_never_follow_the_new_one(
    conversation: TokenConversation,
) -> None:
    conversation.add(7)
    client = conversation.backend.updates.pop()
    assert client.begin_update() is not None  # the run of nobody is under way …
    await conversation.log_in()  # … when the client becomes somebody
    client.finish_update(1_000, {7: QueryResult(b'"nobody"', None)})
    conversation.backend.run_update(1_000, {7: QueryResult(b'"ann"', None)})

    first, second = conversation.taken()
    assert first["endVersion"]["identity"] == 0
    assert first["modifications"][0]["value"] == "nobody"
    assert second["endVersion"]["identity"] == 1
    assert second["modifications"][0]["value"] == "ann"
