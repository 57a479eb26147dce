"""What calls say of themselves: request ids and component paths."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ClientError, FunctionCall, SocketRequest
from tests.integration.runtime.workshop import call, workshop

pytestmark = pytest.mark.asyncio

SESSION_ID = "00000000-0000-4000-8000-000000000001"


async def error_of(backend: Backend, function_call: FunctionCall) -> ClientError:
    outcome = await backend.run_function(function_call)
    assert outcome.error is not None, outcome.value
    return outcome.error


async def test_id_of_a_request_on_a_socket_follows_from_session_and_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    expected = hashlib.sha256(f"{SESSION_ID}|7".encode()).hexdigest()[:16]
    refused = replace(call("notes:refuse", label="a"), request_id=SocketRequest(SESSION_ID, 7))

    async with workshop() as backend:
        error = await error_of(backend, refused)

    assert error.message.startswith(f"[Request ID: {expected}] Server Error\n")
    assert expected in caplog.text


async def test_admin_reaches_internal_functions_of_the_root_component() -> None:
    async with workshop() as backend:
        outcome = await backend.run_function(
            replace(call("notes:hidden", admin=True), component_path="")
        )

    assert outcome.error is None


@pytest.mark.parametrize("component_path", ["", "other"])
async def test_component_path_of_a_stranger_is_refused(component_path: str) -> None:
    function_call = replace(call("notes:labelled", label="a"), component_path=component_path)
    async with workshop() as backend:
        await backend.run_query(call("notes:labelled", label="a"))

        error = await error_of(backend, function_call)

    assert "`componentPath` needs the admin key" in error.message


async def test_other_components_are_not_there() -> None:
    function_call = replace(call("notes:labelled", admin=True, label="a"), component_path="other")
    async with workshop() as backend:
        error = await error_of(backend, function_call)

    assert "There are no components" in error.message
    assert "'other'" in error.message


@pytest.mark.parametrize(("admin", "word"), [(True, "function"), (False, "public function")])
async def test_missing_function_is_named_as_the_caller_may_see_it(admin: bool, word: str) -> None:
    async with workshop() as backend:
        error = await error_of(backend, call("notes:nowhere", admin=admin))

    assert f"Could not find {word} for 'notes:nowhere'" in error.message
