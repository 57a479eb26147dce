"""A small app with a real backend on a real file and socket, and a client that speaks sync."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect

from realtime.clock import Clock, SystemClock
from realtime.runtime.backend import Backend, Limits
from realtime.runtime.registry import load_app
from realtime.server.admin_key import AdminKey
from realtime.server.application import Application, ServerSettings
from realtime.storage.sqlite import SqliteStore

DEADLINE_SECONDS = 15.0
KEY = AdminKey("test", "secret")

SCHEMA = """
from realtime import Document, Index

class Note(Document, table="notes"):
    list_id: str
    text: str

    by_listId = Index("list_id")
"""

NOTES = """
from realtime import ApplicationError, Id, MutationCtx, QueryCtx, internal_query, mutation, query
from schema import Note

@query(name="list")
async def list_notes(ctx: QueryCtx, list_id: str) -> list[str]:
    notes = await ctx.db.query(Note).with_index(Note.by_listId, list_id=list_id).collect()
    return [note.text for note in notes]

@query
async def newest(ctx: QueryCtx, list_id: str, padding: float) -> list[str]:
    notes = await ctx.db.query(Note).with_index(Note.by_listId, list_id=list_id).collect()
    return [notes[-1].text if notes else "", "x" * int(padding)]

@mutation
async def add(ctx: MutationCtx, list_id: str, text: str) -> Id[Note]:
    if text == "":
        raise ApplicationError("A note needs a text", data={"code": "NoText"})
    return await ctx.db.insert(Note, list_id=list_id, text=text)

@mutation
async def echo(ctx: MutationCtx, list_id: str, text: str) -> str:
    await ctx.db.insert(Note, list_id=list_id, text=text)
    return text

@internal_query
async def count(ctx: QueryCtx) -> float:
    return float(len(await ctx.db.query(Note).full_table_scan().collect()))
"""

SEED = """
from realtime import MutationCtx, internal_mutation
from schema import Note

@internal_mutation
async def demo(ctx: MutationCtx) -> dict[str, str]:
    await ctx.db.insert(Note, list_id="demo", text="hello")
    return {"listId": "demo"}
"""


def write_app(root: Path) -> Path:
    """Write the app of notes into a folder of its own; return the folder."""
    app = root / "notes_app"
    (app / "functions").mkdir(parents=True)
    (app / "schema.py").write_text(SCHEMA)
    (app / "functions" / "notes.py").write_text(NOTES)
    (app / "functions" / "seed.py").write_text(SEED)
    return app


@dataclass
class RunningApp:
    """A served app; `before_commit` is called in each COMMIT before anything is durable."""

    application: Application
    server: Any
    store: SqliteStore
    http: httpx.AsyncClient

    @property
    def backend(self) -> Backend:
        return self.application.backend

    def client(
        self,
        path: str = "/api/1.48.0/sync",
        session_id: str | None = None,
        *,
        greets: bool = True,
    ) -> SyncClient:
        return SyncClient(f"ws://127.0.0.1:{self.server.port}{path}", session_id, greets=greets)

    async def metric(self, name: str, **labels: str) -> float:
        text = (await self.http.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        )

    async def add(self, list_id: str, text: str) -> Any:
        body = {"path": "notes:add", "args": {"listId": list_id, "text": text}}
        return (await self.http.post("/api/mutation", json=body)).json()


@asynccontextmanager
async def running_app(
    serve: Any,
    root: Path,
    *,
    app: Path | None = None,
    before_commit: Callable[[], None] | None = None,
    web_directory: Path | None = None,
    clock: Clock | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> AsyncGenerator[RunningApp, None]:
    """Serve an app, by default that of notes, from a new data file until the block ends.

    `clock` is that of the sockets; the runtime has the clock of the machine.
    """
    store = SqliteStore.open(root / "data.sqlite", before_commit=before_commit)
    loaded = load_app(app or write_app(root))
    backend = Backend(loaded, store, SystemClock(), redact_errors=False, limits=limits)
    settings = ServerSettings(KEY, web_directory=web_directory, version="1.2.3")
    application = Application(backend, settings, clock or SystemClock())
    async with (
        serve(application, lifespan="on", **options) as server,
        httpx.AsyncClient(base_url=server.url, timeout=DEADLINE_SECONDS) as http,
    ):
        yield RunningApp(application, server, store, http)


class Gate:
    """A disk whose syncs a test holds; to be given as `before_commit`.

    What is held must not be the event loop, where a fast disk is waited for: so the disk is slow
    until its syncs are waited for in another thread.
    """

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._opened.set()
        self._never = threading.Event()
        self.reached = threading.Event()
        self.is_waited_for_on_loop = True
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.is_waited_for_on_loop = threading.current_thread() is threading.main_thread()
        if self.is_waited_for_on_loop:
            self._never.wait(0.01)
        else:
            self.reached.set()
            self._opened.wait(DEADLINE_SECONDS)
        if self.error is not None:
            raise self.error

    async def shut(self, app: RunningApp) -> None:
        while self.is_waited_for_on_loop:
            await app.add("warm", "up")
        self.reached.clear()
        self._opened.clear()

    def open(self) -> None:
        self._opened.set()

    async def until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, DEADLINE_SECONDS)


class SyncClient:
    """A client that says what a test tells it to, and checks that transitions are a chain."""

    def __init__(self, url: str, session_id: str | None = None, *, greets: bool = True) -> None:
        """`greets` says whether it sends `Connect` when its socket is open."""
        self._greets = greets
        self.session_id = session_id or str(uuid.uuid4())
        self._url = url
        self._query_set = 0
        self._chunks: list[str] = []
        self.version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
        self.results: dict[int, Any] = {}
        self.transition_count = 0
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await connect(
            self._url, compression=None, max_size=None, ping_interval=None, close_timeout=1
        )
        if self._greets:
            await self.send("Connect", sessionId=self.session_id, connectionCount=0)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.transport.abort()

    async def send(self, message_type: str, **members: Any) -> None:
        await self.socket.send(json.dumps({"type": message_type, **members}))

    async def subscribe(self, query_id: int, path: str, **args: Any) -> None:
        """Add a query and wait for its first result."""
        await self.add_query(query_id, path, **args)
        await self.until(lambda client: query_id in client.results)

    async def add_query(self, query_id: int, path: str, **args: Any) -> None:
        """Add a query without waiting."""
        addition = {"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]}
        versions = {"baseVersion": self._query_set, "newVersion": self._query_set + 1}
        self._query_set += 1
        await self.send("ModifyQuerySet", **versions, modifications=[addition])

    async def mutate(self, request_id: int, path: str, **args: Any) -> None:
        """Ask for a mutation without waiting for its answer."""
        await self.send("Mutation", requestId=request_id, udfPath=path, args=[args])

    async def until_server_has_read(self) -> None:
        """Return when the server has read what was sent; pings are answered in their turn."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await (await self.socket.ping())

    async def receive(self) -> dict[str, Any]:
        """Return the next message, having taken in what it says; chunks are put together."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        if message["type"] == "TransitionChunk":
            assert message["partNumber"] == len(self._chunks)
            self._chunks.append(message["chunk"])
            if len(self._chunks) < message["totalParts"]:
                return await self.receive()
            message, self._chunks = json.loads("".join(self._chunks)), []
        assert not self._chunks, "a message between two chunks"
        if message["type"] == "Transition":
            assert message["startVersion"] == self.version
            self.version = message["endVersion"]
            self.transition_count += 1
            for modification in message["modifications"]:
                self.results[modification["queryId"]] = modification.get("value")
        return message

    async def until_answered(self, request_id: int) -> None:
        """Return when a mutation has been answered, having taken in what came before."""
        while (await self.receive_type("MutationResponse"))["requestId"] != request_id:
            pass

    async def receive_type(self, message_type: str) -> dict[str, Any]:
        """Return the next message of a type, having taken in those before."""
        while (message := await self.receive())["type"] != message_type:
            pass
        return message

    async def until(self, condition: Callable[[SyncClient], bool]) -> None:
        """Receive until the client's state is as a test wants it."""
        while not condition(self):
            await self.receive()
