/** The official `ConvexClient` over a WebSocket. */

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

import { run, Watched } from "./program.mjs";
import { callEveryFunction, reference } from "./scenario.mjs";

run(async (ids) => {
  const client = new ConvexClient(ids.url, { webSocketConstructor: WebSocket });
  const result = await callEveryFunction(
    {
      query: (path, args) => client.query(reference(path), args),
      mutation: (path, args) => client.mutation(reference(path), args),
      watch(path, args) {
        const watched = new Watched();
        client.onUpdate(reference(path), args, (value) => watched.set(value));
        return watched;
      },
    },
    ids,
    "ConvexClient",
  );
  await client.close();
  return result;
});
