"""The order in which a server stops, and how it exits; nothing listens here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from realtime.cli.display import TextDisplay
from realtime.cli.serve import AppServer, ServeOptions, serve_app
from realtime.errors import OverloadedError, StorageError
from realtime.runtime.outcome import ClientError, FunctionCall, MutationOutcome
from realtime.server.application import Application


class RecordedApplication:
    """Keeps what the server does with its application and connections, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.before_serving: Any = None
        self.answer: MutationOutcome | Exception = MutationOutcome(b"1", None, 5)
        self.fence: Callable[[BaseException], None]
        self.backend = SimpleNamespace(on_fenced=self._on_fenced)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nothing is served")

    async def stop(self) -> None:
        self.steps.append("stop the application")

    def _on_fenced(self, callback: Callable[[BaseException], None]) -> None:
        self.fence = callback

    async def run_function(self, call: FunctionCall) -> MutationOutcome:
        self.steps.append(f"run {call.path}")
        assert call.identity.is_admin
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def make_server(application: RecordedApplication, run_path: str | None = None) -> AppServer:
    options = ServeOptions(Path("app"), "127.0.0.1", 0, Path("data"), True, run_path)
    return AppServer(cast(Application, application), options, TextDisplay(sys.stdout))


def test_application_stops_while_its_connections_are_open() -> None:
    application = RecordedApplication()
    server = make_server(application)
    server.servers = []

    def close_connection() -> None:
        application.steps.append("close a connection")
        server.server_state.connections.clear()

    async def stop() -> None:
        async def stop_lifespan() -> None:
            application.steps.append("end the lifespan")

        server.lifespan = cast(Any, SimpleNamespace(shutdown=stop_lifespan))
        connection = SimpleNamespace(shutdown=close_connection, __hash__=None)
        server.server_state.connections = cast(Any, [connection])
        await server.shutdown([])

    asyncio.run(stop())

    assert application.steps == ["stop the application", "close a connection", "end the lifespan"]


def test_fenced_server_stops_and_exits_with_a_failure() -> None:
    application = RecordedApplication()
    server = make_server(application)

    application.fence(StorageError("the disk is gone"))

    assert (server.should_exit, server.exit_code) == (True, 1)


def run_at_start(application: RecordedApplication, path: str | None) -> AppServer:
    server = make_server(application, path)
    asyncio.run(application.before_serving())
    return server


def test_function_is_run_as_the_admin_before_serving() -> None:
    application = RecordedApplication()

    server = run_at_start(application, "seed:demo")

    assert application.steps == ["run seed:demo"]
    assert server.exit_code == 0


def test_nothing_is_run_unless_asked_for() -> None:
    application = RecordedApplication()

    run_at_start(application, None)

    assert application.steps == []


@pytest.mark.parametrize(
    "answer",
    [MutationOutcome(None, ClientError("Server Error\nboom\n"), 5), OverloadedError("boom")],
)
def test_function_that_fails_at_start_ends_the_server_with_its_reason(
    capsys: pytest.CaptureFixture[str], answer: MutationOutcome | Exception
) -> None:
    application = RecordedApplication()
    application.answer = answer

    server = run_at_start(application, "seed:demo")

    assert server.exit_code == 1
    error = capsys.readouterr().err
    assert error.startswith("Running seed:demo failed: ")
    assert error.endswith("boom\n")


def test_signal_while_a_function_runs_at_start_gives_it_up() -> None:
    application = RecordedApplication()
    server = make_server(application, "seed:demo")
    was_cancelled = False

    async def run_for_ever(_: Any) -> Any:
        nonlocal was_cancelled
        server.should_exit = True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled = True
            raise

    application.run_function = run_for_ever  # type: ignore[method-assign]

    async def start() -> None:
        await application.before_serving()
        await asyncio.wait(asyncio.all_tasks() - {cast(Any, asyncio.current_task())})

    asyncio.run(start())

    assert was_cancelled


@pytest.mark.parametrize("folder", ["absent", "."])
def test_data_directory_is_not_made_where_there_is_no_app(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    data = tmp_path / folder / ".realtime"

    code = serve_app(ServeOptions(tmp_path / folder, "127.0.0.1", 0, data, False))

    assert code == 1
    assert "folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
