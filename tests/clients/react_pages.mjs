/**
 * A shelf of books in pages, kept by a hook of the official React client.
 *
 * Tells every state that was rendered. The test tells it to load more, and asks which pages the
 * client has subscribed to so far, and with what, on each of its connections.
 */

import "./dom.mjs";

import { createElement as h, useLayoutEffect } from "react";
import { createRoot } from "react-dom/client";
import * as convex from "convex/react";
import { WebSocket } from "ws";

import { commands, run, tell } from "./program.mjs";
import { reference } from "./scenario.mjs";

const added = [];
let connections = 0;

/** Writes down the pages that the client asks for. */
class RecordingSocket extends WebSocket {
  #connection = ++connections;

  send(data, ...rest) {
    for (const change of JSON.parse(data).modifications ?? []) {
      if (change.type !== "Add") continue;
      const { cursor, endCursor } = change.args[0].paginationOpts;
      added.push({
        connection: this.#connection,
        isFirst: cursor === null,
        hasEnd: endCursor !== undefined,
        hasJournal: typeof change.journal === "string",
      });
    }
    super.send(data, ...rest);
  }
}

let loadMore;

function Shelf({ hook, shelf, items }) {
  const pages = convex[hook](reference("books:onShelf"), { shelf }, { initialNumItems: items });
  useLayoutEffect(() => {
    loadMore = pages.loadMore;
    tell({ titles: pages.results.map((book) => book.title), status: pages.status });
  });
  return null;
}

run(
  async ({ url, ...props }) => {
    const client = new convex.ConvexReactClient(url, {
      webSocketConstructor: RecordingSocket,
      logger: false,
    });
    const container = document.createElement("div");
    document.body.append(container);
    createRoot(container).render(h(convex.ConvexProvider, { client }, h(Shelf, props)));
    for await (const command of commands()) {
      if (command.more) loadMore(command.more);
      else if (command.added) tell({ added });
      else break;
    }
    await client.close();
  },
  { deadlineMs: 120_000 },
);
