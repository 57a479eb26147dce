/** How the connection is: a word in the corner always, a banner once it has been away for a moment. */
import { byId, h } from "./elements.js";
import { formatCount } from "./format.js";

/** Shorter cuts are repaired before anybody could read about them. */
const PATIENCE_MS = 1_200;
const FIRST_PATIENCE_MS = 2_500;

export class ConnectionStatus {
  #banner = byId("banner");
  #message = byId("banner-message");
  #countdown = byId("banner-countdown");
  #retry = byId("banner-retry");
  #corner = byId("connection");
  #client;
  #awaySince = Date.now();
  #ticker = null;

  /** @param {any} client */
  constructor(client) {
    this.#client = client;
    this.#retry.addEventListener("click", () => this.#act());
    client.onConnectionState((state) => {
      if (state.phase === "ready") this.#awaySince = null;
      else this.#awaySince ??= Date.now();
      clearInterval(this.#ticker);
      if (state.phase !== "ready") this.#ticker = setInterval(() => this.#render(), 250);
      this.#render();
    });
  }

  #act() {
    if (this.#client.connectionState().phase === "closed") location.reload();
    else this.#client.retryNow();
  }

  #render() {
    const state = this.#client.connectionState();
    const patience = state.connectionCount > 0 ? PATIENCE_MS : FIRST_PATIENCE_MS;
    const isAway = this.#awaySince !== null && Date.now() - this.#awaySince > patience;
    const isEnded = state.phase === "closed";
    this.#renderCorner(
      state.phase === "ready" ? "live" : isAway || isEnded ? "away" : "connecting",
    );
    this.#banner.hidden = !isAway && !isEnded;
    if (this.#banner.hidden) return;
    setText(this.#message, isEnded ? endedText(state) : awayText(state));
    setText(this.#countdown, isEnded ? "" : countdownText(state));
    setText(this.#retry, isEnded ? "Reload" : "Try now");
    this.#retry.disabled = state.phase === "connecting";
  }

  #renderCorner(kind) {
    if (this.#corner.dataset.kind === kind) return;
    this.#corner.dataset.kind = kind;
    const label = { live: "Live", connecting: "Connecting", away: "Offline" }[kind];
    this.#corner.replaceChildren(h("span", { class: "dot", "aria-hidden": "true" }), label);
  }
}

/** Change a text only if it is another one: a status region is read out at each change. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function awayText({ connectionCount, pendingMutations }) {
  if (connectionCount === 0) return "The server cannot be reached.";
  if (pendingMutations === 0) return "Connection lost. What you see may be out of date.";
  const waiting = formatCount(pendingMutations, "change waits", "changes wait");
  return `Connection lost. ${waiting} to be sent.`;
}

function endedText({ error }) {
  return `The server ended this connection. ${error?.message ?? ""}`.trim();
}

function countdownText({ phase, nextRetryAt }) {
  if (phase === "connecting") return "Connecting…";
  const seconds = Math.max(0, Math.ceil((nextRetryAt - Date.now()) / 1000));
  return seconds === 0 ? "Connecting…" : `Next try in ${seconds} s`;
}
