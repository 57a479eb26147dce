"""Users and the admin over HTTP and bare sockets, with a provider that works, fails and is slow."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.identity_provider import DISCOVERY, KEYS, Answer, IdentityProvider
from tests.harness.server_process import ServerProcess
from tests.harness.sync_socket import Closed, SyncSocket
from tests.harness.tokens import signing_key
from tests.harness.waiting import wait_for

MEMBERS = Path(__file__).parents[1] / "apps" / "members"
OIDC_FAILURE = (
    "Could not verify OIDC token claim. Check that the token signature is valid and the token "
    "hasn't expired."
)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(params=["dev"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, provider: IdentityProvider
) -> Iterator[ServerProcess]:
    """A server of the app of members; redacting errors with the parameter `serve`."""
    environment = {"MEMBERS_PROVIDER": provider.url}
    process = ServerProcess(
        tmp_path / "data", app=MEMBERS, command=request.param, environment=environment
    )
    try:
        yield process.start()
    finally:
        process.close()


def ask(server: ServerProcess, header: str | None, route: str = "query") -> httpx.Response:
    headers = {} if header is None else {"Authorization": header}
    bodies: dict[str, tuple[str, Any]] = {
        "query": ("who:me", {"path": "who:me"}),
        "mutation": ("who:meInMutation", {"path": "who:meInMutation"}),
        "run/who/me": ("", {"args": {}}),
        "query_batch": ("", {"queries": [{"path": "who:me"}]}),
        "function": ("", {"path": "who:me"}),
    }
    address = f"{server.url}/api/{route}"
    return httpx.post(address, json=bodies[route][1], headers=headers, timeout=30)


def subject(response: httpx.Response) -> str | None:
    body = response.raise_for_status().json()
    body = body["results"][0] if "results" in body else body
    assert body["status"] == "success"
    return None if body["value"] is None else body["value"]["subject"]


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    return response.status_code, response.json()["code"], response.json()["message"]


PUBLIC_ROUTES = ["query", "mutation", "run/who/me", "query_batch"]


def test_token_says_who_calls_on_every_endpoint(
    server: ServerProcess, provider: IdentityProvider
) -> None:
    custom = provider.token("cid", iss=provider.custom_issuer, aud="whatever")
    for route in PUBLIC_ROUTES:
        assert subject(ask(server, None, route)) is None
        assert subject(ask(server, f"Bearer {provider.token()}", route)) == "ann"
        assert subject(ask(server, f"bEaReR {provider.token('bob')}", route)) == "bob"
        assert subject(ask(server, f"Bearer {custom}", route)) == "cid"
    assert refusal(ask(server, f"Bearer {custom}", "function"))[:2] == (403, "BadDeployKey")
    assert provider.requests.count(DISCOVERY) == 1
    assert provider.requests.count(KEYS) == 2  # once for each of the two providers


def test_admin_acts_as_a_user_on_every_endpoint(server: ServerProcess) -> None:
    identity = {"issuer": "i", "subject": "Ånn 🙂"}
    encoded = base64.b64encode(json.dumps(identity).encode()).decode()
    for route in [*PUBLIC_ROUTES, "function"]:
        assert subject(ask(server, f"Convex {server.admin_key}:{encoded}", route)) == "Ånn 🙂"
        assert subject(ask(server, f"CONVEX {server.admin_key}", route)) is None


@pytest.mark.parametrize("server", ["dev", "serve"], indirect=True)
def test_token_that_is_not_good_is_refused_with_its_code(
    server: ServerProcess, provider: IdentityProvider
) -> None:
    stranger = signing_key("RS256", 50).sign({"iss": provider.url, "sub": "x", "aud": "members"})
    is_redacted = server.command == "serve"
    no_provider = "No auth provider found matching the given token"
    expected = [
        ("short", (400, "InvalidHeaderFailure"), "Authorization header is too short"),
        ("Bearer nonsense", (401, "InvalidAuthHeader"), "Could not parse JWT payload."),
        (f"Bearer {provider.token(iss=None)}", (401, "InvalidAuthHeader"), "Missing issuer claim"),
        (f"Bearer {provider.token(sub=None)}", (401, "InvalidAuthHeader"), "Missing subject claim"),
        (f"Bearer {provider.token(aud='x')}", (401, "NoAuthProvider"), no_provider),
        (f"Bearer {provider.token(lifetime_seconds=-9)}", (401, "Unauthenticated"), OIDC_FAILURE),
        (f"Bearer {stranger}", (401, "Unauthenticated"), OIDC_FAILURE),
        ("Convex wrong|key", (403, "BadDeployKey"), "The provided deploy key was invalid"),
    ]
    for route in PUBLIC_ROUTES:
        for header, code, text in expected:
            status, name, message = refusal(ask(server, header, route))
            assert (status, name) == code
            assert message.startswith(text)
            if name == "NoAuthProvider":
                assert (message == no_provider) is is_redacted
                assert (provider.url in message) is not is_redacted


def test_preflight_needs_no_credentials(server: ServerProcess) -> None:
    response = httpx.options(
        f"{server.url}/api/query",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Authorization": "Bearer nonsense",
        },
    )

    assert response.is_success
    assert response.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    ("path", "fault", "status"),
    [
        (KEYS, Answer(500), 503),
        (DISCOVERY, Answer(502), 503),
        (KEYS, Answer(body=b"<html>"), 401),
        (DISCOVERY, Answer(404), 401),
    ],
)
def test_provider_that_fails_is_told_apart_from_a_bad_token_and_recovers(
    server: ServerProcess, provider: IdentityProvider, path: str, fault: Answer, status: int
) -> None:
    provider.faults[path] = fault
    header = f"Bearer {provider.token()}"

    response = ask(server, header)

    codes = {503: "AuthProviderUnavailable", 401: "Unauthenticated"}
    assert refusal(response)[:2] == (status, codes[status])
    assert subject(ask(server, None)) is None
    provider.faults.clear()
    wait_for(lambda: ask(server, header).is_success, "a token to be accepted")


def test_slow_provider_keeps_nobody_else_waiting(
    server: ServerProcess, provider: IdentityProvider
) -> None:
    provider.hold()
    answers: list[str | None] = []
    header = f"Bearer {provider.token()}"
    waiting = [
        threading.Thread(target=lambda: answers.append(subject(ask(server, header))))
        for _ in range(5)
    ]
    for thread in waiting:
        thread.start()
    provider.arrived.acquire()

    with SyncSocket(server.url) as slow, SyncSocket(server.url) as other:
        slow.greet()
        slow.send(
            {"type": "Authenticate", "baseVersion": 0, "tokenType": "User"} | {"value": header[7:]}
        )
        slow.mutate(0, "notes:add", [{"text": "x"}])
        other.greet()
        other.add_query(0, "who:me", [{}])
        assert other.receive_result(0)["value"] is None
        assert subject(ask(server, None)) is None
        assert answers == []
        assert provider.requests == [DISCOVERY]

        provider.release()
        assert slow.receive_type("MutationResponse")["result"] == f"{provider.url}|ann"
    for thread in waiting:
        thread.join(30)
    assert answers == ["ann"] * 5
    assert provider.requests == [DISCOVERY, KEYS]


def authenticate(socket: SyncSocket, base_version: int, token: str) -> None:
    message = {"type": "Authenticate", "baseVersion": base_version, "tokenType": "User"}
    socket.send({**message, "value": token})


def test_socket_with_a_rejected_token_is_told_and_closed(
    server: ServerProcess, provider: IdentityProvider
) -> None:
    with SyncSocket(server.url) as socket:
        socket.greet()
        authenticate(socket, 0, provider.token())
        assert socket.receive_type("Transition")["endVersion"]["identity"] == 1
        authenticate(socket, 1, provider.token(lifetime_seconds=-60))
        socket.mutate(0, "notes:add", [{"text": "x"}])

        messages, closed = socket.receive_end()

    assert messages == [
        {
            "type": "AuthError",
            "error": f"Unauthenticated: {OIDC_FAILURE}",
            "baseVersion": 1,
            "authUpdateAttempted": True,
        }
    ]
    assert closed == Closed(1000, "AuthError")


def test_socket_is_closed_for_a_retry_while_the_provider_fails(
    server: ServerProcess, provider: IdentityProvider
) -> None:
    provider.faults[KEYS] = Answer(503)

    with SyncSocket(server.url) as socket:
        socket.greet()
        authenticate(socket, 0, provider.token())
        messages, closed = socket.receive_end()

    assert messages == []
    assert closed == Closed(1011, "InternalServerError")


def test_live_query_ends_with_its_token(server: ServerProcess, provider: IdentityProvider) -> None:
    with SyncSocket(server.url) as socket:
        socket.greet()
        authenticate(socket, 0, provider.token(lifetime_seconds=3))
        socket.add_query(0, "notes:everything", [{}])
        socket.receive_result(0)
        while True:  # each note makes an update; one of them comes after the end of the token
            text = {"path": "notes:add", "args": {"text": "x"}}
            httpx.post(f"{server.url}/api/mutation", json=text).raise_for_status()
            message = socket.receive()
            if message["type"] == "AuthError":
                break

    assert message == {
        "type": "AuthError",
        "error": "TokenExpired: Convex token identity expired",
        "baseVersion": 1,
        "authUpdateAttempted": False,
    }


def test_keys_of_a_provider_may_rotate(server: ServerProcess, provider: IdentityProvider) -> None:
    old = provider.token()
    assert subject(ask(server, f"Bearer {old}")) == "ann"
    provider.rotate()

    assert subject(ask(server, f"Bearer {provider.token()}")) == "ann"
    assert refusal(ask(server, f"Bearer {old}"))[:2] == (401, "Unauthenticated")
    fetches = len(provider.requests)
    for _ in range(5):
        ask(server, f"Bearer {old}")
    assert len(provider.requests) == fetches
