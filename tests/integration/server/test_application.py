"""The whole server over real sockets and a real file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime.errors import StorageError
from realtime.runtime.session_queue import MAX_WAITING_PER_SESSION
from tests.harness.waiting import turned_until
from tests.integration.server.running_app import (
    Gate,
    SyncClient,
    running_app,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


async def test_mutation_of_one_client_reaches_all_that_watch(serve: Any, tmp_path: Path) -> None:
    async with (
        running_app(serve, tmp_path) as app,
        app.client() as writer,
        app.client() as reader,
    ):
        for client in (writer, reader):
            await client.subscribe(0, "notes:list", listId="a")
        await writer.mutate(0, "notes:add", listId="a", text="hello")

        response = await writer.receive()
        transition = await writer.receive()
        await reader.until(lambda client: client.results[0] == ["hello"])

    assert (response["type"], response["success"]) == ("MutationResponse", True)
    assert transition["type"] == "Transition"
    assert transition["endVersion"]["ts"] == response["ts"]
    assert writer.results[0] == ["hello"]


async def test_many_subscribers_of_one_query_cost_one_run_and_one_encoding(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app:
        clients = [app.client() for _ in range(50)]
        try:
            for client in clients:
                await client.__aenter__()
                await client.subscribe(0, "notes:list", listId="a")
            before = await app.metric(
                "realtime_function_runs_total", path="notes:list", kind="query"
            )

            await app.add("a", "hello")
            for client in clients:
                await client.until(lambda client: client.results[0] == ["hello"])

            runs = await app.metric("realtime_function_runs_total", path="notes:list", kind="query")
            encodings = await app.metric("realtime_result_encodings_total", path="notes:list")
            assert (before, runs, encodings) == (1, 2, 2)
            assert await app.metric("realtime_sockets") == 50
            assert await app.metric("realtime_subscriptions") == 50
        finally:
            for client in clients:
                await client.__aexit__(None, None, None)


async def test_write_elsewhere_runs_nothing_and_sends_nothing(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app, app.client() as client:
        await client.subscribe(0, "notes:list", listId="a")

        await app.add("b", "not for you")
        await app.add("a", "for you")
        await client.until(lambda client: client.results[0] == ["for you"])

        assert client.transition_count == 2
        runs = await app.metric("realtime_function_runs_total", path="notes:list", kind="query")
        assert runs == 2


async def test_http_call_gets_value_or_error_of_the_function(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app:
        good = await app.add("a", "hello")
        bad = await app.add("a", "")
        unknown = await app.http.post("/api/query", json={"path": "notes:absent", "args": {}})
        listed = await app.http.get(
            "/api/query", params={"path": "notes:list", "args": '{"listId":"a"}'}
        )

    assert good["status"] == "success"
    assert bad["errorData"] == {"code": "NoText"}
    assert "A note needs a text" in bad["errorMessage"]
    assert unknown.status_code == 200
    assert "Could not find public function for 'notes:absent'" in unknown.json()["errorMessage"]
    assert listed.json() == {"status": "success", "value": ["hello"]}


async def test_internal_function_is_for_the_admin(serve: Any, tmp_path: Path) -> None:
    call = {"path": "notes:count", "args": {}}
    async with running_app(serve, tmp_path) as app:
        await app.add("a", "hello")
        public = await app.http.post("/api/query", json=call)
        headers = {"Authorization": "Convex test|secret"}
        admin = await app.http.post("/api/function", json=call, headers=headers)

    assert "Could not find public function" in public.json()["errorMessage"]
    assert admin.json() == {"status": "success", "value": 1}


async def test_errors_around_a_function_may_be_read_by_pages_of_other_origins(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app:
        headers = {"Origin": "https://app.example.com"}
        unknown = await app.http.get("/api/nothing", headers=headers)
        malformed = await app.http.post("/api/query", content=b"{", headers=headers)

    assert (unknown.status_code, unknown.json()["code"]) == (404, "NotFound")
    assert (malformed.status_code, malformed.json()["code"]) == (400, "BadJsonBody")
    for response in (unknown, malformed):
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"


@pytest.mark.parametrize("path", ["/api/sync", "//api/1.48.0/sync", "/team/x/api/1.16.0-a.2/sync"])
async def test_sync_is_served_at_every_address_that_clients_make(
    serve: Any, tmp_path: Path, path: str
) -> None:
    async with running_app(serve, tmp_path) as app, app.client(path) as client:
        await client.subscribe(0, "notes:list", listId="a")

    assert client.results == {0: []}


async def test_other_asgi_servers_serve_sync_too(serve: Any, tmp_path: Path) -> None:
    async with (
        running_app(serve, tmp_path, websocket="websockets-sansio") as app,
        app.client() as client,
    ):
        await client.subscribe(0, "notes:list", listId="a")
        await client.mutate(0, "notes:add", listId="a", text="hello")
        await client.until(lambda client: client.results[0] == ["hello"])


async def test_application_can_be_mounted_in_another(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app:
        host = Starlette(routes=[Mount("/backend", app.application)])
        async with (
            serve(host) as server,
            SyncClient(f"ws://127.0.0.1:{server.port}/backend/api/1.48.0/sync") as client,
            httpx.AsyncClient(base_url=server.url) as http,
        ):
            await client.subscribe(0, "notes:list", listId="a")
            version = await http.get("/backend/version")
            call = {"path": "notes:list", "args": {"listId": "a"}}
            answer = await http.post("/backend/api/query", json=call)

    assert version.text == "1.2.3"
    assert answer.json() == {"status": "success", "value": []}


async def test_malformed_frame_of_one_client_disturbs_no_other(serve: Any, tmp_path: Path) -> None:
    async with (
        running_app(serve, tmp_path) as app,
        app.client() as good,
        app.client() as bad,
    ):
        await good.subscribe(0, "notes:list", listId="a")
        await bad.socket.send('{"type":"Nonsense"}')
        fatal = await bad.receive()
        with pytest.raises(ConnectionClosed):
            await bad.receive()

        await app.add("a", "hello")
        await good.until(lambda client: client.results[0] == ["hello"])

    assert fatal["type"] == "FatalError"


async def test_client_that_reads_slowly_gets_the_newest_state_not_the_backlog(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app, app.client() as client:
        await client.subscribe(0, "notes:newest", listId="a", padding=3_000_000)
        client.socket.transport.pause_reading()

        for number in range(30):
            await app.add("a", f"note {number}")
        client.socket.transport.resume_reading()
        await client.until(lambda client: client.results[0][0] == "note 29")

        # 30 states of 3 MB were not sent: only those that fit on the way, and the newest.
        assert client.transition_count < 15


async def test_mutations_of_a_client_that_is_gone_are_dropped(
    serve: Any, tmp_path: Path, gate: Gate
) -> None:
    async with running_app(serve, tmp_path, before_commit=gate) as app:
        await gate.shut(app)
        async with app.client() as client:
            await client.mutate(0, "notes:add", listId="a", text="started")
            await gate.until_reached()
            for request_id in (1, 2):
                await client.mutate(request_id, "notes:add", listId="a", text="waiting")
            await client.until_server_has_read()
        await turned_until(lambda: len(app.application.sockets) == 0)
        gate.open()
        await app.add("b", "later")

        listed = await app.http.get(
            "/api/query", params={"path": "notes:list", "args": '{"listId":"a"}'}
        )

    assert listed.json()["value"] == ["started"]


async def test_client_with_too_many_waiting_mutations_is_sent_away_and_loses_nothing(
    serve: Any, tmp_path: Path, gate: Gate
) -> None:
    texts = [str(number) for number in range(MAX_WAITING_PER_SESSION + 2)]
    async with running_app(serve, tmp_path, before_commit=gate) as app:
        await gate.shut(app)
        async with app.client() as client:
            await client.mutate(0, "notes:add", listId="a", text=texts[0])
            await gate.until_reached()
            for number, text in enumerate(texts[1:], start=1):
                await client.mutate(number, "notes:add", listId="a", text=text)
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await client.receive()
        gate.open()
        async with app.client(session_id=client.session_id) as again:
            for number, text in enumerate(texts):
                await again.mutate(number, "notes:add", listId="a", text=text)
                if number % 500 == 499:  # as many as may wait, at most
                    await again.until_answered(number)
            await again.until_answered(len(texts) - 1)
            await again.subscribe(0, "notes:list", listId="a")

    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (
        1013,
        "TooManyConcurrentMutations",
    )
    assert again.results[0] == texts, "each took effect once, in order"


async def test_stop_answers_what_ran_and_closes_with_1001(
    serve: Any, tmp_path: Path, gate: Gate
) -> None:
    async with running_app(serve, tmp_path, before_commit=gate) as app, app.client() as client:
        await client.subscribe(0, "notes:list", listId="a")
        await gate.shut(app)
        await client.mutate(0, "notes:add", listId="a", text="in time")
        await gate.until_reached()
        await client.mutate(1, "notes:add", listId="a", text="too late")
        await client.until_server_has_read()

        stopping = asyncio.create_task(app.application.stop())
        await turned_until(lambda: app.backend.state == "stopping")
        with pytest.raises(InvalidStatus) as refused:
            await app.client().__aenter__()
        call = {"path": "notes:list", "args": {"listId": "a"}}
        refused_call = await app.http.post("/api/query", json=call)
        readiness = await app.http.get("/ready")
        gate.open()
        await stopping

        response, transition = await client.receive(), await client.receive()
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()

    assert refused.value.response.status_code == 503
    assert (refused_call.status_code, readiness.status_code) == (503, 503)
    assert (response["requestId"], response["success"]) == (0, True)
    assert transition["endVersion"]["ts"] == response["ts"]
    assert client.results[0] == ["in time"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_stop_may_be_asked_for_more_than_once(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app:
        await asyncio.gather(app.application.stop(), app.application.stop())

        assert app.backend.state == "stopped"


@pytest.mark.filterwarnings("default")
async def test_fenced_server_closes_its_sockets_with_1011_and_is_not_ready(
    serve: Any, tmp_path: Path, gate: Gate
) -> None:
    async with (
        running_app(serve, tmp_path, before_commit=gate) as app,
        app.client() as client,
        app.client() as idle,
    ):
        causes: list[BaseException] = []
        app.backend.on_fenced(causes.append)
        await client.subscribe(0, "notes:list", listId="a")
        gate.error = StorageError("the disk is gone")

        await client.mutate(0, "notes:add", listId="a", text="lost")
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()
        with pytest.raises(ConnectionClosed):
            await idle.receive()
        readiness = await app.http.get("/ready")
        with pytest.raises(InvalidStatus) as refused:
            await app.client().__aenter__()

    assert idle.socket.close_code == 1011
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "InternalServerError")
    assert (readiness.status_code, readiness.text) == (503, "fenced")
    assert refused.value.response.status_code == 503
    assert len(causes) == 1


async def test_demo_data_is_shown_once_the_admin_has_run_its_function(
    serve: Any, tmp_path: Path
) -> None:
    call = {"path": "seed:demo", "args": {}}
    async with running_app(serve, tmp_path) as app:
        before = await app.http.get("/demo.json")
        await app.http.post("/api/mutation", json=call)
        after_stranger = await app.http.get("/demo.json")
        headers = {"Authorization": "Convex test|secret"}
        await app.http.post("/api/function", json=call, headers=headers)
        after = await app.http.get("/demo.json")

    assert (before.status_code, after_stranger.status_code) == (404, 404)
    assert after.json() == {"listId": "demo"}
    assert after.headers["cache-control"] == "no-store"


async def test_page_and_browser_client_are_served(serve: Any, tmp_path: Path) -> None:
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<title>Chat</title>")

    async with running_app(serve, tmp_path, web_directory=web) as app:
        page = await app.http.get("/")
        client = await app.http.get("/realtime.js")
        absent = await app.http.get("/absent.png")

    assert page.text == "<title>Chat</title>"
    assert client.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.headers["cache-control"] == "no-cache"
    assert absent.status_code == 404


async def test_server_without_a_page_says_that_it_is_there(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path, web_directory=tmp_path / "absent") as app:
        response = await app.http.get("/")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")


async def test_public_function_of_any_kind_can_stand_in_the_address(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app:
        args = {"listId": "a", "text": "hello"}
        added = (await app.http.post("/api/run/notes/add", json={"args": args})).json()
        listed = (
            await app.http.post(
                f"{app.server.url}//api//run/notes/list", json={"args": {"listId": "a"}}
            )
        ).json()
        hidden = (await app.http.post("/api/run/notes/count", json={})).json()

    assert added["status"] == "success"
    assert listed["value"] == ["hello"]
    assert "Could not find public function for 'notes:count'" in hidden["errorMessage"]


async def test_queries_at_one_timestamp_agree_whatever_is_written_meanwhile(
    serve: Any, tmp_path: Path
) -> None:
    async with running_app(serve, tmp_path) as app:
        query = {"path": "notes:list", "args": {"listId": "a"}}
        await app.add("a", "before")
        ts = (await app.http.post("/api/query_ts")).json()["ts"]
        await app.add("a", "after")

        past = (await app.http.post("/api/query_at_ts", json={**query, "ts": ts})).json()
        batch = (await app.http.post("/api/query_batch", json={"queries": [query] * 2})).json()

    assert past["value"] == ["before"]
    assert [result["value"] for result in batch["results"]] == [["before", "after"]] * 2


async def test_page_of_another_origin_may_ask_the_health_routes(serve: Any, tmp_path: Path) -> None:
    async with running_app(serve, tmp_path) as app:
        for path in ("/version", "//instance_name"):
            url = f"{app.server.url}{path}"
            response = await app.http.get(url, headers={"origin": "http://elsewhere"})
            assert response.headers["access-control-allow-origin"] == "http://elsewhere"
        demo = await app.http.get("/metrics", headers={"origin": "http://elsewhere"})

    assert "access-control-allow-origin" not in demo.headers
