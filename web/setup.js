/** Which repository and session to open: by the address, or else the demo's, once it is there. */
import { byId, h, icon } from "./elements.js";

const RETRY_MS = 3_000;
const SEED_COMMAND = "realtime run seed:demo";

/** @returns {Promise<{ repoId: string, sessionId: string | null }>} */
export async function chooseIds() {
  const parameters = new URLSearchParams(location.search);
  const [repoId, sessionId] = [parameters.get("repo"), parameters.get("session")];
  if (repoId) return { repoId, sessionId };
  const setup = byId("setup");
  for (;;) {
    const { state, ids } = await fetchDemo();
    if (state === "found") {
      setup.hidden = true;
      return { repoId: ids.repoId, sessionId: sessionId ?? ids.sessionId };
    }
    const wish = new Promise((resolve) => showSetup(setup, state, resolve));
    await Promise.race([wish, timeForRetry()]);
  }
}

/** @returns {Promise<{ state: "found" | "missing" | "unreachable", ids?: any }>} */
async function fetchDemo() {
  try {
    const response = await fetch("demo.json", { cache: "no-store" });
    if (response.status === 404) return { state: "missing" };
    if (!response.ok) return { state: "unreachable" };
    return { state: "found", ids: await response.json() };
  } catch {
    return { state: "unreachable" };
  }
}

/** Wait for a while, and longer as long as nobody sees the page. */
async function timeForRetry() {
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  if (document.visibilityState === "visible") return;
  await new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

function showSetup(setup, state, onRetry) {
  setup.onclick = ({ target }) => target.closest("[data-retry]") && onRetry();
  if (setup.dataset.state === state) return;
  setup.dataset.state = state;
  setup.replaceChildren(...(state === "missing" ? missingDemo() : unreachable()));
  setup.hidden = false;
}

function missingDemo() {
  return [
    icon("message"),
    h("h1", {}, "No demo data yet"),
    h("p", {}, "The server runs, but it has no repository to show. Run this beside it:"),
    h("pre", { class: "command", tabindex: "0" }, h("code", {}, SEED_COMMAND)),
    h("p", { class: "hint" }, "The page goes on by itself as soon as the data is there."),
    retryButton("Check now"),
  ];
}

function unreachable() {
  return [
    icon("alert"),
    h("h1", {}, "The server cannot be reached"),
    h("p", {}, "The page tries again by itself every few seconds."),
    retryButton("Try now"),
  ];
}

function retryButton(label) {
  return h("button", { class: "button", type: "button", "data-retry": true }, label);
}
