/** The official clients of npm call actions; `client` says which of them. */

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { Window } from "happy-dom";
import { WebSocket } from "ws";

import { commands, run, step, tell } from "./program.mjs";
import { reference } from "./scenario.mjs";

/** A socket that the program can cut. */
class CuttableSocket extends WebSocket {
  static newest;

  constructor(...args) {
    super(...args);
    CuttableSocket.newest = this;
  }
}

const OPENERS = {
  ConvexClient(url) {
    const client = new ConvexClient(url, { webSocketConstructor: CuttableSocket });
    return {
      action: (path, args) => client.action(reference(path), args),
      close: () => client.close(),
    };
  },

  ConvexHttpClient(url) {
    const client = new ConvexHttpClient(url, { logger: false });
    return { action: (path, args) => client.action(reference(path), args), close() {} };
  },

  /** A component that hands out what `useAction` gives. */
  async useAction(url) {
    const window = new Window({ url: "http://localhost/" });
    for (const [name, value] of Object.entries({ window, document: window.document, navigator: window.navigator })) {
      Object.defineProperty(globalThis, name, { value, configurable: true });
    }
    const { createElement: h, useEffect } = await import("react");
    const { createRoot } = await import("react-dom/client");
    const { ConvexProvider, ConvexReactClient, useAction } = await import("convex/react");
    const client = new ConvexReactClient(url, { webSocketConstructor: CuttableSocket });

    function Courier({ path, onReady }) {
      const action = useAction(reference(path));
      useEffect(() => onReady(action), []);
      return null;
    }

    return {
      async action(path, args) {
        const container = window.document.createElement("div");
        const root = createRoot(container);
        const action = await new Promise((onReady) => {
          root.render(h(ConvexProvider, { client }, h(Courier, { path, onReady })));
        });
        return await action(args);
      },
      close: () => client.close(),
    };
  },
};

run(async ({ client: name, url, to, delivery }) => {
  const client = await OPENERS[name](url);
  const deliver = (content) => client.action("parcels:deliver", { to, content });
  const result = {
    delivered: await step("deliver", deliver("book")),
    empty: await step("deliver nothing", failure(deliver(""))),
    lost: await step("lose", failure(client.action("parcels:lose", {}))),
  };
  if (delivery) {
    const cut = failure(client.action("parcels:deliverWhen", delivery));
    tell({ waiting: true });
    for await (const _ of commands()) break;
    CuttableSocket.newest.terminate();
    result.cut = await step("the failure of what was cut", cut);
    result.afterwards = await step("deliver again", deliver("lamp"));
  }
  await client.close();
  return result;
});

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { kind: error.constructor.name, message: error.message, data: error.data };
  }
  return null;
}
