/** A `ConvexClient` that asks for mutations as the test says, and tells how each ended. */

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

import { commands, run, tell, Watched } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(async ({ url, listName }) => {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket, logger: false });
  const list = new Watched();
  client.onUpdate(reference("entries:list"), { listName }, (lines) => list.set(lines));
  await list.until(() => true);
  tell({ ready: true });

  let last = "";
  for await (const { texts } of commands()) {
    if (texts === undefined) break;
    for (const text of texts) {
      last = text;
      client.mutation(reference("entries:add"), { listName, text }).then(
        (count) => tell({ text, count, seen: list.last.includes(text) }),
        (error) => tell({ text, error: error.message }),
      );
    }
  }
  return { list: await list.until((lines) => lines.includes(last)) };
});
