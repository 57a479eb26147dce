"""A shelf with ten books."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from realtime.runtime.backend import Backend
from realtime.runtime.registry import LoadedApp, load_app
from tests.unit.runtime.pages.shelves import SHELVES, run, shelves


@pytest.fixture(scope="module")
def app() -> LoadedApp:
    return load_app(SHELVES)


@pytest_asyncio.fixture
async def backend(app: LoadedApp) -> AsyncIterator[Backend]:
    """The books 0 to 9 on the shelf `a`; scans read two rows at a time."""
    async with shelves(app) as backend:
        await run(backend, "fill", shelf="a", count=10)
        yield backend
