/** The official `ConvexHttpClient`; it has no live queries, so its watch asks again. */

import { ConvexHttpClient } from "convex/browser";

import { run } from "./program.mjs";
import { callEveryFunction, reference } from "./scenario.mjs";

run(async (ids) => {
  const client = new ConvexHttpClient(ids.url, { logger: false });
  const query = (path, args) => client.query(reference(path), args);
  return await callEveryFunction(
    {
      query,
      mutation: (path, args) => client.mutation(reference(path), args),
      watch: (path, args) => ({
        values: [],
        async until(test) {
          const value = await query(path, args);
          this.values.push(value);
          if (!test(value)) throw new Error(`${path} gave ${JSON.stringify(value)}`);
          return value;
        },
      }),
    },
    ids,
    "ConvexHttpClient",
  );
});
