"""What a program does with the generated client; nothing in it is an error."""

from __future__ import annotations

from typing import Any, assert_type

from _generated.client import (
    Api,
    ItemsDocument,
    Live,
    ParcelsCountResult,
    ParcelsDocument,
    ParcelsId,
    StorageId,
)
from convex import ConvexClient, ConvexInt64


def work(client: ConvexClient) -> None:
    api = Api(client)
    parcel_id = api.parcels.add(label="a", serial=ConvexInt64(5), seal=b"")
    assert_type(parcel_id, ParcelsId)
    assert_type(api.parcels.count(), ParcelsCountResult)
    assert_type(api.parcels.track(parcel_id=parcel_id), str)
    assert_type(api.parcels.undeclared(id=api_id()), Any)
    assert_type(api.admin.users.default(), list[str])
    assert_type(api.admin.m2024.total(), float)
    api.parcels.rename(parcel_id=parcel_id, label="b")
    api.parcels.search()
    api.parcels.search(text="a", limit=5)
    page = api.parcels.list_(pagination_opts={"numItems": 10, "cursor": None})
    assert_type(page["page"], list[ParcelsDocument])
    parcel = api.parcels.get(parcel_id=parcel_id)
    if parcel is not None:
        look(parcel)


def api_id() -> Any:
    return None


def look(parcel: ParcelsDocument) -> None:
    assert_type(parcel["_id"], ParcelsId)
    assert_type(parcel["tags"], dict[str, list[str]])
    assert_type(parcel["class"], str)
    assert_type(parcel.get("photo"), StorageId | None)
    if parcel["size"] is not None:
        assert_type(parcel["size"]["width"], float)


def watch(client: ConvexClient) -> None:
    subscription = Live(client).parcels.get(parcel_id=ParcelsId("an id"))
    for parcel in subscription:
        assert_type(parcel, ParcelsDocument | None)
        subscription.unsubscribe()


def weigh(item: ItemsDocument) -> float:
    return item["pages"] if item["kind"] == "letter" else item["weight"]
