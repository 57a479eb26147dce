"""The life of a backend, and what it says when it can't take a call."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from realtime import MutationCtx, QueryCtx, internal_query, mutation, query
from realtime.errors import StorageError, UnavailableError
from realtime.runtime.backend import Backend
from realtime.runtime.outcome import ClientError, FunctionCall, MutationOutcome
from realtime.runtime.registry import LoadedApp
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock, running_backend
from tests.harness.waiting import turns
from tests.unit.runtime.small_app import Note, Watcher, app_of, call


def small_app() -> LoadedApp:
    @mutation
    async def add(ctx: MutationCtx, text: str) -> None:
        await ctx.db.insert(Note, label="a", text=text)

    @query
    async def count(ctx: QueryCtx) -> int:
        return len(await ctx.db.query(Note).collect())

    @internal_query
    async def hidden(ctx: QueryCtx) -> None:
        pass

    return app_of(add, count, hidden)


def new_backend(store: MemoryStore | None = None) -> Backend:
    return Backend(small_app(), store or MemoryStore(), VirtualClock(), redact_errors=False)


async def refusal_of(backend: Backend, path: str) -> str:
    with pytest.raises(UnavailableError) as refusal:
        await backend.run_function(call(path, {} if path == "count" else {"text": "x"}))
    return refusal.value.message


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["count", "add"])
async def test_backend_says_in_which_state_it_takes_no_calls(path: str) -> None:
    backend = new_backend()
    said = [await refusal_of(backend, path)]
    await backend.start()
    await backend.stop()
    said.append(await refusal_of(backend, path))

    assert said == [
        "The server is starting. Try again in a moment",
        "The server has stopped; nothing was done",
    ]


@pytest.mark.asyncio
async def test_functions_are_known_by_their_kind() -> None:
    async with running_backend(small_app()) as backend:
        kinds = {
            path: backend.function_kind(path)
            for path in ("t:add", "t.js:count", "t:hidden", "t:absent", "no path")
        }

    assert kinds == {
        "t:add": "mutation",
        "t.js:count": "query",
        "t:hidden": "query",
        "t:absent": None,
        "no path": None,
    }


@pytest.mark.asyncio
async def test_either_kind_is_run_by_its_path() -> None:
    async with running_backend(small_app()) as backend:
        added = await backend.run_function(call("add", {"text": "x"}))
        counted = await backend.run_function(call("count"))
        absent = await backend.run_function(call("absent"))
        no_path = await backend.run_function(FunctionCall("no path", b"{}"))

    assert (added.value, counted.value) == (b"null", b"1")
    for failed, text in ((absent, "Could not find"), (no_path, "is not a valid path")):
        assert isinstance(failed.error, ClientError) and text in failed.error.message


@pytest.mark.asyncio
async def test_stop_tells_those_who_wait_that_nothing_was_done() -> None:
    async with running_backend(small_app()) as backend:
        client = Watcher(backend)
        answer = client.submit("add", {"text": "x"})
        await backend.stop()
        outcome = await answer

    assert isinstance(outcome.rejection, UnavailableError)
    assert outcome.error is not None and "nothing was done" in outcome.error.message


@pytest.mark.asyncio
async def test_stop_brings_clients_up_to_date_and_starts_nothing_after() -> None:
    async with running_backend(small_app()) as backend:
        client = Watcher(backend)
        client.subscribe(1, "count")
        await backend.stop()
        client.subscribe(2, "count")
        await turns(20)

    assert client.results == {1: 0}


@pytest.mark.asyncio
async def test_fence_tells_everybody_who_waits_and_every_client() -> None:
    store = MemoryStore()
    causes: list[BaseException] = []
    queued: list[asyncio.Future[MutationOutcome]] = []

    async with running_backend(small_app(), persistence=store) as backend:
        backend.on_fenced(causes.append)
        client = Watcher(backend)
        client.subscribe(1, "count")
        await turns(20)

        def fail() -> None:
            queued.append(client.submit("add", {"text": "y"}))
            raise StorageError("The disk is gone")

        store.before_commit = fail
        with pytest.raises(UnavailableError):
            await backend.run_mutation(call("add", {"text": "x"}))
        rejected = await queued[0]
        state_then = backend.state
        said = await refusal_of(backend, "count")

    assert state_then == "fenced" and len(causes) == 1
    assert isinstance(rejected.rejection, UnavailableError)
    assert "must be restarted" in said
    assert [type(error) for error in client.errors] == [UnavailableError]


@pytest.mark.asyncio
async def test_subscribed_queries_are_counted() -> None:
    async with running_backend(small_app()) as backend:
        client, other = Watcher(backend), Watcher(backend)
        client.subscribe(1, "count")
        client.subscribe(2, "count")
        other.subscribe(1, "count")
        await turns(20)
        counts = [backend.subscription_count]
        client.unsubscribe(1)
        counts.append(backend.subscription_count)
        backend.disconnect(other)
        counts.append(backend.subscription_count)

    assert counts == [3, 2, 1]


@pytest.mark.asyncio
async def test_log_lines_are_kept_from_clients_where_errors_are() -> None:
    @query
    async def logs(ctx: QueryCtx) -> None:
        ctx.log("said")

    lines: dict[bool, Any] = {}
    for redact_errors in (True, False):
        async with running_backend(app_of(logs), redact_errors=redact_errors) as backend:
            result = await backend.run_query(call("logs"))
            assert backend.redact_errors is redact_errors
            lines[redact_errors] = result.log_lines

    assert lines == {True: (), False: ("[LOG] 'said'",)}


@pytest.mark.asyncio
async def test_redacted_failure_is_in_the_log_with_its_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @query
    async def fails(ctx: QueryCtx) -> None:
        raise ValueError("a secret")

    async with running_backend(app_of(fails), redact_errors=True) as backend:
        with caplog.at_level(logging.INFO):
            result = await backend.run_query(call("fails"))

    assert result.error is not None
    request_id = result.error.message.removeprefix("[Request ID: ").split("]")[0]
    assert "a secret" not in result.error.message
    assert (
        f"t:fails failed [Request ID: {request_id}]: Uncaught ValueError: a secret" in caplog.text
    )
    assert json.loads(b"{" + result.modification + b"}")["errorMessage"] == result.error.message
