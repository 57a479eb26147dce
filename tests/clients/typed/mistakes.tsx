// A mistake on each line that is marked; the checker finds these and no others.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { useAction, useMutation, usePaginatedQuery, useQuery } from "convex/react";

import { api } from "./_generated/api.js";
import type { Doc, Id } from "./_generated/dataModel.js";

export function Mistakes({ id, itemId }: { id: Id<"parcels">; itemId: Id<"items"> }) {
  useQuery(api.parcels.nothing); // error
  useQuery(api.nowhere.list); // error
  useQuery(api.parcels.get); // error
  useQuery(api.parcels.get, {}); // error
  useQuery(api.parcels.get, { parcelId: 5 }); // error
  useQuery(api.parcels.get, { parcelId: "a string" }); // error
  useQuery(api.parcels.get, { parcelId: itemId }); // error
  useQuery(api.parcels.get, { parcel_id: id }); // error
  useQuery(api.parcels.get, { parcelId: id, more: 1 }); // error
  useQuery(api.parcels.count, { more: 1 }); // error
  useQuery(api.parcels.count, "skipped"); // error
  useQuery(api.parcels.search, { limit: "ten" }); // error
  useQuery(api.parcels.rename, { parcelId: id, label: "a" }); // error
  useQuery(api.parcels.clear); // error
  useMutation(api.parcels.get); // error
  useAction(api.parcels.rename); // error
  usePaginatedQuery(api.parcels.count, {}, { initialNumItems: 10 }); // error
  usePaginatedQuery(api.parcels.pageOf, {}, { initialNumItems: 10 }); // error
  useMutation(api.parcels.rename).withOptimisticUpdate((store, args) => {
    store.setQuery(api.parcels.get, { parcelId: args.parcelId }, { label: args.label }); // error
    store.setQuery(api.parcels.count, {}, { waiting: 1 }); // error
    args.text; // error
  });
}

export async function moreMistakes(parcel: Doc<"parcels">, item: Doc<"items">, id: Id<"parcels">) {
  parcel.colour; // error
  parcel.size.width; // error
  parcel.note.length; // error
  parcel.state === "lost"; // error
  parcel.serial + 1; // error
  item.pages; // error
  const client = new ConvexClient("http://127.0.0.1:3210");
  await client.mutation(api.parcels.add, { label: "a", serial: 1, seal: new ArrayBuffer(0) }); // error
  await client.query(api.parcels.rename, { parcelId: id, label: "a" }); // error
  const http = new ConvexHttpClient("http://127.0.0.1:3210");
  (await http.query(api.parcels.get, { parcelId: id })).label; // error
  const wrong: Doc<"users"> | Id<"users"> | null = null; // error
  return wrong;
}
