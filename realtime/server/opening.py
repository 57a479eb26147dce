"""An application over the file of its data directory, as every program that serves opens it."""

from __future__ import annotations

from typing import Final

from realtime.clock import Clock
from realtime.runtime.backend import Backend
from realtime.runtime.registry import LoadedApp
from realtime.server.application import Application, ServerSettings
from realtime.storage.data_directory import DataDirectory
from realtime.storage.sqlite import SqliteStore

WEB_FOLDER: Final = "web"
"""The folder of an app's pages, beside its functions."""


def open_application(
    app: LoadedApp,
    directory: DataDirectory,
    settings: ServerSettings,
    clock: Clock,
    *,
    redact_errors: bool,
    reports_blocked_loop: bool = False,
) -> Application:
    """Return an application that is not started; `stop` closes the file too.

    To be called by the owner of the data directory, who closes that after the application.

    Raises:
        DefinitionError: The app does not fit what is stored.
        OverloadedError: Another program has the file locked.
        StorageError: The file can't be opened, or is none that this version knows.
    """
    store = SqliteStore.open(directory.database_path)
    try:
        backend = Backend(
            app,
            store,
            clock,
            redact_errors=redact_errors,
            reports_blocked_loop=reports_blocked_loop,
        )
        return Application(backend, settings, clock)
    except BaseException:
        store.close()
        raise
