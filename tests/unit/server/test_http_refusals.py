"""Calls over HTTP that are refused, or fail: status, code, and what the log has."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.errors import OverloadedError, StorageFullError, UnavailableError
from realtime.server.http_messages import MAX_BODY_BYTES
from tests.unit.server.http_caller import Api, refusal


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BadJsonBody"),
        (b"{", "BadJsonBody"),
        (b"[]", "BadJsonBody"),
        (b'{"args":{}}', "BadJsonBody"),
        (b'{"path":1,"args":{}}', "BadJsonBody"),
        (b'{"path":"m:f","args":{,}}', "BadJsonBody"),
        (b'{"path":"m:\xff"}', "BadJsonBody"),
        (b"[" * 100_000, "BadJsonBody"),
        (b'{"path":"m:f","args":{},"format":"xml"}', "BadFormat"),
        (b'{"path":"m:","args":{}}', "BadConvexFunctionIdentifier"),
        (b'{"path":"../m:f","args":{}}', "BadConvexFunctionIdentifier"),
    ],
)
def test_bad_body_is_refused(api: Api, body: bytes, code: str) -> None:
    assert refusal(api.request("POST", "/api/mutation", content=body)) == (400, code)
    assert api.backend.calls == []


def test_bad_path_is_named_in_the_words_of_the_contract(api: Api) -> None:
    message = api.post("/api/query", {"path": "m f"}).json()["message"]

    assert message.startswith("m f is not a valid path to a Convex function.")


def call_of_size(size_bytes: int) -> bytes:
    head, tail = b'{"path":"m:f","args":{"x":"', b'"}}'
    return head + b"x" * (size_bytes - len(head) - len(tail)) + tail


def in_parts(body: bytes) -> Any:
    async def parts() -> Any:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    return parts()


def test_body_up_to_the_limit_is_accepted(api: Api) -> None:
    body = call_of_size(MAX_BODY_BYTES)

    assert api.request("POST", "/api/query", content=body).status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_over_the_limit_is_refused(api: Api, is_chunked: bool) -> None:
    body = call_of_size(MAX_BODY_BYTES + 1)

    response = api.request("POST", "/api/query", content=in_parts(body) if is_chunked else body)

    assert refusal(response) == (400, "BodyTooLarge")
    assert api.backend.calls == []


def test_body_over_the_limit_is_not_read_to_its_end(api: Api) -> None:
    part, taken = b"x" * (1 << 20), 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 64:
            taken += 1
            yield part

    assert refusal(api.request("POST", "/api/query", content=endless()))[0] == 400
    assert taken <= 18


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OverloadedError("busy"), (503, "TooManyConcurrentRequests")),
        (OverloadedError("late", code="ExpiredInQueue"), (503, "ExpiredInQueue")),
        (StorageFullError("full"), (503, "StorageFull")),
        (UnavailableError("stopping"), (503, "InternalServerError")),
    ],
)
def test_call_that_was_not_taken_is_503_with_its_code(
    api: Api, error: Exception, expected: tuple[int, str]
) -> None:
    api.backend.answer = error

    response = api.post("/api/mutation", {"path": "m:f"})

    assert refusal(response) == expected
    assert response.json()["message"] == str(error)


def test_fault_of_ours_tells_nothing_but_is_logged(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.backend.answer = ZeroDivisionError("secret detail")

    response = api.post("/api/query", {"path": "m:f"})

    assert refusal(response) == (500, "InternalServerError")
    assert "secret detail" not in response.text
    assert "secret detail" in caplog.text


def test_refusals_carry_the_id_of_the_request_too(api: Api) -> None:
    api.backend.answer = OverloadedError("full", code="ExpiredInQueue")
    headers = {"convex-request-id": "0123456789abcdef"}

    response = api.post("/api/query", {"path": "m:f"}, headers=headers)

    assert response.headers["convex-request-id"] == "0123456789abcdef"


def test_id_of_the_request_is_in_the_log_of_a_fault(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.backend.answer = KeyError("secret")

    response = api.post("/api/query", {"path": "m:f"})

    assert f"[Request ID: {response.headers['convex-request-id']}]" in caplog.text


def test_call_that_takes_too_long_is_given_up() -> None:
    api = Api(request_seconds=0.01)
    api.backend.never_answers = True

    response = api.post("/api/query", {"path": "m:f"})

    assert refusal(response) == (503, "SystemTimeoutError")
    assert "look before you repeat it" in response.json()["message"]


def test_client_that_is_too_old_is_told_so(api: Api) -> None:
    response = api.post("/api/query", {"path": "m:f"}, headers={"convex-client": "npm-0.19.1"})

    assert response.status_code == 200
    assert response.headers["x-convex-deprecation-state"] == "Deprecated"
