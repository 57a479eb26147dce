/** The left column: the repository, its sessions, and the button for a new one. */
import { byId, h, icon, reconcile } from "./elements.js";
import { formatAgo, formatError, formatFull, formatStart, linkTarget } from "./format.js";

const TINTS = 6;

export class SessionList {
  #list = byId("session-list");
  #state = byId("session-state");
  #title = byId("repo-title");
  #facts = byId("repo-facts");
  #button = byId("new-session");
  #error = byId("new-session-error");
  #actions;
  /** When each session was last active as far as this person has seen. */
  #seen = new Map();

  /** @param {{ onCreate(): void, onRetry(): void, onProjectRetry(): void }} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#button.replaceChildren(icon("plus"), "New session");
    this.#button.addEventListener("click", () => actions.onCreate());
    this.#list.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  /** @param {{ project, sessions, sessionId, creation, now: number, linkTo(id: string): string }} model */
  render(model) {
    this.#renderProject(model.project);
    this.#renderSessions(model);
    const isUnknown = model.project.status === "ready" && model.project.value === null;
    if (isUnknown) this.#showState("", () => []);
    else this.#renderState(model.sessions);
    const { isPending, error, isOnline } = model.creation;
    this.#button.disabled = isPending || isUnknown;
    const label = isPending ? (isOnline ? "Creating…" : "Waiting for connection…") : "New session";
    this.#button.lastChild.textContent = label;
    this.#error.hidden = error === null;
    this.#error.textContent = error === null ? "" : `No session was created. ${formatError(error)}`;
  }

  #renderProject({ status, value, error }) {
    if (status === "loading") return; // the page begins with a placeholder
    if (status === "failed") {
      this.#title.textContent = "Repository";
      const retry = h("button", { type: "button", class: "link-button" }, "Try again");
      retry.addEventListener("click", () => this.#actions.onProjectRetry());
      this.#facts.replaceChildren(h("span", { class: "field-error" }, formatError(error)), retry);
      return;
    }
    if (value === null) {
      this.#title.textContent = "Unknown repository";
      this.#facts.textContent = "No repository has the id in this address.";
      return;
    }
    const name = `${value.githubOwner}/${value.githubRepo}`;
    const target = linkTarget(value.githubUrl);
    const parts = [
      h("span", { class: "repo-owner" }, `${value.githubOwner}/`),
      h("span", { class: "repo-name" }, value.githubRepo),
    ];
    const external = { href: target, target: "_blank", rel: "noopener noreferrer" };
    this.#title.replaceChildren(...(target ? [h("a", external, ...parts)] : parts));
    this.#title.title = name;
    this.#facts.replaceChildren(
      h("span", { class: "chip" }, icon("branch"), value.defaultBranch),
      h("span", { class: "chip" }, value.pushStrategy === "pr" ? "Pull requests" : "Direct push"),
    );
  }

  #renderSessions({ sessions, sessionId, now, linkTo }) {
    const all = sessions.value ?? [];
    const opened = all.find(({ _id }) => _id === sessionId);
    for (const { _id, lastActiveAt } of all) {
      if (!this.#seen.has(_id) || _id === sessionId) this.#seen.set(_id, lastActiveAt);
    }
    const focusable = (opened ?? all[0])?._id;
    const entries = all.map((session) => {
      const isOpen = session === opened;
      const isUnseen = session.lastActiveAt > this.#seen.get(session._id);
      const started = formatStart(session.createdAt, now);
      const active = formatAgo(session.lastActiveAt, now);
      const tabindex = session._id === focusable ? "0" : "-1";
      const href = linkTo(session._id);
      return {
        key: session._id,
        signature: JSON.stringify([
          isOpen,
          isUnseen,
          started,
          active,
          tabindex,
          session.userId,
          href,
        ]),
        className: "session-item",
        build: () => [sessionLink({ session, isOpen, isUnseen, started, active, tabindex, href })],
      };
    });
    reconcile(this.#list, entries);
  }

  #renderState({ status, value, error }) {
    if (status === "loading") {
      const row = () => h("div", { class: "skeleton skeleton-row" });
      this.#showState("loading", () => [
        h("p", { class: "visually-hidden" }, "Loading"),
        row(),
        row(),
      ]);
    } else if (status === "failed") {
      this.#showState(`failed ${error.message}`, () => [
        h("p", { class: "notice notice-danger", role: "alert" }, formatError(error)),
        h(
          "button",
          { class: "button", type: "button", onclick: this.#actions.onRetry },
          "Try again",
        ),
      ]);
    } else if (value.length === 0) {
      this.#showState("empty", () => [
        h("p", { class: "hint" }, "No sessions yet. Start one to talk about this repository."),
      ]);
    } else {
      this.#showState("", () => []);
    }
  }

  #showState(name, build) {
    if (this.#state.dataset.name === name) return;
    this.#state.dataset.name = name;
    this.#state.replaceChildren(...build());
  }

  #moveFocus(event) {
    const links = [...this.#list.querySelectorAll("a")];
    const index = links.indexOf(document.activeElement);
    const target = {
      ArrowDown: links[index + 1],
      ArrowUp: links[index - 1],
      Home: links[0],
      End: links.at(-1),
    }[event.key];
    if (index === -1 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) event.preventDefault();
    if (!target) return;
    for (const link of links) link.tabIndex = link === target ? 0 : -1;
    target.focus();
  }
}

function sessionLink({ session, isOpen, isUnseen, started, active, tabindex, href }) {
  const { _id, userId, lastActiveAt } = session;
  return h(
    "a",
    {
      class: "session",
      href,
      tabindex,
      "aria-current": isOpen ? "page" : null,
      "data-focus": _id,
      "data-session": _id,
    },
    h(
      "span",
      { class: "avatar", "data-tint": tintOf(userId), "aria-hidden": "true" },
      initial(userId),
    ),
    h(
      "span",
      { class: "session-text" },
      h("span", { class: "session-name" }, userId),
      h("span", { class: "session-facts" }, `Started ${started}`),
    ),
    h(
      "span",
      { class: "session-side" },
      h(
        "time",
        {
          datetime: new Date(lastActiveAt).toISOString(),
          title: `Active ${formatFull(lastActiveAt)}`,
        },
        active,
      ),
      isUnseen &&
        h("span", { class: "unseen" }, h("span", { class: "visually-hidden" }, "New activity")),
    ),
  );
}

function initial(name) {
  return ([...name.trim()][0] ?? "?").toLocaleUpperCase();
}

function tintOf(name) {
  let sum = 0;
  for (const character of name) sum += character.codePointAt(0);
  return String(sum % TINTS);
}
