"""The client over real sockets, and a server that says what the test tells it to."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime.client import (
    AuthenticationError,
    Client,
    FunctionError,
    Int64,
    ProtocolError,
    Status,
    UnavailableError,
    ValidationError,
)
from realtime.testing import VirtualClock
from tests.harness.server_process import ROOT
from tests.harness.tokens import signing_key
from tests.harness.waiting import turned_until, turns
from tests.unit.client.scripted_server import Peer, ScriptedServer, scripted_server
from tests.unit.client.wire import failed, updated

DEADLINE_SECONDS = 30.0
LIST = "messages:list"

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def connected(
    clock: VirtualClock | None = None, **options: Any
) -> AsyncIterator[tuple[Client, Peer, ScriptedServer]]:
    """A client and the server's end of its first connection."""
    async with asyncio.timeout(DEADLINE_SECONDS), scripted_server() as server:
        async with Client(server.url, clock=clock, **options) as client:
            yield client, await server.peer(), server


async def test_client_names_itself_by_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    async with connected() as (_, peer, _):
        request = peer.socket.request

    assert request is not None
    assert request.headers["Convex-Client"] == f"realtime-{version}"


async def test_watch_of_a_slow_reader_gives_the_newest_result() -> None:
    async with connected() as (client, peer, _):
        slow, quick = client.watch(LIST), client.watch(LIST)
        await peer.receive("ModifyQuerySet")
        for number in range(3):
            await peer.transition(updated(0, number), ts=number, querySet=2)
            assert await anext(quick) == number

        assert await anext(slow) == 2
        next_result = asyncio.create_task(anext(slow))
        await turns(5)
        assert not next_result.done()
        await peer.transition(updated(0, 3), ts=3)
        assert await next_result == 3


async def test_results_of_two_watches_are_two_objects() -> None:
    async with connected() as (client, peer, _):
        one, other = client.watch(LIST), client.watch(LIST)
        await peer.transition(updated(0, ["a"]), ts=1, querySet=2)

        (await anext(one)).append("b")

        assert await anext(other) == ["a"]


async def test_watch_ends_with_its_loop_or_its_block() -> None:
    async with connected() as (client, peer, _):
        await peer.receive("ModifyQuerySet")
        loop = asyncio.create_task(first_result(client))
        assert (await peer.receive("ModifyQuerySet"))["modifications"][0]["type"] == "Add"
        await peer.transition(updated(0, 1), ts=1, querySet=2)
        assert await loop == 1
        removal = (await peer.receive("ModifyQuerySet"))["modifications"]
        assert removal == [{"type": "Remove", "queryId": 0}]

        async with client.watch(LIST) as watch:
            pass

        assert [result async for result in watch] == []
        assert [m["type"] for m in (await peer.receive("ModifyQuerySet"))["modifications"]] == [
            "Add",
            "Remove",
        ]


async def first_result(client: Client) -> Any:
    async for result in client.watch(LIST):
        return result


async def test_failure_is_raised_and_the_watch_goes_on() -> None:
    async with connected() as (client, peer, _):
        watch = client.watch(LIST)
        await peer.transition(failed(0, "Broken"), ts=1, querySet=2)
        with pytest.raises(FunctionError, match="Broken"):
            await anext(watch)

        await peer.transition(updated(0, 5), ts=2)

        assert await anext(watch) == 5


async def test_query_asks_anew_though_it_is_watched() -> None:
    async with connected() as (client, peer, _):
        watch = client.watch(LIST)
        await peer.transition(updated(0, "old"), ts=1, querySet=2)
        assert await anext(watch) == "old"

        query = asyncio.create_task(client.query(LIST))
        await turns(5)
        assert not query.done()
        await peer.transition(updated(1, "new"), ts=2, querySet=3)

        assert await query == "new"


async def test_values_that_json_lacks_go_both_ways() -> None:
    async with connected() as (client, peer, _):
        query = asyncio.create_task(client.query(LIST, {"n": Int64(5), "b": b"\x01", "x": 1}))
        await peer.receive("ModifyQuerySet")
        added = (await peer.receive("ModifyQuerySet"))["modifications"][0]
        await peer.transition(updated(0, added["args"][0]), ts=1, querySet=2)

        assert await query == {"n": Int64(5), "b": b"\x01", "x": 1.0}


async def test_cancelled_mutation_is_not_sent_if_it_was_not_yet() -> None:
    async def fetch(is_fresh: bool) -> str | None:
        await may_sign_in.wait()
        return "token"

    may_sign_in = asyncio.Event()
    async with connected() as (client, peer, _):
        await peer.receive("ModifyQuerySet")
        signing_in = asyncio.create_task(client.set_auth(fetch))
        await turns(1)
        mutation = asyncio.create_task(client.mutation("a:b", {"n": 1}))
        await turns(1)
        mutation.cancel()
        await asyncio.wait([mutation])
        another = asyncio.create_task(client.mutation("a:b", {"n": 2}))
        may_sign_in.set()

        sent = await peer.receive("Mutation")
        await peer.transition(ts=1, identity=1)
        await peer.answer(sent["requestId"], "done", ts=2)

        assert sent["args"] == [{"n": 2}]
        assert await another == "done"
        await signing_in


async def test_closing_fails_what_has_not_ended() -> None:
    async with connected() as (client, peer, _):
        mutation = asyncio.create_task(client.mutation("a:b"))
        watch = client.watch(LIST)
        await peer.receive("Mutation")
        await client.close()

        for step in (mutation, anext(watch), client.query(LIST), client.set_auth(None)):
            with pytest.raises(UnavailableError, match="The client is closed"):
                await step
        assert client.status.connection == "closed"
        assert [s.connection async for s in client.statuses()] == ["closed"]


async def test_refusal_for_good_ends_the_client() -> None:
    async with connected() as (client, peer, _server):
        mutation = asyncio.create_task(client.mutation("a:b"))
        await peer.receive("Mutation")
        await peer.send("FatalError", error="Never again")

        with pytest.raises(ProtocolError, match="The server refuses this client: Never again"):
            await mutation
        with pytest.raises(UnavailableError, match="Never again"):
            await client.query(LIST)


async def test_client_before_and_after_its_block() -> None:
    async with scripted_server() as server:
        client = Client(server.url)
        with pytest.raises(UnavailableError, match="Enter the client first"):
            client.watch(LIST)
        async with client:
            pass
        with pytest.raises(UnavailableError, match="A client is entered once"):
            await client.__aenter__()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://a:b"])
async def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="Expected the address of a server"):
        Client(url)


async def test_arguments_that_cannot_be_sent_are_refused() -> None:
    not_a_mapping: Any = ["a"]
    async with connected() as (client, _, _):
        with pytest.raises(ValidationError, match=r"at `\$\.x\[0\]`"):
            await client.mutation("a:b", {"x": [object()]})
        with pytest.raises(ValidationError, match="Expected the arguments as a mapping"):
            client.watch("a:b", not_a_mapping)


async def test_silent_server_is_left_for_a_new_connection() -> None:
    clock = VirtualClock()
    async with connected(clock) as (client, peer, server):
        await peer.receive("ModifyQuerySet")
        clock.advance(29)
        await peer.send("Ping")
        await peer.transition(ts=1, querySet=1)
        await turned_until(lambda: client.status.connection == "connected")
        statuses = client.statuses()
        await anext(statuses)

        async def lost() -> Status:
            return await anext(statuses)

        losing = asyncio.create_task(lost())
        while not losing.done():
            clock.advance(30)
            await turns(20)
        assert (await losing) == Status(
            "reconnecting", reason="The server was silent for 30 seconds"
        )
        clock.advance(1)

        connect = await (await server.peer()).receive("Connect")
        assert connect["connectionCount"] == 1
        assert connect["lastCloseReason"] == "The server was silent for 30 seconds"


async def test_server_that_breaks_the_protocol_is_left_for_a_new_connection() -> None:
    clock = VirtualClock()
    async with connected(clock) as (client, peer, server):
        await peer.send("Song")
        await turned_until(lambda: client.status.connection == "reconnecting")
        clock.advance(1)

        connect = await (await server.peer()).receive("Connect")
        assert connect["lastCloseReason"].startswith("Expected a message of a server")


async def test_overloaded_server_is_left_alone_for_longer() -> None:
    clock = VirtualClock()
    async with connected(clock) as (client, peer, server):
        await peer.socket.close(1013, "TooManyConcurrentRequests")
        await turned_until(lambda: client.status.connection == "reconnecting")
        assert client.status.reason == "TooManyConcurrentRequests"
        next_peer = asyncio.create_task(server.peer())
        clock.advance(1.4)
        await turns(50)
        assert client.status.connection == "reconnecting"

        clock.advance(4)

        await (await next_peer).receive("Connect")


async def test_wait_is_short_again_after_a_connection_that_served_all() -> None:
    clock = VirtualClock()
    async with connected(clock) as (client, peer, server):
        for count in range(1, 6):
            await peer.receive("ModifyQuerySet")
            await peer.transition(ts=count, querySet=1)
            query = asyncio.create_task(client.query(LIST))  # until the transition was seen
            await peer.receive("ModifyQuerySet")
            await peer.transition(updated(count - 1, 1), ts=count, querySet=2)
            await query
            await peer.socket.close()
            await turned_until(lambda: client.status.connection == "reconnecting")
            clock.advance(0.16)
            peer = await server.peer()
            assert (await peer.receive("Connect"))["connectionCount"] == count


async def test_client_gives_up_on_its_first_connection_in_time() -> None:
    clock = VirtualClock()
    client = Client("http://127.0.0.1:1", clock=clock, connect_timeout_seconds=60)
    entering = asyncio.create_task(client.__aenter__())
    attempts = 0
    while not entering.done():
        await turned_until(lambda: entering.done() or client.status.reason is not None)
        await turns(50)
        clock.advance(8)
        attempts += 1

    assert attempts > 3
    with pytest.raises(UnavailableError, match=r"Cannot reach a server at http://127\.0\.0\.1:1"):
        await entering
    assert client.status.connection == "closed"


async def test_fresh_token_is_fetched_before_the_present_one_ends() -> None:
    clock = VirtualClock()
    orders: list[bool] = []

    async def fetch(is_fresh: bool) -> str | None:
        orders.append(is_fresh)
        now = clock.now_ns() // 10**9
        return signing_key("ES256").sign({"iat": now, "exp": now + 100})

    async with connected() as (_, _, server):
        async with asyncio.timeout(DEADLINE_SECONDS):
            client = Client(server.url, auth=fetch, clock=clock)
            entering = asyncio.create_task(client.__aenter__())
            peer = await server.peer()
            first = await peer.receive("Authenticate")
            await peer.transition(ts=1, querySet=1, identity=1)
            await entering
            assert client.status == Status("connected", is_authenticated=True)

            clock.advance(89)
            await turns(20)
            assert orders == [False]
            clock.advance(1)
            second = await peer.receive("Authenticate")

            assert orders == [False, True]
            assert (second["baseVersion"], second["value"] != first["value"]) == (1, True)
            await client.close()


async def test_fetcher_that_fails_is_the_reason_of_the_refusal() -> None:
    async def fetch(is_fresh: bool) -> str | None:
        raise LookupError("no provider")

    async with connected() as (client, peer, _):
        with pytest.raises(AuthenticationError, match="no provider") as refusal:
            await client.set_auth(fetch)
        assert isinstance(refusal.value.__cause__, LookupError)
        assert (await peer.receive("Authenticate"))["tokenType"] == "None"


async def test_fetcher_that_fails_to_refresh_leaves_the_token_in_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = VirtualClock()

    async def fetch(is_fresh: bool) -> str | None:
        if is_fresh:
            raise LookupError("no provider")
        now = clock.now_ns() // 10**9
        return signing_key("ES256").sign({"iat": now, "exp": now + 100})

    async with connected(clock) as (client, peer, _):
        signing_in = asyncio.create_task(client.set_auth(fetch))
        await peer.receive("Authenticate")
        await peer.transition(ts=1, querySet=1, identity=1)
        await signing_in
        clock.advance(90)
        await turned_until(lambda: "no provider" in caplog.text)

        assert client.status.is_authenticated


async def test_fetcher_of_nobody_signs_nobody_in() -> None:
    async def fetch(is_fresh: bool) -> str | None:
        return None

    async with connected() as (client, peer, _):
        await client.set_auth(fetch)

        assert (await peer.receive("Authenticate"))["tokenType"] == "None"
        assert not client.status.is_authenticated


async def test_second_sign_in_takes_the_place_of_the_first() -> None:
    async with connected() as (client, peer, _):
        first = asyncio.create_task(client.set_auth("one"))
        await peer.receive("Authenticate")
        second = asyncio.create_task(client.set_auth("two"))
        with pytest.raises(AuthenticationError, match="Another sign-in"):
            await first
        assert (await peer.receive("Authenticate"))["value"] == "two"
        await peer.transition(ts=1, querySet=1, identity=2)
        await second


async def test_sign_in_that_ends_later_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with connected() as (client, peer, server):
        signing_in = asyncio.create_task(client.set_auth("one"))
        await peer.receive("Authenticate")
        await peer.transition(ts=1, querySet=1, identity=1)
        await signing_in
        await peer.send("AuthError", error="It has ended", baseVersion=1, authUpdateAttempted=False)
        await peer.socket.close()
        await turned_until(lambda: not client.status.is_authenticated)

        assert "Not signed in any more: It has ended" in caplog.text
        assert (await (await server.peer()).receive("Connect"))["connectionCount"] == 1


async def test_lines_of_functions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "realtime.client")
    async with connected() as (client, peer, _):
        watch = client.watch(LIST)
        await peer.transition(updated(0, 1, logLines=["[LOG] 'hi'"]), ts=1, querySet=2)
        await anext(watch)

    assert "messages:list: [LOG] 'hi'" in caplog.text


async def test_pages_follow_one_another() -> None:
    async with connected() as (client, peer, _):
        pages = client.pages(LIST, {"a": 1}, page_size=2)
        results = [
            {"page": [1, 2], "isDone": False, "continueCursor": "c"},
            {"page": [3], "isDone": True, "continueCursor": "d"},
        ]
        await peer.receive("ModifyQuerySet")
        seen: list[Any] = []
        reading = asyncio.create_task(collect(pages, seen))
        asked: list[Any] = []
        for number, result in enumerate(results):
            while (added := (await peer.receive("ModifyQuerySet"))["modifications"][-1])[
                "type"
            ] != "Add":
                pass
            asked.append(added["args"][0])
            await peer.transition(updated(added["queryId"], result), ts=number)
        await reading

    assert seen == [[1, 2], [3]]
    assert asked == [
        {"a": 1, "paginationOpts": {"numItems": 2, "cursor": None}},
        {"a": 1, "paginationOpts": {"numItems": 2, "cursor": "c"}},
    ]


async def collect(pages: AsyncIterator[list[Any]], seen: list[Any]) -> None:
    async for page in pages:
        seen.append(page)
