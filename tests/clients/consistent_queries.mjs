/** The official `ConvexHttpClient` reads twice at one timestamp, with a write in between. */

import { ConvexHttpClient } from "convex/browser";

import { run } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(async ({ url, listName }) => {
  const client = new ConvexHttpClient(url, { logger: false });
  const other = new ConvexHttpClient(url, { logger: false });
  const add = (text) => other.mutation(reference("entries:add"), { listName, text });
  const list = (reader, method) => reader[method](reference("entries:list"), { listName });

  await add("before");
  const first = await list(client, "consistentQuery");
  await add("between");
  const second = await list(client, "consistentQuery");
  const present = await list(client, "query");
  const later = await list(other, "consistentQuery");
  return { first, second, present, later };
});
