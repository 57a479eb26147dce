// Each client API with generated types; nothing in it is an error.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { OptimisticLocalStore } from "convex/browser";
import { ConvexReactClient, useAction, useConvex, useMutation, usePaginatedQuery, useQueries, useQuery } from "convex/react";
import type { FunctionArgs, FunctionReturnType } from "convex/server";
import { makeFunctionReference } from "convex/server";

import { api, internal } from "./_generated/api.js";
import type { DataModel, Doc, Id, TableNames } from "./_generated/dataModel.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_T extends true>(): void {}

export function Parcels({ parcelId, isOpen }: { parcelId: Id<"parcels"> | null; isOpen: boolean }) {
  const count = useQuery(api.parcels.count);
  const countAgain = useQuery(api.parcels.count, {});
  const parcel = useQuery(api.parcels.get, parcelId === null ? "skip" : { parcelId });
  const closed = useQuery(api.parcels.count, isOpen ? {} : "skip");
  const names = useQuery(api.admin.users.default);
  const total: number | undefined = useQuery(api.admin["2024"].total);
  const found = useQuery(api.parcels.search, { text: "a" });
  const few = useQuery(api.parcels.search, { limit: null });
  const items = useQuery(api.parcels.items, { anything: "goes" });

  assertType<Equal<typeof count, { sent: number; waiting: number } | undefined>>();
  assertType<Equal<typeof countAgain, typeof closed>>();
  assertType<Equal<typeof parcel, Doc<"parcels"> | null | undefined>>();
  assertType<Equal<typeof names, string[] | undefined>>();
  assertType<Equal<typeof found, typeof few>>();
  assertType<Equal<typeof items, Doc<"items">[] | undefined>>();

  const { results, status, loadMore } = usePaginatedQuery(api.parcels.list, {}, { initialNumItems: 10 });
  const labels = usePaginatedQuery(api.parcels.pageOf, { label: "x" }, { initialNumItems: 10 });
  assertType<Equal<typeof results, Doc<"parcels">[]>>();
  assertType<Equal<typeof labels.results, string[]>>();
  if (status === "CanLoadMore") loadMore(5);

  const rename = useMutation(api.parcels.rename).withOptimisticUpdate(
    (store: OptimisticLocalStore, { parcelId, label }) => {
      const shown = store.getQuery(api.parcels.get, { parcelId });
      if (shown) store.setQuery(api.parcels.get, { parcelId }, { ...shown, label });
      for (const { value } of store.getAllQueries(api.parcels.count)) value?.sent;
    },
  );
  const add = useMutation(api.parcels.add);
  const track = useAction(api.parcels.track);
  const several = useQueries({ one: { query: api.parcels.count, args: {} } });

  async function work() {
    const id = await add({ label: "a", serial: 5n, seal: new ArrayBuffer(1) });
    assertType<Equal<typeof id, Id<"parcels">>>();
    assertType<Equal<Awaited<ReturnType<typeof rename>>, null>>();
    const place = await track({ parcelId: id });
    assertType<Equal<typeof place, string>>();
    await rename({ parcelId: id, label: "b" });
    await useConvex().query(api.parcels.get, { parcelId: id });
  }
  return { work, several, total };
}

export async function withoutReact(id: Id<"parcels">) {
  const client = new ConvexClient("http://127.0.0.1:3210");
  client.onUpdate(api.parcels.get, { parcelId: id }, (parcel) => parcel?.size?.width);
  await client.mutation(api.parcels.rename, { parcelId: id, label: "a" });
  await client.action(api.parcels.track, { parcelId: id });

  const http = new ConvexHttpClient("http://127.0.0.1:3210");
  const parcel = await http.query(api.parcels.get, { parcelId: id });
  const page = await http.query(api.parcels.list, { paginationOpts: { numItems: 5, cursor: null } });
  const [first] = page.page;
  if (first !== undefined) describe(first);
  if (parcel !== null) describe(parcel);
  await http.mutation(api.parcels.add, { label: "a", serial: 1n, seal: new ArrayBuffer(0) });

  const watch = new ConvexReactClient("http://127.0.0.1:3210").watchQuery(api.parcels.count);
  return watch.localQueryResult()?.waiting;
}

function describe(parcel: Doc<"parcels">) {
  const note: string | undefined = parcel.note;
  const photo: Id<"_storage"> | undefined = parcel.photo;
  const serial: bigint = parcel.serial;
  const seal: ArrayBuffer = parcel.seal;
  const tags: string[] | undefined = parcel.tags["x"];
  const odd: string = parcel.class;
  return { note, photo, serial, seal, tags, odd };
}

export function narrowed(item: Doc<"items">): number {
  return item.kind === "letter" ? item.pages : item.weight;
}

assertType<Equal<TableNames, "anything" | "items" | "parcels">>();
assertType<Equal<DataModel["parcels"]["indexes"]["by_state_width"], ["state", "size.width", "_creationTime"]>>();
assertType<Equal<FunctionArgs<typeof api.parcels.count>, Record<string, never>>>();
assertType<Equal<FunctionReturnType<typeof internal.parcels.clear>, number>>();
assertType<Equal<FunctionReturnType<typeof internal.admin.users.secrets>, any>>();
makeFunctionReference<"query", { parcelId: Id<"parcels"> }, Doc<"parcels"> | null>("parcels:get") satisfies typeof api.parcels.get;
