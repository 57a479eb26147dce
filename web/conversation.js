/**
 * The middle column: the messages of a session as they come.
 *
 * Whoever reads at the bottom stays there; whoever has scrolled up is left alone and told how many
 * messages have come since. A message of our own brings the bottom into view.
 */
import { byId, h, icon, reconcile, rename } from "./elements.js";
import * as format from "./format.js";

/** So close to the bottom counts as there. */
const BOTTOM_MARGIN_PIXELS = 48;
/** Messages of one author this close together share one heading. */
const SAME_HEADING_MS = 5 * 60_000;

export class Conversation {
  #scroller = byId("scroller");
  #state = byId("message-state");
  #log = byId("message-log");
  #list = byId("message-list");
  #pill = byId("new-messages");
  #actions;
  #isAtBottom = true;
  #unread = 0;
  #sessionId = null;
  /** Of the messages on screen. @type {Set<string>} */ #keys = new Set();
  #pending = [];

  /** @param {{ onChoose(id: string): void, onRetry(): void, onResend(failure): void,
   *            onEdit(failure): void, onDiscard(failure): void }} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#scroller.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
    this.#pill.addEventListener("click", () => this.scrollToBottom("smooth"));
    // The field grows, the window turns, a font arrives: stay where the reader was.
    const observer = new ResizeObserver(() => this.#isAtBottom && this.scrollToBottom());
    for (const element of [this.#scroller, this.#log]) observer.observe(element);
  }

  /**
   * @param {{ sessionId: string | null, messages, failures: any[], isMissing: boolean,
   *   isOnline: boolean, authorName: string, chosenId: string | null, now: number }} model
   * @returns {number} how many messages have come that are not our own
   */
  render(model) {
    if (model.sessionId !== this.#sessionId) this.#startSession(model.sessionId);
    this.#renderState(model);
    const isShown = !model.isMissing && model.messages?.status !== "failed";
    const messages = (isShown && model.messages?.value) || [];
    this.#adopt(messages);
    const added = messages.filter(({ _id }) => !this.#keys.has(_id));
    const hasOwn = added.some(({ pending }) => pending);
    reconcile(this.#list, [
      ...this.#messageEntries(messages, model),
      ...this.#failureEntries(model),
    ]);
    const wasEmpty = this.#keys.size === 0;
    this.#keys = new Set(messages.map(({ _id }) => _id));
    this.#pending = messages.filter(({ pending }) => pending);
    if (model.messages?.status === "ready") this.#log.setAttribute("aria-busy", "false");
    const foreign = wasEmpty ? 0 : added.filter(({ pending }) => !pending).length;
    if (wasEmpty || hasOwn || this.#isAtBottom) this.scrollToBottom();
    else this.#noteUnread(foreign);
    return foreign;
  }

  /** @param {ScrollBehavior} [behavior] */
  scrollToBottom(behavior = "instant") {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scroller.scrollTo({
      top: this.#scroller.scrollHeight,
      behavior: isCalm ? "instant" : behavior,
    });
    this.#isAtBottom = true;
    this.#noteUnread(0, true);
  }

  #startSession(sessionId) {
    this.#sessionId = sessionId;
    this.#keys = new Set();
    this.#pending = [];
    this.#isAtBottom = true;
    this.#list.replaceChildren();
    this.#log.setAttribute("aria-busy", "true");
    this.#noteUnread(0, true);
  }

  /** The stored form of a message takes over the element of the one shown ahead of it. */
  #adopt(messages) {
    const present = new Set(messages.map(({ _id }) => _id));
    const fresh = messages.filter(({ _id, pending }) => !pending && !this.#keys.has(_id));
    for (const { _id, content } of this.#pending) {
      if (present.has(_id)) continue;
      const index = fresh.findIndex((message) => message.content === content);
      if (index === -1) continue;
      const [stored] = fresh.splice(index, 1);
      rename(this.#list, _id, stored._id);
      this.#keys.add(stored._id);
    }
  }

  #messageEntries(messages, { isOnline, authorName, chosenId, now }) {
    return messages.map((message, index) => {
      const previous = messages[index - 1];
      const isNewDay =
        !previous || format.startOfDay(previous.timestamp) !== format.startOfDay(message.timestamp);
      const dayText = isNewDay ? format.formatDay(message.timestamp, now) : null;
      const isContinued = !isNewDay && sharesHeading(previous, message);
      const isChosen = message._id === chosenId;
      const author = message.role === "user" ? authorName : "Assistant";
      const note = message.pending ? (isOnline ? "Sending…" : "Waiting for connection") : null;
      const drawn = { message, author, note, dayText, isChosen };
      const flags = {
        "is-continued": isContinued,
        "is-chosen": isChosen,
        "is-sending": note && isOnline,
        "is-waiting": note && !isOnline,
      };
      const classes = Object.keys(flags).filter((name) => flags[name]);
      return {
        key: message._id,
        signature: JSON.stringify(drawn),
        className: ["message", `message-${message.role}`, ...classes].join(" "),
        build: () => messageParts(drawn, this.#actions),
      };
    });
  }

  #failureEntries({ failures, authorName, isMissing }) {
    if (isMissing) return [];
    return failures.map((failure) => ({
      key: failure.id,
      signature: failure.id,
      className: "message message-user is-failed",
      build: () => failureParts(failure, authorName, this.#actions),
    }));
  }

  #renderState({ sessionId, messages, failures, isMissing }) {
    const [name, build] = isMissing
      ? ["missing", missingState]
      : sessionId === null
        ? ["none", noSessionState]
        : messages.status === "loading"
          ? ["loading", loadingState]
          : messages.status === "failed"
            ? [`failed ${messages.error.message}`, () => failedState(messages.error, this.#actions)]
            : messages.value.length + failures.length === 0
              ? ["empty", emptyState]
              : ["", () => []];
    if (this.#state.dataset.name === name) return;
    this.#state.dataset.name = name;
    this.#state.replaceChildren(...build());
  }

  #noteScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#isAtBottom = scrollHeight - scrollTop - clientHeight < BOTTOM_MARGIN_PIXELS;
    if (this.#isAtBottom) this.#noteUnread(0, true);
  }

  #noteUnread(count, isReset = false) {
    this.#unread = isReset ? 0 : this.#unread + count;
    this.#pill.hidden = this.#unread === 0;
    if (this.#unread === 0) return;
    this.#pill.replaceChildren(icon("arrowDown"), format.formatCount(this.#unread, "new message"));
  }
}

function sharesHeading(previous, message) {
  return (
    previous.role === message.role &&
    previous.changes === undefined &&
    message.timestamp - previous.timestamp < SAME_HEADING_MS
  );
}

function messageParts({ message, author, note, dayText, isChosen }, { onChoose }) {
  const { timestamp, content, changes, _id } = message;
  const stamp = h(
    "time",
    { datetime: new Date(timestamp).toISOString(), title: format.formatFull(timestamp) },
    format.formatTime(timestamp),
  );
  return [
    dayText && h("h3", { class: "day" }, h("span", {}, dayText)),
    h(
      "article",
      { class: "message-card" },
      h(
        "header",
        { class: "message-head" },
        h("span", { class: "message-author" }, author),
        stamp,
        note && h("span", { class: "message-note" }, note),
      ),
      h("div", { class: "message-body" }, ...proseParts(content)),
      changes && changesButton(changes, isChosen, () => onChoose(_id)),
    ),
  ].filter(Boolean);
}

function changesButton({ files, committed }, isChosen, onclick) {
  return h(
    "button",
    {
      class: "changes-button",
      type: "button",
      onclick,
      "aria-pressed": String(isChosen),
      "aria-controls": "preview",
      "data-focus": "changes",
    },
    icon("file"),
    h("span", {}, `${format.formatCount(files.length, "file")} changed`),
    h(
      "span",
      { class: `badge ${committed ? "badge-success" : "badge-warning"}` },
      committed ? "Committed" : "Not committed",
    ),
  );
}

function failureParts(failure, author, { onResend, onEdit, onDiscard }) {
  const action = (label, run, name) =>
    h("button", { class: "link-button", type: "button", onclick: () => run(failure) }, label, name);
  return [
    h(
      "article",
      { class: "message-card" },
      h("header", { class: "message-head" }, h("span", { class: "message-author" }, author)),
      h("div", { class: "message-body" }, ...proseParts(failure.content)),
      h(
        "div",
        { class: "failure", role: "alert" },
        h("p", {}, icon("alert"), `Not sent. ${format.formatError(failure.error)}`),
        h(
          "p",
          { class: "failure-actions" },
          action("Try again", onResend),
          action("Edit", onEdit),
          action("Discard", onDiscard),
        ),
      ),
    ),
  ];
}

function proseParts(content) {
  return format.messageParts(content).map(({ kind, text }) => {
    if (kind === "block") return h("pre", { tabindex: "0" }, h("code", {}, text));
    return kind === "code" ? h("code", {}, text) : document.createTextNode(text);
  });
}

function loadingState() {
  const line = (kind) => h("div", { class: `skeleton skeleton-message ${kind}` });
  return [
    h("p", { class: "visually-hidden" }, "Loading the messages"),
    line("skeleton-own"),
    line(""),
    line("skeleton-own"),
  ];
}

function emptyState() {
  return [
    h(
      "div",
      { class: "empty" },
      icon("message"),
      h("p", { class: "empty-title" }, "No messages yet"),
      h("p", {}, "Write the first one below. Everybody with this session open sees it at once."),
    ),
  ];
}

function noSessionState() {
  return [
    h(
      "div",
      { class: "empty" },
      icon("message"),
      h("p", { class: "empty-title" }, "No session open"),
      h("p", {}, "Choose one from the list, or start a new session."),
    ),
  ];
}

function missingState() {
  return [
    h(
      "div",
      { class: "empty" },
      icon("alert"),
      h("p", { class: "empty-title" }, "Session not found"),
      h("p", {}, "This repository has no session with the id in the address."),
    ),
  ];
}

function failedState(error, { onRetry }) {
  return [
    h(
      "div",
      { class: "empty" },
      icon("alert"),
      h("p", { class: "empty-title" }, "The messages could not be loaded"),
      h("p", { class: "notice notice-danger", role: "alert" }, format.formatError(error)),
      h("button", { class: "button", type: "button", onclick: onRetry }, "Try again"),
    ),
  ];
}
