/** A `ConvexClient` of the npm package named in `package` watches a list of megabytes. */

import { WebSocket } from "ws";

import { run, step, Watched } from "./program.mjs";
import { reference } from "./scenario.mjs";

/** A socket that counts the messages that come, by type. */
class CountingSocket extends WebSocket {
  static counts = {};

  constructor(...args) {
    super(...args);
    this.on("message", (data) => {
      const { type } = JSON.parse(data);
      CountingSocket.counts[type] = (CountingSocket.counts[type] ?? 0) + 1;
    });
  }
}

run(async ({ package: name, url, listName, count, size }) => {
  const { ConvexClient } = await import(`${name}/browser`);
  const client = new ConvexClient(url, { webSocketConstructor: CountingSocket });
  const watched = new Watched();
  client.onUpdate(reference("entries:large"), { listName, count, size }, (value) => {
    watched.set(value);
  });
  const first = await step("first list", watched.until(() => true));
  const added = await step(
    "mutation",
    client.mutation(reference("entries:add"), { listName, text: "hello" }),
  );
  const last = await step("last list", watched.until((list) => list[0].startsWith("1:")));
  const summary = (list) => ({ length: list.length, sizes: [...new Set(list.map((s) => [...s].length))], line: list[0].slice(0, 12) });
  await client.close();
  return { first: summary(first), last: summary(last), added, messages: CountingSocket.counts };
});
