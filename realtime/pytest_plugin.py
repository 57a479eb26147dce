"""The plug-in for pytest: the fixture `backend`, an app's backend for one test.

    @pytest.mark.asyncio
    async def test_greeting(backend: TestBackend) -> None:
        assert await backend.query(greetings.hello, name="Ada") == "Hello, Ada"

The app is that in the project's folder, or in the one that the option `realtime_app` of pytest's
configuration names; `@pytest.mark.realtime(app="…")` names another one for a test, and
`storage="file"` has it stored in a SQLite file rather than in memory.

pytest imports this module in every project of the environment, so it imports next to nothing.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from realtime.runtime.registry import LoadedApp
    from realtime.testing import TestBackend

_MARKER = "realtime"
_APP_OPTION = "realtime_app"
_FUNCTIONS = "functions"
_APPS: pytest.StashKey[dict[Path, LoadedApp]] = pytest.StashKey()
"""The apps of the collected tests, by folder."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the folder of the app."""
    parser.addini(_APP_OPTION, "The folder of the app that `backend` runs", default=".")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and the app's modules importable in tests."""
    config.addinivalue_line(
        "markers",
        f'{_MARKER}(app=".", storage="memory"): the app of the fixture `backend`, and whether it '
        'is stored in "memory" or in a "file"',
    )
    folder = _configured_folder(config)
    if (folder / _FUNCTIONS).is_dir() and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Load the apps of all tests while the modules that these have imported are still there.

    A test that loads another app takes them out of `sys.modules`.
    """
    apps = config.stash.setdefault(_APPS, {})
    for item in items:
        if "backend" in getattr(item, "fixturenames", ()):
            folder, _ = _app_of(item)
            if folder not in apps and (folder / _FUNCTIONS).is_dir():
                _load(folder, apps)


def _load(folder: Path, apps: dict[Path, LoadedApp]) -> None:
    from realtime.errors import DefinitionError
    from realtime.runtime.registry import load_app

    # The fixture meets the mistake again, and its test fails with it.
    with suppress(DefinitionError):
        apps[folder] = load_app(folder, reuses_modules=True)


def _async_fixture(function: Callable[..., Any]) -> Any:
    """Declare a fixture for whichever plug-in runs the asynchronous tests of the project."""
    try:
        import pytest_asyncio
    except ImportError:  # then anyio's does, and takes any fixture that is a coroutine function
        return pytest.fixture(function)
    return pytest_asyncio.fixture(function)


@_async_fixture
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[TestBackend]:
    """Run the app for one test, with a clock of its own and nothing stored."""
    from realtime.testing import running_app

    folder, storage = _app_of(request.node)
    app = request.config.stash[_APPS].get(folder, folder)
    file = tmp_path / "data.sqlite" if storage == "file" else None
    async with running_app(app, file=file) as running:
        yield running


def _app_of(item: pytest.Item) -> tuple[Path, str]:
    """Return the folder and the storage that a test's marker asks for, or the configuration."""
    marker = item.get_closest_marker(_MARKER)
    options: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    app, storage = options.pop("app", None), options.pop("storage", "memory")
    if options or storage not in ("memory", "file"):
        raise pytest.UsageError(
            f'Expected `@pytest.mark.{_MARKER}(app="…", storage="memory" or "file")`, got '
            f"{options or storage!r}"
        )
    return (_configured_folder(item.config) if app is None else item.config.rootpath / app), storage


def _configured_folder(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini(_APP_OPTION))
