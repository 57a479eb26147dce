/** The official `ConvexHttpClient`. */

import { ConvexHttpClient } from "convex/browser";

import { run } from "./program.mjs";
import { asking, callEveryFunction } from "./scenario.mjs";

run(async (ids) => {
  const client = new ConvexHttpClient(ids.url, { logger: false });
  const query = (path, args) => client.query(path, args);
  const mutation = (path, args) => client.mutation(path, args);
  return await callEveryFunction({ query, mutation, watch: asking(query) }, ids, "ConvexHttpClient");
});
