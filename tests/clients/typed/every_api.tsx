// Each API of npm `convex` that takes a function, with generated types; nothing in it is an error.
import { BaseConvexClient, ConvexClient, ConvexHttpClient } from "convex/browser";
import type { QueryOptions } from "convex/browser";
import { fetchAction, fetchMutation, fetchQuery, preloadQuery, preloadedQueryResult } from "convex/nextjs";
import {
  ConvexReactClient, insertAtBottomIfLoaded, insertAtPosition, insertAtTop, optimisticallyUpdateValueInPaginatedQuery,
  useAction, useConvex, useMutation, usePaginatedQuery, usePaginatedQuery_experimental, usePreloadedQuery, useQueries,
  useQuery, useQuery_experimental,
} from "convex/react";
import type { OptionalRestArgsOrSkip, PaginatedQueryArgs, PaginatedQueryItem, Preloaded, ReactMutation } from "convex/react";
import { getFunctionName } from "convex/server";
import type {
  ArgsAndOptions, DocumentByName, FilterApi, FunctionArgs, FunctionReference, FunctionReturnType, IndexNames,
  NamedTableInfo, OptionalRestArgs, PaginationResult, WithoutSystemFields,
} from "convex/server";

import { api, internal } from "./_generated/api.js";
import type { DataModel, Doc, Id, TableNames } from "./_generated/dataModel.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_T extends true>(): void {}

type Parcel = Doc<"parcels">;
type Count = { sent: number; waiting: number };
const url = "http://127.0.0.1:3210";

export function Hooks({ id, preloaded }: { id: Id<"parcels">; preloaded: Preloaded<typeof api.parcels.get> }) {
  const options = { query: api.parcels.get, args: { parcelId: id } } satisfies QueryOptions<typeof api.parcels.get>;
  const found = useQuery_experimental(options);
  if (found.status === "success") assertType<Equal<typeof found.data, Parcel | null>>();
  const skipped = useQuery_experimental({ query: api.parcels.count, args: "skip", throwOnError: true });
  if (skipped.status === "success") assertType<Equal<typeof skipped.data, Count>>();

  const pages = usePaginatedQuery(api.parcels.pageOf, "skip", { initialNumItems: 5 });
  assertType<Equal<typeof pages.results, string[]>>();
  assertType<Equal<typeof pages.status, "LoadingFirstPage" | "CanLoadMore" | "LoadingMore" | "Exhausted">>();
  const more = usePaginatedQuery_experimental({ query: api.parcels.list, args: {}, initialNumItems: 5 });
  if (more.status === "success") assertType<Equal<typeof more.data, Parcel[]>>();
  const older = usePaginatedQuery_experimental(api.parcels.pageOf, { label: "x" }, { initialNumItems: 5 });
  assertType<Equal<typeof older.results, string[]>>();

  assertType<Equal<ReturnType<typeof usePreloadedQuery<typeof api.parcels.get>>, Parcel | null>>();
  const shown = usePreloadedQuery(preloaded);
  const several = useQueries({ parcel: { query: api.parcels.get, args: { parcelId: id } } });

  const rename: ReactMutation<typeof api.parcels.rename> = useMutation(api.parcels.rename);
  const changed = rename.withOptimisticUpdate((store, { parcelId, label }) => {
    assertType<Equal<typeof parcelId, Id<"parcels">>>();
    optimisticallyUpdateValueInPaginatedQuery(store, api.parcels.list, {}, (parcel) =>
      parcel._id === parcelId ? { ...parcel, label } : parcel);
    const shelf = { paginatedQuery: api.parcels.pageOf, argsToMatch: { label }, localQueryStore: store, item: label };
    insertAtTop(shelf);
    insertAtBottomIfLoaded(shelf);
    insertAtPosition({ ...shelf, sortOrder: "asc", sortKeyFromItem: (item) => item.length });
    for (const { args, value } of store.getAllQueries(api.parcels.get)) {
      assertType<Equal<typeof args, { parcelId: Id<"parcels"> }>>();
      if (value) store.setQuery(api.parcels.get, args, { ...value, label });
    }
    store.setQuery(api.parcels.count, {}, undefined);
  });
  const track = useAction(api.parcels.track);
  return { shown, several, changed, track, client: useConvex() };
}

export async function reactClient(id: Id<"parcels">) {
  const client = new ConvexReactClient(url);
  const watch = client.watchQuery(api.parcels.get, { parcelId: id }, { journal: undefined });
  watch.onUpdate(() => {})();
  assertType<Equal<ReturnType<typeof watch.localQueryResult>, Parcel | null | undefined>>();
  client.prewarmQuery({ query: api.parcels.get, args: { parcelId: id }, extendSubscriptionFor: 1_000 });
  const count = await client.query(api.parcels.count);
  assertType<Equal<typeof count, Count>>();
  const nothing = await client.mutation(api.parcels.rename, { parcelId: id, label: "a" }, {
    optimisticUpdate: (store, args) => store.setQuery(api.parcels.get, { parcelId: args.parcelId }, null),
  });
  assertType<Equal<typeof nothing, null>>();
  const place = await client.action(api.parcels.track, { parcelId: id });
  assertType<Equal<typeof place, string>>();
}

export async function browserClient(id: Id<"parcels">) {
  const client = new ConvexClient(url);
  const stop = client.onUpdate(api.parcels.get, { parcelId: id }, (parcel) => {
    assertType<Equal<typeof parcel, Parcel | null>>();
  }, (error) => error.message);
  assertType<Equal<ReturnType<typeof stop.getCurrentValue>, Parcel | null | undefined>>();
  const paginationOpts = { numItems: 5, cursor: null };
  client.onPaginatedUpdate_experimental(api.parcels.list, { paginationOpts }, { initialNumItems: 5 }, () => {});
  const added = await client.mutation(api.parcels.add, { label: "a", serial: 5n, seal: new ArrayBuffer(1) });
  assertType<Equal<typeof added, Id<"parcels">>>();
  const count = await client.query(api.parcels.count, {});
  assertType<Equal<typeof count, Count>>();
  const place = await client.action(api.parcels.track, { parcelId: added });
  assertType<Equal<typeof place, string>>();
  const base = new BaseConvexClient(url, () => {});
  base.subscribe(getFunctionName(api.parcels.count), {});
}

export async function httpClient(id: Id<"parcels">) {
  const client = new ConvexHttpClient(url);
  const consistent = await client.consistentQuery(api.parcels.get, { parcelId: id });
  assertType<Equal<typeof consistent, Parcel | null>>();
  const page = await client.query(api.parcels.pageOf, { label: "a", paginationOpts: { numItems: 1, cursor: null } });
  assertType<Equal<typeof page, PaginationResult<string>>>();
  await client.mutation(api.parcels.rename, { parcelId: id, label: "a" }, { skipQueue: true });
  const place = await client.action(api.parcels.track, { parcelId: id });
  assertType<Equal<typeof place, string>>();
}

export async function nextJs(id: Id<"parcels">) {
  const preloaded = await preloadQuery(api.parcels.get, { parcelId: id }, { url });
  assertType<Equal<ReturnType<typeof preloadedQueryResult<typeof api.parcels.get>>, Parcel | null>>();
  const parcel = preloadedQueryResult(preloaded);
  const count = await fetchQuery(api.parcels.count);
  assertType<Equal<typeof count, Count>>();
  const added = await fetchMutation(api.parcels.add, { label: "a", serial: 5n, seal: new ArrayBuffer(1) }, { url });
  assertType<Equal<typeof added, Id<"parcels">>>();
  const place = await fetchAction(api.parcels.track, { parcelId: id }, { token: "t" });
  assertType<Equal<typeof place, string>>();
  return parcel;
}

type Public = FilterApi<typeof api, FunctionReference<"query", "public">>;
type CallArgs<F extends FunctionReference<any>> = OptionalRestArgs<F>;
assertType<Equal<keyof Public["parcels"] & string,
  "count" | "get" | "items" | "list" | "pageOf" | "search" | "undeclared">>();
assertType<Equal<CallArgs<typeof api.parcels.get>, [args: { parcelId: Id<"parcels"> }]>>();
assertType<Equal<OptionalRestArgsOrSkip<typeof api.parcels.get>, [args: { parcelId: Id<"parcels"> } | "skip"]>>();
assertType<Equal<ArgsAndOptions<typeof api.parcels.get, 5>, [args: { parcelId: Id<"parcels"> }, options?: 5]>>();
assertType<Equal<FunctionArgs<typeof api.parcels.rename>, { parcelId: Id<"parcels">; label: string }>>();
assertType<Equal<FunctionReturnType<typeof api.parcels.list>, PaginationResult<Parcel>>>();
assertType<Equal<FunctionReturnType<typeof internal.parcels.clear>, number>>();
assertType<Equal<PaginatedQueryArgs<typeof api.parcels.pageOf>, { label: string }>>();
assertType<Equal<PaginatedQueryItem<typeof api.parcels.list>, Parcel>>();
assertType<Equal<DocumentByName<DataModel, "parcels">, Parcel>>();
assertType<Equal<TableNames, "anything" | "items" | "parcels">>();
assertType<Equal<keyof WithoutSystemFields<Doc<"items">>, "kind">>();
assertType<Equal<IndexNames<NamedTableInfo<DataModel, "parcels">>, "by_creation_time" | "by_id" | "by_state_width">>();
