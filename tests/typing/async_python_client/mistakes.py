"""A mistake on each line that is marked; a checker finds these and no others."""

from __future__ import annotations

from _generated.async_client import Api, ItemsId, Live, Pages, ParcelsDocument, ParcelsId

from realtime.client import Client


async def work(client: Client, item_id: ItemsId, parcel_id: ParcelsId) -> None:
    api = Api(client)
    await api.parcels.nothing()  # error
    await api.nowhere.list_()  # error
    await api.parcels.get()  # error
    await api.parcels.get(parcel_id="a string")  # error
    await api.parcels.get(parcel_id=item_id)  # error
    await api.parcels.get(parcelId=parcel_id)  # error
    await api.parcels.count(more=1)  # error
    await api.parcels.search(limit="ten")  # error
    await api.parcels.clear()  # error
    await api.parcels.add(label="a", serial=5, seal=b"")  # error
    await api.parcels.list_(pagination_opts={"numItems": 5})  # error
    Live(client).parcels.rename(parcel_id=parcel_id, label="a")  # error
    for parcel in Live(client).parcels.get(parcel_id=parcel_id):  # error
        del parcel
    Pages(client).parcels.get(parcel_id=parcel_id)  # error
    Pages(client).parcels.list_(page_size="ten")  # error
    await client.set_auth(5)  # error
    await client.set_auth(fetch_wrongly)  # error
    await client.query("parcels:count", ["a"])  # error


async def fetch_wrongly() -> str:
    return "a token"


def look(parcel: ParcelsDocument) -> None:
    print(parcel["colour"])  # error
    print(parcel["size"]["width"])  # error
    parcel["label"] = 5  # error
    if parcel["state"] == "lost":  # error
        print("lost")
