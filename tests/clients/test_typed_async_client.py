"""The generated client for asyncio against a running server."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import pytest

from realtime.client import Client, Int64
from realtime.codegen.output import write_files
from realtime.codegen.python_client import async_python_files
from tests.harness.server_process import ServerProcess
from tests.harness.typescript import DEPOT, depot_app

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("depot") / "data", app=DEPOT, command="dev")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("generated")
    write_files(folder, async_python_files(depot_app()))
    spec = importlib.util.spec_from_file_location("generated", folder / "async_client.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_calls_reach_the_functions(server: ServerProcess, module: ModuleType) -> None:
    async with Client(server.url) as client:
        api = module.Api(client)

        parcel_id = await api.parcels.add(label="one", serial=Int64(5), seal=b"\x01")
        await api.parcels.rename(parcel_id=parcel_id, label="two")
        parcel = await api.parcels.get(parcel_id=parcel_id)

        assert (parcel["label"], parcel["serial"], parcel["seal"]) == ("two", Int64(5), b"\x01")
        assert await api.parcels.track(parcel_id=parcel_id) == f"with the depot: {parcel_id}"
        assert await api.parcels.items({"any": "thing"}) == []
        assert await api.admin.users.default() == []
        assert await api.admin.m2024.total() == 0.0


async def test_live_query_gives_each_result(server: ServerProcess, module: ModuleType) -> None:
    async with Client(server.url) as client:
        api, live = module.Api(client), module.Live(client)
        parcel_id = await api.parcels.add(label="one", serial=Int64(1), seal=b"")

        async with live.parcels.get(parcel_id=parcel_id) as parcels:
            labels = [(await anext(parcels))["label"]]
            await api.parcels.rename(parcel_id=parcel_id, label="two")
            labels.append((await anext(parcels))["label"])

    assert labels == ["one", "two"]


async def test_pages_have_every_document_once(server: ServerProcess, module: ModuleType) -> None:
    async with Client(server.url) as client:
        api, pages = module.Api(client), module.Pages(client)
        for number in range(7):
            await api.parcels.add(label=f"page {number}", serial=Int64(number), seal=b"")

        read = [page async for page in pages.parcels.list_(page_size=3)]
        listed = await api.parcels.search(text="page")

    labels = [parcel["label"] for page in read for parcel in page]
    assert len(read) > 2 and max(map(len, read)) == 3
    assert [label for label in labels if label.startswith("page")] == [
        f"page {number}" for number in reversed(range(7))
    ]
    assert len(listed) == 7
