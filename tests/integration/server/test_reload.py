"""A server that follows the files of its app, while others write, read and wait."""

from __future__ import annotations

import asyncio
import base64
import json
import queue
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from realtime.cli.app_files import AppFiles
from realtime.cli.events import Event, Generated, NotGenerated, NotReloaded, PageChanged, Reloaded
from realtime.cli.generated_files import CodegenMode, GeneratedFiles
from realtime.cli.reload import Reloader
from realtime.clock import SystemClock
from realtime.database.database import DatabaseLimits
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.registry import LoadedApp, load_app
from realtime.server.application import Application, ServerSettings
from realtime.server.dev_pages import STATUS_PATH, DevPages
from realtime.storage.sqlite import SqliteStore
from tests.harness.tokens import key_document, signing_key
from tests.integration.server.conftest import Serve
from tests.integration.server.running_app import KEY, Gate, RunningApp

DEADLINE_SECONDS = 30.0
LIMITS = Limits(database=DatabaseLimits(scan_chunk=2))

SCHEMA = """
from realtime import Document

class Note(Document, table="notes"):
    text: {type}
"""
FUNCTIONS = """
import asyncio
from realtime import MutationCtx, QueryCtx, mutation, query
from schema import Note

scan_has_begun, scan_may_end = asyncio.Event(), asyncio.Event()

@query
async def version(ctx: QueryCtx) -> str:
    return "{version}"

@query
async def scan(ctx: QueryCtx) -> list[str]:
    texts: list[str] = []
    while not scan_may_end.is_set():
        texts = [note.text async for note in ctx.db.query(Note)]
        scan_has_begun.set()
    return ["{version}", *texts]

@mutation
async def add(ctx: MutationCtx, text: str) -> str:
    await ctx.db.insert("notes", {{"text": text}})
    return "{version}"

@query
async def who(ctx: QueryCtx) -> str:
    user = await ctx.auth.get_user_identity()
    return "nobody" if user is None else user.subject
"""
LATE_IMPORT = """
from realtime import QueryCtx, query

@query
async def text(ctx: QueryCtx) -> str:
    from functions.text import TEXT
    return TEXT
"""
AUTH_CONFIG = """
from realtime import CustomJwt

providers = [CustomJwt(issuer="https://issuer.example", jwks="{jwks}", algorithm="ES256")]
"""
HELD_MODULE = """
import sys

sys.modules["{test}"].loads_begun.put(None)
assert sys.modules["{test}"].loads_may_go_on.get(timeout=30) is None
"""

loads_begun: queue.Queue[None] = queue.Queue()
loads_may_go_on: queue.Queue[None] = queue.Queue()


@dataclass
class Reports:
    """What the reloader told its display."""

    loop: asyncio.AbstractEventLoop
    waiting: asyncio.Queue[Event] = field(default_factory=asyncio.Queue[Event])

    def show(self, report: Event) -> None:
        self.loop.call_soon_threadsafe(self.waiting.put_nowait, report)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.waiting.get(), DEADLINE_SECONDS)


class WatchedApplication(Application):
    """Says when a change of its app has begun."""

    change_has_begun: asyncio.Event

    async def change_app(self, app: LoadedApp) -> None:
        self.change_has_begun.set()
        await super().change_app(app)


@dataclass
class DevApp(RunningApp):
    """A served app that follows its files."""

    application: WatchedApplication
    root: Path
    reports: Reports

    def save(self, version: str, *, file: str = "functions/notes.py") -> None:
        (self.root / file).write_text(FUNCTIONS.format(version=version))

    async def call(self, kind: str, path: str, **args: Any) -> Any:
        body = {"path": f"notes:{path}", "args": args}
        answer = (await self.http.post(f"/api/{kind}", json=body)).json()
        assert answer["status"] == "success", answer
        return answer["value"]

    async def add(self, list_id: str, text: str) -> Any:
        return await self.call("mutation", "add", text=f"{list_id} {text}")

    def handler_names(self) -> dict[str, Any]:
        names: dict[str, Any] = self.backend.app.registry.functions[
            "notes:scan"
        ].handler.__globals__
        return names


def write_app(root: Path, version: str = "first", *, has_page: bool = True) -> Path:
    app = root / "app"
    (app / "functions").mkdir(parents=True)
    if has_page:
        (app / "web").mkdir()
        (app / "web" / "index.html").write_text("<!doctype html><p>page</p>")
    (app / "schema.py").write_text(SCHEMA.format(type="str"))
    (app / "functions" / "notes.py").write_text(FUNCTIONS.format(version=version))
    return app


@asynccontextmanager
async def dev_app(
    serve: Serve,
    tmp_path: Path,
    before_commit: Callable[[], None] | None = None,
    *,
    codegen: CodegenMode = "existing",
    has_page: bool = True,
) -> AsyncIterator[DevApp]:
    root = write_app(tmp_path, has_page=has_page)
    files = AppFiles.scan(root)
    store = SqliteStore.open(tmp_path / "data.sqlite", before_commit=before_commit)
    backend = Backend(load_app(root), store, SystemClock(), redact_errors=False, limits=LIMITS)
    pages = DevPages(files.page_version)
    settings = ServerSettings(KEY, web_directory=root / "web", dev_pages=pages)
    application = WatchedApplication(backend, settings, SystemClock())
    application.change_has_begun = asyncio.Event()
    reports = Reports(asyncio.get_running_loop())
    generated = GeneratedFiles(root, codegen)
    reloader = Reloader(application, pages, files, reports, generated)
    async with (
        serve(application, lifespan="on") as server,
        httpx.AsyncClient(base_url=server.url, timeout=DEADLINE_SECONDS) as http,
    ):
        reloader.start()
        try:
            yield DevApp(application, server, store, http, root, reports)
        finally:
            reloader.stop()


@pytest.mark.asyncio
async def test_saved_query_is_pushed_over_the_open_socket(serve: Serve, tmp_path: Path) -> None:
    async with dev_app(serve, tmp_path) as app, app.client() as client:
        await client.subscribe(0, "notes:version")

        app.save("second")
        await client.until(lambda client: client.results[0] == "second")

        report = await app.reports.next()
        assert isinstance(report, Reloaded)
        assert report.functions == ("notes:add", "notes:scan", "notes:version")


@pytest.mark.asyncio
async def test_two_saves_within_a_second_and_of_one_size_are_told_apart(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # it is what could be mistaken
    async with dev_app(serve, tmp_path) as app, app.client() as client:
        await client.subscribe(0, "notes:version")

        for version in ("A", "B", "C", "D"):
            app.save(version)
            await client.until(lambda client, version=version: client.results[0] == version)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("file", "text", "place", "reason"),
    [
        ("functions/notes.py", "\n\ndef (\n", "functions/notes.py:3", "SyntaxError"),
        ("functions/more.py", "X = {}\nX[1]\n", "functions/more.py:2", "KeyError: 1"),
        ("functions/more.py", 'raise KeyError("\\ud800")\n', "functions/more.py:1", "\\ud800"),
        ("schema.py", "import an_absent_module\n", "schema.py:1", "an_absent_module"),
        ("auth_config.py", "providers = 1\n", "auth_config.py", "list"),
        ("schema.py", SCHEMA.format(type="float"), "", "notes"),
    ],
)
async def test_what_cannot_be_served_is_reported_and_changes_nothing(
    serve: Serve, tmp_path: Path, file: str, text: str, place: str, reason: str
) -> None:
    async with dev_app(serve, tmp_path) as app, app.client() as client:
        await app.call("mutation", "add", text="a note")
        await client.subscribe(0, "notes:version")
        path = app.root / file
        before = path.read_text() if path.exists() else None

        path.write_text(text)
        report = await app.reports.next()

        assert isinstance(report, NotReloaded)
        assert report.reason.startswith(place)
        assert reason in report.reason
        assert await app.call("query", "version") == "first"
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        assert isinstance(await app.reports.next(), Reloaded)
        app.save("mended")
        await client.until(lambda client: client.results[0] == "mended")


@pytest.mark.asyncio
async def test_version_that_stays_goes_on_with_its_own_modules(
    serve: Serve, tmp_path: Path
) -> None:
    async with dev_app(serve, tmp_path) as app:
        for name, text in (("text", 'TEXT = "first"\n'), ("late", LATE_IMPORT)):
            (app.root / "functions" / f"{name}.py").write_text(text)
            assert isinstance(await app.reports.next(), Reloaded)

        (app.root / "functions" / "text.py").write_text('TEXT = "second"\n\nraise KeyError\n')
        assert isinstance(await app.reports.next(), NotReloaded)

        answer = await app.http.post("/api/query", json={"path": "late:text", "args": {}})
        assert answer.json()["value"] == "first"


@pytest.mark.asyncio
async def test_saves_during_a_load_are_one_change_and_the_old_version_serves_meanwhile(
    serve: Serve, tmp_path: Path
) -> None:
    async with dev_app(serve, tmp_path) as app:
        held = app.root / "functions" / "held.py"
        held.write_text(HELD_MODULE.format(test=__name__))
        await asyncio.to_thread(loads_begun.get, timeout=DEADLINE_SECONDS)

        for number in range(20):
            app.save(f"number {number}")
            assert await app.call("mutation", "add", text="meanwhile") == "first"
        held.write_text("")
        loads_may_go_on.put(None)
        await app.reports.next()
        await app.reports.next()

        assert await app.call("query", "version") == "number 19"
        app.save("last")
        assert isinstance(await app.reports.next(), Reloaded)
        assert await app.call("query", "version") == "last"
        assert app.reports.waiting.empty()


@pytest.mark.asyncio
async def test_query_that_is_suspended_over_a_save_ends_as_it_began(
    serve: Serve, tmp_path: Path
) -> None:
    async with dev_app(serve, tmp_path) as app:
        texts = [str(number) for number in range(9)]
        for text in texts:
            await app.call("mutation", "add", text=text)
        names = app.handler_names()
        scan = asyncio.create_task(app.call("query", "scan"))
        await names["scan_has_begun"].wait()

        app.save("second")
        assert isinstance(await app.reports.next(), Reloaded)
        was_suspended = not scan.done()
        new = await app.call("query", "version")
        names["scan_may_end"].set()

        assert was_suspended
        assert new == "second"
        assert await scan == ["first", *texts]


@pytest.mark.asyncio
async def test_save_during_a_commit_waits_for_it_and_loses_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    gate = Gate()
    async with dev_app(serve, tmp_path, gate) as app, app.client() as client, app.client() as other:
        await other.subscribe(0, "notes:version")
        await gate.shut(app)
        await client.mutate(0, "notes:add", text="held")
        await gate.until_reached()

        app.save("second")
        await asyncio.wait_for(app.application.change_has_begun.wait(), DEADLINE_SECONDS)
        await client.until_server_has_read()
        meanwhile = await app.call("query", "version")
        nothing_changed = app.reports.waiting.empty() and other.results[0] == meanwhile == "first"
        gate.open()
        answer = await client.receive_type("MutationResponse")
        await other.until(lambda other: other.results[0] == "second")

        assert nothing_changed
        assert (answer["success"], answer["result"]) == (True, "first")
        assert await app.call("mutation", "add", text="after") == "second"


@pytest.mark.asyncio
async def test_providers_of_users_change_with_the_app(serve: Serve, tmp_path: Path) -> None:
    key = signing_key("ES256")
    document = base64.b64encode(key_document(key)).decode()
    claims = {"iss": "https://issuer.example", "sub": "ada", "iat": 0, "exp": 4_000_000_000}
    headers = {"Authorization": f"Bearer {key.sign(claims)}"}
    body = {"path": "notes:who", "args": {}}
    async with dev_app(serve, tmp_path) as app:
        before = await app.http.post("/api/query", json=body, headers=headers)

        config = AUTH_CONFIG.format(jwks=f"data:application/json;base64,{document}")
        (app.root / "auth_config.py").write_text(config)
        assert isinstance(await app.reports.next(), Reloaded)
        after = await app.http.post("/api/query", json=body, headers=headers)

        assert before.status_code == 401
        assert after.json()["value"] == "ada"


@pytest.mark.asyncio
async def test_pages_are_told_of_errors_and_of_changes_of_their_files(
    serve: Serve, tmp_path: Path
) -> None:
    async with (
        dev_app(serve, tmp_path) as app,
        connect(f"ws://127.0.0.1:{app.server.port}{STATUS_PATH}") as socket,
    ):

        async def status() -> Any:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return json.loads(await socket.recv())

        first = await status()
        (app.root / "functions" / "broken.py").write_text("def (\n")
        broken = await status()
        (app.root / "functions" / "broken.py").unlink()
        mended = await status()
        (app.root / "web" / "page.css").write_text("p { color: red }")
        changed = await status()

        assert first["error"] is None
        assert broken["error"].startswith("functions/broken.py:1: SyntaxError")
        assert mended == first
        assert changed["page"] != first["page"]
        assert [type(await app.reports.next()) for _ in range(3)] == [
            NotReloaded,
            Reloaded,
            PageChanged,
        ]


@pytest.mark.asyncio
async def test_new_folders_are_watched_too(serve: Serve, tmp_path: Path) -> None:
    async with dev_app(serve, tmp_path) as app:
        (app.root / "functions" / "admin" / "tools").mkdir(parents=True)
        app.save("deep", file="functions/admin/tools/notes.py")
        first = await app.reports.next()
        app.save("deeper", file="functions/admin/tools/notes.py")
        second = await app.reports.next()

        assert isinstance(first, Reloaded) and isinstance(second, Reloaded)
        assert "admin/tools/notes:version" in first.functions
        assert "admin/tools/notes:version" in second.functions


@pytest.mark.asyncio
async def test_generated_files_are_those_of_the_saved_version_and_wake_nobody(
    serve: Serve, tmp_path: Path
) -> None:
    async with dev_app(serve, tmp_path, codegen="always") as app:
        reports = [await app.reports.next()]
        types = app.root / "_generated" / "api.d.ts"
        was_there = "more: {" in types.read_text()
        app.save("first", file="functions/more.py")
        reports += [await app.reports.next(), await app.reports.next()]
        is_there = "more: {" in types.read_text()
        app.save("second", file="functions/more.py")
        reports.append(await app.reports.next())

        assert (was_there, is_there) == (False, True)
        assert [type(report) for report in reports] == [Generated, Reloaded, Generated, Reloaded]
        assert reports[2] == Generated(("_generated/api.d.ts",))


@pytest.mark.asyncio
async def test_files_that_cannot_be_generated_stop_nothing(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "_generated").write_text("in the way")
    async with dev_app(serve, tmp_path, codegen="always") as app, app.client() as client:
        await client.subscribe(0, "notes:version")

        app.save("second")
        await client.until(lambda client: client.results[0] == "second")
        reports = [await app.reports.next() for _ in range(3)]
        (app.root / "_generated").unlink()
        app.save("third")
        await client.until(lambda client: client.results[0] == "third")
        reports += [await app.reports.next(), await app.reports.next()]

        kinds = [NotGenerated, Reloaded, NotGenerated, Reloaded, Generated]
        assert [type(report) for report in reports] == kinds
        assert await app.call("query", "version") == "third"


@pytest.mark.asyncio
async def test_page_that_is_made_after_the_start_is_served_and_followed(
    serve: Serve, tmp_path: Path
) -> None:
    async with dev_app(serve, tmp_path, has_page=False) as app:
        answers = [await app.http.get("/"), await app.http.get("/page.css")]

        (app.root / "web").mkdir()
        (app.root / "web" / "index.html").write_text("<p>first</p>")
        reports = [await app.reports.next()]
        answers.append(await app.http.get("/"))
        (app.root / "web" / "index.html").write_text("<p>the second</p>")
        reports.append(await app.reports.next())
        answers.append(await app.http.get("/"))
        shutil.rmtree(app.root / "web")
        answers.append(await app.http.get("/"))

        assert [(answer.status_code, answer.text.splitlines()[0]) for answer in answers] == [
            (200, "This is a realtime server."),
            (404, "Not Found"),
            (200, "<p>first</p>"),
            (200, "<p>the second</p>"),
            (200, "This is a realtime server."),
        ]
        assert reports == [PageChanged(), PageChanged()]


@pytest.mark.asyncio
async def test_only_pages_under_development_have_the_script(serve: Serve, tmp_path: Path) -> None:
    root = write_app(tmp_path)
    answers: list[tuple[str, int]] = []
    for pages in (DevPages("1"), None):
        store = SqliteStore.open(tmp_path / f"{pages is None}.sqlite")
        backend = Backend(load_app(root), store, SystemClock(), redact_errors=False)
        settings = ServerSettings(KEY, web_directory=root / "web", dev_pages=pages)
        application = Application(backend, settings, SystemClock())
        async with (
            serve(application, lifespan="on") as server,
            httpx.AsyncClient(base_url=server.url) as http,
        ):
            script = await http.get("/realtime-dev.js")
            answers.append(((await http.get("/")).text.strip(), script.status_code))

    tag = '<script type="module" src="/realtime-dev.js"></script>'
    assert answers == [
        (f"<!doctype html><p>page</p>\n{tag}", 200),
        ("<!doctype html><p>page</p>", 404),
    ]
