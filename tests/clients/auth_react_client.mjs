/** `ConvexProviderWithAuth` and `useConvexAuth`, rendering into a DOM. */

import { Window } from "happy-dom";
import { WebSocket } from "ws";

import { run, step, Watched } from "./program.mjs";
import { reference } from "./scenario.mjs";

// React looks for a DOM while it is imported.
const window = new Window({ url: "http://localhost/" });
const addGlobal = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
addGlobal("window", window);
addGlobal("document", window.document);
addGlobal("navigator", window.navigator);

const { createElement: h, useCallback, useEffect, useMemo, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const { Authenticated, ConvexProviderWithAuth, ConvexReactClient, Unauthenticated, useConvexAuth, useQuery } =
  await import("convex/react");

const states = new Watched();
const shown = new Watched();
let setSignedIn;

/** What an integration of an auth provider is: whether somebody is signed in, and their token. */
function useProvider(provider) {
  const [isAuthenticated, set] = useState(true);
  setSignedIn = set;
  const fetchAccessToken = useCallback(
    async () => await (await fetch(`${provider}/token?sub=ann`)).text(),
    [],
  );
  return useMemo(
    () => ({ isLoading: false, isAuthenticated, fetchAccessToken }),
    [isAuthenticated],
  );
}

function State() {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const state = isLoading ? "loading" : isAuthenticated ? "signed in" : "signed out";
  useEffect(() => states.set(state), [state]);
  return null;
}

function Me() {
  const me = useQuery(reference("who:me"), {});
  useEffect(() => shown.set(me === undefined ? "loading" : (me?.subject ?? "nobody")), [me]);
  return null;
}

run(async ({ url, provider }) => {
  const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket, expectAuth: true });
  const root = createRoot(document.createElement("div"));
  const children = [
    h(State, { key: "state" }),
    h(Authenticated, { key: "in" }, h(Me)),
    h(Unauthenticated, { key: "out" }, h(Me)),
  ];
  const useAuth = () => useProvider(provider);
  root.render(h(ConvexProviderWithAuth, { client, useAuth }, children));

  await step("signed in", states.until((state) => state === "signed in"));
  await step("sees herself", shown.until((subject) => subject === "ann"));
  setSignedIn(false);
  await step("signed out", states.until((state) => state === "signed out"));
  await step("sees nobody", shown.until((subject) => subject === "nobody"));
  setSignedIn(true);
  await step("signed in again", states.until((state) => state === "signed in"));
  await step("sees herself again", shown.until((subject) => subject === "ann"));
  root.unmount();
  await client.close();
  return { states: states.values, shown: shown.values };
});
