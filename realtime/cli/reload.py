"""Serving the newest files of an app while it runs: what `realtime dev` does after a save.

One thread watches the files, loads the app and hands it over, one after the other, so that the
event loop goes on serving the version before, and what is saved meanwhile is the next change. The
loop only takes the step from one version to the next (see `Backend.change_app`). What cannot be
loaded, or does not fit what is stored, changes nothing; it is reported to the terminal and to the
open pages until it is mended. Generated files are written last, and are no files of the app: they
never lead to another reload by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Final

from realtime.cli.app_files import AppFiles, forget_bytecode
from realtime.cli.display import Display
from realtime.cli.events import NotReloaded, PageChanged, Reloaded
from realtime.cli.generated_files import GeneratedFiles
from realtime.errors import DefinitionError, RealtimeError, UnavailableError
from realtime.runtime.registry import AppFunction, LoadedApp, load_app
from realtime.server.application import Application
from realtime.server.dev_pages import DevPages
from realtime.values.display import sendable_text

_log = logging.getLogger("realtime.cli")

_QUIET_MS: Final = 30
"""A burst of saves is over when nothing was saved for so long."""
_LONGEST_BURST_MS: Final = 500
_LOOK_MS: Final = 1_000
"""How often to look without a notice: there is none of a folder in its first moment."""


class Reloader:
    """Keeps a running application at its newest files."""

    def __init__(
        self,
        application: Application,
        pages: DevPages,
        files: AppFiles,
        display: Display,
        generated: GeneratedFiles,
        complete: Callable[[LoadedApp], LoadedApp] = lambda app: app,
    ) -> None:
        """Follow `files`, which are those of the served app as they were before it was loaded.

        `complete` adds to an app what the server has of its own.
        """
        self._application = application
        self._pages = pages
        self._display = display
        self._generated = generated
        self._complete = complete
        self._files = files.including(_module_folders(application.backend.app))
        self._loop: asyncio.AbstractEventLoop
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to watch; to be called on the loop of the application."""
        self._loop = asyncio.get_running_loop()
        # A module that never ends while it is imported must not keep the program from ending.
        threading.Thread(target=self._watch, name="reload", daemon=True).start()

    def stop(self) -> None:
        """Watch no more; a version that is being loaded is not served any more."""
        self._stopping.set()

    def _watch(self) -> None:
        try:
            self._generate(self._application.backend.app)
            for _ in self._notices():
                self._catch_up()
        except Exception:
            _log.exception("Changes are not watched any more; start `realtime dev` again")

    def _notices(self) -> Iterator[None]:
        """Return whenever it is time to look at the files."""
        from watchfiles import watch  # here, as nothing else needs it

        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        while not self._stopping.is_set():
            folders = self._files.folders
            try:
                for _ in watch(
                    *folders,
                    watch_filter=None,
                    debounce=_LONGEST_BURST_MS,
                    step=_QUIET_MS,
                    rust_timeout=_LOOK_MS,
                    yield_on_timeout=True,
                    stop_event=self._stopping,
                    raise_interrupt=False,
                    recursive=False,
                ):
                    yield
                    if self._files.folders != folders:
                        break
            except FileNotFoundError:  # a folder went since the last look
                self._stopping.wait(_LOOK_MS / 1000)
                yield

    def _catch_up(self) -> None:
        """Serve what the files are now, if they have changed since the last look."""
        earlier = self._files
        files = self._files = AppFiles.scan(
            self._application.backend.app.root, _module_folders(self._application.backend.app)
        )
        if files.page != earlier.page:
            self._loop.call_soon_threadsafe(self._pages.change_page, files.page_version)
            self._display.show(PageChanged())
        changed = files.changed_code(earlier)
        if changed:
            forget_bytecode(changed)
            self._reload()

    def _reload(self) -> None:
        begin = time.monotonic()
        before = self._application.backend.app
        try:
            app = self._complete(load_app(before.root))
            change = self._application.change_app(app)
            asyncio.run_coroutine_threadsafe(change, self._loop).result()
        except UnavailableError:
            return  # the server stops
        except RealtimeError as error:
            before.make_importable()
            self._report(NotReloaded(_reason(error, before.root)))
        else:
            self._files = self._files.including(_module_folders(app))
            milliseconds = round((time.monotonic() - begin) * 1000)
            self._report(Reloaded(milliseconds, tuple(_changed_functions(before, app))))
            self._generate(app)

    def _generate(self, app: LoadedApp) -> None:
        """Write the files of front ends, which nobody who is served waits for."""
        outcome = self._generated.update(app)
        if outcome is not None:
            self._display.show(outcome)

    def _report(self, report: Reloaded | NotReloaded) -> None:
        error = report.reason if isinstance(report, NotReloaded) else None
        self._loop.call_soon_threadsafe(self._pages.show_error, error)
        self._display.show(report)


def _module_folders(app: LoadedApp) -> set[Path]:
    """Return the folders of modules that stand neither beside `functions/` nor in it."""
    files = (getattr(module, "__file__", None) for module in app.modules.values())
    return {Path(file).parent for file in files if file is not None}


def _reason(error: RealtimeError, root: Path) -> str:
    """Return a message with the place as one finds it from the app's folder, as pages take it."""
    if not isinstance(error, DefinitionError) or error.place is None:
        return sendable_text(error.message)
    return sendable_text(f"{error.place.removeprefix(f'{root}/')}: {error.reason}")


def _changed_functions(before: LoadedApp, after: LoadedApp) -> list[str]:
    """Return the paths of functions that are new, gone or written differently, in order."""
    old, new = before.registry.functions, after.registry.functions
    return sorted(
        path
        for path in old.keys() | new.keys()
        if path not in old or path not in new or not _are_the_same(old[path], new[path])
    )


def _are_the_same(one: AppFunction, other: AppFunction) -> bool:
    """Say whether two functions are written alike, wherever in their files they stand."""
    return _writing(one) == _writing(other)


def _writing(function: AppFunction) -> tuple[object, ...]:
    handler = function.handler
    return (
        function.kind,
        function.is_internal,
        handler.__annotations__,
        repr(handler.__defaults__),
        _instructions(handler.__code__),
    )


def _instructions(code: CodeType) -> tuple[object, ...]:
    """Return what a function does, without its lines."""
    constants = [
        _instructions(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts
    ]
    return (code.co_code, code.co_names, code.co_varnames, constants)
