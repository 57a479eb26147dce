/** A `ConvexClient` watches one list that changes all the time and many quiet ones, and writes. */

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

import { run, step, tell, Watched } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(async ({ url, busy, quiet, own, count }) => {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket });
  const watch = (path, listName) => {
    const watched = new Watched();
    client.onUpdate(reference(path), { listName }, (value) => watched.set(value));
    return watched;
  };
  const length = watch("entries:length", busy);
  const watched = [...quiet, own].map((listName) => watch("entries:list", listName));
  for (const each of watched) await step("first results", each.until(() => true));
  tell({ ready: true });
  await step("load", length.until((value) => value > 0));

  const counts = [];
  const seen = [];
  // On a busy machine the others may write little meanwhile; it goes on until there was news.
  const isDone = () => seen.length >= count && new Set(seen).size > count / 2;
  for (let number = 0; !isDone() && number < 100 * count; number += 1) {
    const text = `line ${number}`;
    const add = client.mutation(reference("entries:add"), { listName: own, text });
    counts.push(await step(text, add));
    seen.push(length.last);
  }
  const updates = watched.slice(0, -1).map((each) => each.values.length);
  await client.close();
  return { counts, seen, lengths: length.values, updates };
});
