// Mistakes with each API of npm `convex` that takes a function: one on each line that is marked, and no others.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { fetchAction, fetchMutation, fetchQuery, preloadQuery, preloadedQueryResult } from "convex/nextjs";
import {
  ConvexReactClient, insertAtBottomIfLoaded, insertAtPosition, insertAtTop, optimisticallyUpdateValueInPaginatedQuery,
  useAction, useMutation, usePaginatedQuery, usePaginatedQuery_experimental, usePreloadedQuery, useQueries, useQuery,
  useQuery_experimental,
} from "convex/react";
import type { Preloaded } from "convex/react";
import type { FunctionArgs, FunctionReturnType } from "convex/server";

import { api, internal } from "./_generated/api.js";
import type { DataModel, Doc, Id } from "./_generated/dataModel.js";

type Props = { id: Id<"parcels">; itemId: Id<"items">; preloaded: Preloaded<typeof api.parcels.get> };
const page = { initialNumItems: 5 };
const url = "http://127.0.0.1:3210";

export function Hooks({ id, itemId, preloaded }: Props) {
  useQuery(api.parcels.gte, { parcelId: id }); // error
  useQuery(api.parcels.get, { parcelId: null }); // error
  useQuery(api.parcels.get, "skip").label; // error
  useQuery(internal.parcels.clear); // error
  useQuery_experimental({ query: api.parcels.get, args: {} }); // error
  useQuery_experimental({ query: api.parcels.get, args: { parcelId: itemId } }); // error
  useQuery_experimental({ query: api.parcels.rename, args: { parcelId: id, label: "a" } }); // error
  useQuery_experimental({ query: api.parcels.count, args: {} }).data; // error
  useQueries({ one: { query: api.parcels.nothing, args: {} } }); // error
  usePreloadedQuery(preloaded).label; // error
  usePreloadedQuery(api.parcels.get); // error

  usePaginatedQuery(api.parcels.get, { parcelId: id }, page); // error
  usePaginatedQuery(api.parcels.pageOf, { label: 5 }, page); // error
  usePaginatedQuery(api.parcels.pageOf, { label: "a", paginationOpts: { numItems: 5, cursor: null } }, page); // error
  usePaginatedQuery(api.parcels.pageOf, { label: "a" }, {}); // error
  usePaginatedQuery(api.parcels.pageOf, { label: "a" }); // error
  usePaginatedQuery(api.parcels.pageOf, "skipped", page); // error
  usePaginatedQuery(api.parcels.list, {}, page).results.map((parcel) => parcel.text); // error
  usePaginatedQuery(api.parcels.list, {}, page).page; // error
  usePaginatedQuery(api.parcels.list, {}, page).loadMore("5"); // error
  usePaginatedQuery(api.parcels.list, {}, page).status === "Done"; // error
  usePaginatedQuery_experimental({ query: api.parcels.pageOf, args: {}, ...page }); // error
  usePaginatedQuery_experimental({ query: api.parcels.count, args: {}, ...page }); // error

  useMutation(api.parcels.rename)({ parcelId: id }); // error
  useMutation(api.parcels.rename)({ parcelId: itemId, label: "a" }); // error
  useMutation(api.parcels.rename)({ parcelId: id, label: "a", more: 1 }); // error
  useMutation(internal.parcels.clear)({ all: true }); // error
  useMutation(api.parcels.track); // error
  useAction(api.parcels.track)({}); // error
  useAction(api.parcels.track)({ parcelId: itemId }); // error
  useAction(api.parcels.count); // error
  useMutation(api.parcels.rename).withOptimisticUpdate(async () => {}); // error
  useMutation(api.parcels.rename).withOptimisticUpdate((localQueryStore, { label }) => {
    localQueryStore.getQuery(api.parcels.get); // error
    localQueryStore.getQuery(api.parcels.get, { parcelId: id })?.text; // error
    localQueryStore.getAllQueries(api.parcels.rename); // error
    localQueryStore.setQuery(api.parcels.get, { parcelId: itemId }, null); // error
    optimisticallyUpdateValueInPaginatedQuery(localQueryStore, api.parcels.list, {}, () => label); // error
    insertAtTop({ paginatedQuery: api.parcels.list, localQueryStore, item: label }); // error
    insertAtBottomIfLoaded({ paginatedQuery: api.parcels.pageOf, localQueryStore, item: 5 }); // error
    const sorted = { sortOrder: "up", sortKeyFromItem: () => 1 } as const;
    insertAtPosition({ paginatedQuery: api.parcels.pageOf, localQueryStore, item: "a", ...sorted }); // error
  });
}

export async function reactClient(client: ConvexReactClient, id: Id<"parcels">, itemId: Id<"items">) {
  client.watchQuery(api.parcels.get); // error
  client.watchQuery(api.parcels.get, { parcelId: itemId }); // error
  client.watchQuery(api.parcels.count).localQueryResult().waiting; // error
  client.prewarmQuery({ query: api.parcels.get, args: {} }); // error
  client.prewarmQuery({ query: api.parcels.add, args: {} }); // error
  await client.query(api.parcels.get, { id }); // error
  (await client.query(api.parcels.count)).lost; // error
  await client.mutation(api.parcels.rename, { parcelId: id, label: 5 }); // error
  await client.mutation(api.parcels.get, { parcelId: id }); // error
  await client.action(api.parcels.track, { parcelId: "a string" }); // error
  await client.action(api.parcels.rename, { parcelId: id, label: "a" }); // error
}

export async function browserClient(client: ConvexClient, id: Id<"parcels">, itemId: Id<"items">) {
  client.onUpdate(api.parcels.get, {}, () => {}); // error
  client.onUpdate(api.parcels.get, { parcelId: itemId }, () => {}); // error
  client.onUpdate(api.parcels.rename, { parcelId: id, label: "a" }, () => {}); // error
  client.onUpdate(api.parcels.get, { parcelId: id }, (parcel) => parcel.label); // error
  client.onPaginatedUpdate_experimental(api.parcels.list, { numItems: 5 }, page, () => {}); // error
  client.onPaginatedUpdate_experimental(api.parcels.add, {}, page, () => {}); // error
  await client.query(api.parcels.search, { limit: "ten" }); // error
  await client.mutation(api.parcels.add, { label: "a", serial: 1n }); // error
  await client.action(api.parcels.track, { parcelId: itemId }); // error
  await client.action(api.parcels.get, { parcelId: id }); // error
}

export async function httpClient(client: ConvexHttpClient, id: Id<"parcels">, itemId: Id<"items">) {
  await client.consistentQuery(api.parcels.get, { parcelId: itemId }); // error
  await client.consistentQuery(api.parcels.rename, { parcelId: id, label: "a" }); // error
  await client.query(api.parcels.list, { paginationOpts: { numItems: 5 } }); // error
  (await client.query(api.parcels.list, { paginationOpts: { numItems: 5, cursor: null } })).results; // error
  await client.mutation(api.parcels.rename, { parcelId: itemId, label: "a" }); // error
  await client.mutation(api.parcels.rename, { parcelId: id, label: "a" }, { skip: true }); // error
  await client.action(api.parcels.track); // error
  await client.action(api.parcels.clear); // error
}

export async function nextJs(id: Id<"parcels">, itemId: Id<"items">) {
  await fetchQuery(api.parcels.get); // error
  await fetchQuery(api.parcels.rename, { parcelId: id, label: "a" }); // error
  (await fetchQuery(api.parcels.get, { parcelId: id })).label; // error
  await fetchMutation(api.parcels.rename, { parcelId: itemId, label: "a" }); // error
  await fetchAction(api.parcels.track, { parcelId: itemId }, { url }); // error
  await preloadQuery(api.parcels.get, { parcelId: itemId }); // error
  preloadedQueryResult(await preloadQuery(api.parcels.get, { parcelId: id })).label; // error
}

export const args: FunctionArgs<typeof api.parcels.rename> = { label: "a" }; // error
export const result: FunctionReturnType<typeof api.parcels.count> = { sent: 1 }; // error
export const returned: FunctionReturnType<typeof internal.parcels.clear> = "five"; // error
export const document: Doc<"items"> = { kind: "letter" }; // error
export const index: keyof DataModel["parcels"]["indexes"] = "by_label"; // error
export const path: DataModel["parcels"]["fieldPaths"] = "size.depth"; // error
