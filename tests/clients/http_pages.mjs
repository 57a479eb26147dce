/** A shelf of books, read page by page with the official `ConvexHttpClient`. */

import { ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";

import { run } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(async ({ url, shelf, items }) => {
  const client = new ConvexHttpClient(url, { logger: false });
  const ask = (cursor) =>
    client.query(reference("books:onShelf"), {
      shelf,
      paginationOpts: { numItems: items, cursor },
    });
  const pages = [];
  let result = { isDone: false, continueCursor: null };
  while (!result.isDone) {
    result = await ask(result.continueCursor);
    pages.push(result.page.map((book) => book.title));
  }
  const refusal = await ask("nobody's").catch((error) => error);
  return { pages, isConvexError: refusal instanceof ConvexError, data: refusal.data };
});
