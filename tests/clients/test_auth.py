"""The official clients, unmodified, signing in at a real identity provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from convex.http_client import ConvexHttpClient

from tests.harness.identity_provider import KEYS, Answer, IdentityProvider
from tests.harness.programs import Node, start_python
from tests.harness.server_process import ServerProcess
from tests.harness.waiting import wait_for

MEMBERS = Path(__file__).parents[1] / "apps" / "members"
ACTING = {"issuer": "https://i.example", "subject": "eve", "name": "Ève 🙂", "team": "core"}


@dataclass(frozen=True)
class Members:
    """The running app of members and its provider."""

    server: ServerProcess
    provider: IdentityProvider

    def identity(self, subject: str = "ann", **members: Any) -> dict[str, Any]:
        """Return the identity of a user as clients see it."""
        issuer = self.provider.url
        identifier = f"{issuer}|{subject}"
        return {"issuer": issuer, "subject": subject, "tokenIdentifier": identifier, **members}

    def run(self, node: Node, scenario: str, **args: Any) -> dict[str, Any]:
        """Run a scenario of `auth_client.mjs` and return what it tells."""
        addresses = {"url": self.server.url, "provider": self.provider.url}
        with node.start("auth_client.mjs", scenario=scenario, **addresses, **args) as program:
            program.receive_until(started=scenario)
            return program.receive()


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    data = tmp_path_factory.mktemp("members") / "data"
    with IdentityProvider() as provider:
        environment = {"MEMBERS_PROVIDER": provider.url}
        server = ServerProcess(data, app=MEMBERS, command="dev", environment=environment)
        try:
            yield Members(server.start(), provider)
        finally:
            server.close()


@pytest.mark.node
def test_npm_client_signs_in_with_two_tokens_and_out(members: Members, node: Node) -> None:
    result = members.run(node, "signInAndOut")

    assert result["authenticates"] == [["User", 0], ["User", 1], ["None", 2]]
    assert result["fetches"] == [False, True]
    assert result["changes"] == [True, True]  # one for each token that was confirmed
    assert result["identity"] == members.identity(email="ann@example.com")
    assert result["author"] == members.identity()["tokenIdentifier"]
    assert result["nobody"] == "nobody"
    assert result["sockets"] == 1


@pytest.mark.node
def test_npm_client_stays_signed_in_while_its_tokens_are_replaced(
    members: Members, node: Node
) -> None:
    result = members.run(node, "staySignedIn")

    assert result["authors"] == [members.identity()["tokenIdentifier"]]
    assert set(result["changes"]) == {True}
    assert result["sockets"] == 1
    assert [version for _, version in result["authenticates"]] == [0, 1, 2, 3]


@pytest.mark.node
def test_npm_client_whose_token_has_expired_comes_back_with_a_fresh_one(
    members: Members, node: Node
) -> None:
    result = members.run(node, "outliveToken")

    assert result["authors"] == [members.identity()["tokenIdentifier"]]
    assert set(result["changes"]) == {True}
    assert result["sockets"] == 2
    assert result["authenticates"] == [["User", 0], ["User", 0]]


@pytest.mark.node
def test_npm_client_with_rejected_tokens_tries_again_and_goes_on_as_nobody(
    members: Members, node: Node
) -> None:
    result = members.run(node, "rejected")

    assert result["changes"] == [False]
    assert result["fetches"][:2] == [False, True]
    assert len(result["authenticates"]) >= 2
    assert result["identity"] is None
    assert result["author"] == "nobody"


@pytest.mark.node
def test_npm_client_gets_in_once_the_provider_can_be_reached(members: Members, node: Node) -> None:
    provider = members.provider
    provider.rotate()  # so that the keys have to be fetched
    provider.faults[KEYS] = Answer(500)
    asked = len(provider.requests)
    addresses = {"url": members.server.url, "provider": provider.url}

    try:
        with node.start("auth_client.mjs", scenario="unreachable", **addresses) as program:
            program.receive_until(started="unreachable")
            wait_for(lambda: provider.requests[asked:].count(KEYS) >= 2, "a second fetch of keys")
            provider.faults.clear()
            result = program.receive()
    finally:
        provider.faults.clear()

    assert set(result["changes"]) == {True}
    assert result["author"] == members.identity()["tokenIdentifier"]
    assert result["sockets"] >= 2


@pytest.mark.node
def test_npm_client_acts_as_a_user_with_the_admin_key(members: Members, node: Node) -> None:
    result = members.run(node, "actAs", adminKey=members.server.admin_key, identity=ACTING)

    assert result["identity"] == {**ACTING, "tokenIdentifier": "https://i.example|eve"}
    assert isinstance(result["count"], int)
    assert result["authenticates"] == [["Admin", 0]]


@pytest.mark.node
def test_npm_http_client_is_who_its_token_says(members: Members, node: Node) -> None:
    result = node.run(
        "auth_http_client.mjs",
        url=members.server.url,
        token=members.provider.token(),
        badToken=members.provider.token(lifetime_seconds=-60),
        adminKey=members.server.admin_key,
        identity=ACTING,
    )

    assert result["nobody"] is result["after"] is None
    assert result["user"] == members.identity()
    assert result["author"] == members.identity()["tokenIdentifier"]
    assert result["refused"]["code"] == "Unauthenticated"
    assert result["refused"]["message"].startswith("Could not verify OIDC token claim.")
    assert result["acting"] == {**ACTING, "tokenIdentifier": "https://i.example|eve"}
    assert isinstance(result["count"], int)
    expected = 'Either "tokenIdentifier" or "issuer" and "subject" must be set'
    assert result["actingAsNobody"]["message"] == expected
    assert result["badKey"]["code"] == "BadDeployKey"


@pytest.mark.node
def test_react_hooks_follow_who_is_signed_in(members: Members, node: Node) -> None:
    result = node.run(
        "auth_react_client.mjs", url=members.server.url, provider=members.provider.url
    )

    states = [state for state in result["states"] if state != "loading"]
    assert states == ["signed in", "signed out", "signed in"]
    shown = [subject for subject, _ in groupby(result["shown"]) if subject != "loading"]
    assert shown == ["ann", "nobody", "ann"]


def test_python_client_is_who_its_token_says(members: Members) -> None:
    with start_python(
        "auth_client.py",
        url=members.server.url,
        token=members.provider.token(),
        freshToken=members.provider.token(email="ann@example.com"),
        adminKey=members.server.admin_key,
    ) as program:
        result = program.receive()

    assert result["nobody"] is result["after"] is result["admin"] is None
    assert result["user"] == members.identity()
    assert result["author"] == members.identity()["tokenIdentifier"]
    assert result["fresh"] == members.identity(email="ann@example.com")
    assert result["count"] >= 1


def test_python_http_client_is_who_its_token_says(members: Members) -> None:
    client = ConvexHttpClient(members.server.url)

    client.set_auth(members.provider.token())
    assert client.query("who:me") == members.identity()
    client.set_auth("no token")
    with pytest.raises(Exception, match="Could not parse JWT payload"):
        client.query("who:me")


def test_no_token_and_no_key_is_in_the_log(members: Members) -> None:
    token = members.provider.token(subject="secret subject")
    client = ConvexHttpClient(members.server.url)
    for header in (
        f"Bearer {token}",
        f"Bearer {token[:-9]}",
        f"Convex {members.server.admin_key}x",
    ):
        client.auth = header
        try:
            client.query("who:me")
        except Exception as error:
            assert token not in json.dumps(str(error))

    log = members.server.log
    for secret in (token.split(".")[1], token.split(".")[2][:40], "secret subject"):
        assert secret not in log
    assert members.server.admin_key not in log
