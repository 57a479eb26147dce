"""A mistake on each line that is marked; a checker finds these and no others."""

from __future__ import annotations

from _generated.client import Api, ItemsId, Live, ParcelsDocument, ParcelsId
from convex import ConvexClient


def work(client: ConvexClient, item_id: ItemsId, parcel_id: ParcelsId) -> None:
    api = Api(client)
    api.parcels.nothing()  # error
    api.nowhere.list_()  # error
    api.parcels.get()  # error
    api.parcels.get(parcel_id="a string")  # error
    api.parcels.get(parcel_id=item_id)  # error
    api.parcels.get(parcelId=parcel_id)  # error
    api.parcels.count(more=1)  # error
    api.parcels.search(limit="ten")  # error
    api.parcels.clear()  # error
    api.parcels.add(label="a", serial="5", seal=b"")  # error
    api.parcels.list_(pagination_opts={"numItems": 5})  # error
    Live(client).parcels.rename(parcel_id=parcel_id, label="a")  # error
    api.parcels.track(parcel_id=item_id)  # error
    api.parcels.track(parcel_id=parcel_id)["place"]  # error
    api.parcels.add(label="a", seal=b"")  # error
    api.parcels.rename(parcel_id, "a")  # error
    api.parcels.get(parcel_id=parcel_id)["label"]  # error
    api.parcels.count()["lost"]  # error
    api.admin.users.secrets()  # error
    api.admin.users.default(page=1)  # error


def page(client: ConvexClient) -> None:
    found = Api(client).parcels.list_(pagination_opts={"numItems": 5, "cursor": None})
    Api(client).parcels.list_(pagination_opts={"numItems": "5", "cursor": None})  # error
    Api(client).parcels.page_of(pagination_opts={"numItems": 5, "cursor": None})  # error
    found["results"]  # error
    found["page"]["label"]  # error
    found["page"][0]["text"]  # error
    found["continueCursor"] + 1  # error


def watch(client: ConvexClient, item_id: ItemsId, parcel_id: ParcelsId) -> None:
    Live(client).parcels.get(parcel_id=item_id)  # error
    Live(client).parcels.get()  # error
    subscription = Live(client).parcels.get(parcel_id=parcel_id)
    subscription.close()  # error
    next(subscription)["label"]  # error
    for count in Live(client).parcels.count():
        count["waiting"].upper()  # error


def look(parcel: ParcelsDocument) -> None:
    print(parcel["colour"])  # error
    print(parcel["size"]["width"])  # error
    parcel["label"] = 5  # error
    if parcel["state"] == "lost":  # error
        print("lost")
