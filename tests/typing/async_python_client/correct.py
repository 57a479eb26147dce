"""What a program does with the generated client for asyncio; nothing in it is an error."""

from __future__ import annotations

from typing import Any, assert_type

from _generated.async_client import (
    Api,
    ItemsDocument,
    Live,
    Pages,
    ParcelsCountResult,
    ParcelsDocument,
    ParcelsId,
    StorageId,
)

from realtime.client import AdminKey, Client, Int64, Status, Watch


async def work(client: Client) -> None:
    api = Api(client)
    parcel_id = await api.parcels.add(label="a", serial=Int64(5), seal=b"")
    assert_type(parcel_id, ParcelsId)
    assert_type(await api.parcels.count(), ParcelsCountResult)
    assert_type(await api.parcels.track(parcel_id=parcel_id), str)
    assert_type(await api.parcels.undeclared(id=api_id()), Any)
    assert_type(await api.admin.users.default(), list[str])
    assert_type(await api.admin.m2024.total(), float)
    await api.parcels.rename(parcel_id=parcel_id, label="b")
    await api.parcels.search()
    await api.parcels.search(text="a", limit=5)
    page = await api.parcels.list_(pagination_opts={"numItems": 10, "cursor": None})
    assert_type(page["page"], list[ParcelsDocument])
    parcel = await api.parcels.get(parcel_id=parcel_id)
    if parcel is not None:
        look(parcel)


def api_id() -> Any:
    return None


def look(parcel: ParcelsDocument) -> None:
    assert_type(parcel["_id"], ParcelsId)
    assert_type(parcel["serial"], Int64)
    assert_type(parcel["tags"], dict[str, list[str]])
    assert_type(parcel.get("photo"), StorageId | None)
    if parcel["size"] is not None:
        assert_type(parcel["size"]["width"], float)


async def watch(client: Client) -> None:
    watch = Live(client).parcels.get(parcel_id=ParcelsId("an id"))
    assert_type(watch, Watch[ParcelsDocument | None])
    async for parcel in watch:
        assert_type(parcel, ParcelsDocument | None)
    async with Live(client).parcels.count() as counts:
        assert_type(await anext(counts), ParcelsCountResult)


async def read(client: Client) -> None:
    async for page in Pages(client).parcels.list_(page_size=10):
        assert_type(page, list[ParcelsDocument])
    async for labels in Pages(client).parcels.pageOf(label="a"):
        assert_type(labels, list[str])


async def sign_in() -> None:
    async with Client("http://127.0.0.1:3210", auth=AdminKey("a key")) as client:
        await client.set_auth("a token")
        await client.set_auth(fetch)
        await client.set_auth(None)
        assert_type(client.status, Status)
        assert_type(await client.query("parcels:count"), Any)
        async for status in client.statuses():
            assert_type(status.is_authenticated, bool)


async def fetch(is_fresh: bool) -> str | None:
    return "a fresh token" if is_fresh else None


def weigh(item: ItemsDocument) -> float:
    return item["pages"] if item["kind"] == "letter" else item["weight"]
