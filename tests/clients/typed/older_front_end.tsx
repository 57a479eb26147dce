// What front ends with an older client write; nothing in it is an error.
import { ConvexHttpClient } from "convex/browser";
import { useMutation, usePaginatedQuery, useQuery } from "convex/react";

import { api } from "./_generated/api.js";
import type { Doc, Id } from "./_generated/dataModel.js";

export function Parcels({ parcelId }: { parcelId: Id<"parcels"> }) {
  const count = useQuery(api.parcels.count);
  const parcel = useQuery(api.parcels.get, { parcelId });
  const { results } = usePaginatedQuery(api.parcels.list, {}, { initialNumItems: 10 });
  const rename = useMutation(api.parcels.rename).withOptimisticUpdate((store, args) => {
    store.setQuery(api.parcels.get, { parcelId: args.parcelId }, null);
  });
  const labels: string[] = results.map((each: Doc<"parcels">) => each.label);
  return { waiting: count?.waiting, state: parcel?.state, rename, labels };
}

export async function label(id: Id<"parcels">): Promise<string | undefined> {
  const http = new ConvexHttpClient("http://127.0.0.1:3210");
  return (await http.query(api.parcels.get, { parcelId: id }))?.label;
}
