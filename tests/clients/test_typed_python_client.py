"""The generated Python client, over the official one, against a running server."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import pytest
from convex import ConvexClient, ConvexInt64

from realtime.codegen.output import write_files
from realtime.codegen.python_client import python_files
from tests.harness.server_process import ServerProcess
from tests.harness.typescript import DEPOT, depot_app


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("depot") / "data", app=DEPOT, command="dev")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("generated")
    write_files(folder, python_files(depot_app()))
    spec = importlib.util.spec_from_file_location("generated_client", folder / "client.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_calls_reach_the_functions(server: ServerProcess, module: ModuleType) -> None:
    api = module.Api(ConvexClient(server.url))

    parcel_id = api.parcels.add(label="one", serial=ConvexInt64(5), seal=b"\x01")
    api.parcels.rename(parcel_id=parcel_id, label="two")
    parcel = api.parcels.get(parcel_id=parcel_id)

    assert (parcel["label"], parcel["serial"], parcel["seal"]) == ("two", ConvexInt64(5), b"\x01")
    assert api.parcels.track(parcel_id=parcel_id) == f"with the depot: {parcel_id}"
    assert api.parcels.items({"any": "thing"}) == []
    assert api.admin.users.default() == []
    assert api.admin.m2024.total() == 0.0


def test_arguments_that_are_left_out_are_not_sent(
    server: ServerProcess, module: ModuleType
) -> None:
    api = module.Api(ConvexClient(server.url))
    api.parcels.add(label="searched", serial=ConvexInt64(5), seal=b"")

    assert "searched" in [parcel["label"] for parcel in api.parcels.search()]
    assert [parcel["label"] for parcel in api.parcels.search(text="sear")] == ["searched"]
    assert api.parcels.search(text="nothing", limit=None) == []


def test_subscription_gives_each_result(server: ServerProcess, module: ModuleType) -> None:
    client = ConvexClient(server.url)
    api, live = module.Api(client), module.Live(client)
    parcel_id = api.parcels.add(label="one", serial=ConvexInt64(1), seal=b"")

    subscription = live.parcels.get(parcel_id=parcel_id)
    first = next(subscription)["label"]
    api.parcels.rename(parcel_id=parcel_id, label="two")
    second = next(subscription)["label"]
    subscription.unsubscribe()

    assert (first, second) == ("one", "two")
