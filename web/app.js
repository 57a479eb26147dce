/**
 * The page: what is open, what each column shows of it, and what people can do.
 *
 * All that is shown comes from three live queries and from what this person has chosen. Each change
 * of either draws the columns anew; they touch only what differs.
 */
import { RealtimeClient } from "./realtime.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, icon } from "./elements.js";
import { formatStart } from "./format.js";
import { LiveQuery } from "./live-query.js";
import { Preview } from "./preview.js";
import { SessionList } from "./sessions.js";
import { chooseIds } from "./setup.js";
import { ConnectionStatus } from "./status.js";

const DEFAULT_USER_NAME = "demo-user";
const USER_NAME_KEY = "realtime.userId";
const REDRAW_TIMES_MS = 30_000;

/** Room for three columns; below, the panel lies over the conversation. */
const isWide = matchMedia("(min-width: 1180px)");
/** Room for one column. */
const isNarrow = matchMedia("(max-width: 759px)");

class App {
  #client = new RealtimeClient(new URL(".", document.baseURI).href);
  #redraw = () => this.#queueRender();
  #repoId;
  #project;
  #sessions;
  #messages = null;
  #sessionId = null;
  #userName = readUserName();
  #creation = { isPending: false, error: null };
  /** Sends that were refused, with their text. */
  #failures = [];
  /** By message: whether marking it is under way, and why it failed. */
  #commits = new Map();
  #chosenId = null;
  #isPanelOpen = isWide.matches;
  #panelOpener = null;
  #nextLocalId = 0;
  #isRenderQueued = false;
  #unseenCount = 0;

  #sessionList = new SessionList({
    onCreate: () => this.#createSession(),
    onRetry: () => this.#retry(this.#sessions),
    onProjectRetry: () => this.#retry(this.#project),
  });
  #conversation = new Conversation({
    onChoose: (messageId) => this.#choose(messageId),
    onRetry: () => this.#retry(this.#messages),
    onResend: (failure) => this.#discard(failure) && this.#send(failure.content),
    onEdit: (failure) => this.#discard(failure) && this.#composer.restore(failure.content),
    onDiscard: (failure) => this.#discard(failure),
  });
  #composer = new Composer((content) => this.#send(content));
  #preview = new Preview({ onCommit: (...commit) => this.#markCommitted(...commit) });

  constructor(repoId) {
    this.#repoId = repoId;
    this.#project = new LiveQuery(this.#client, "projects:get", { repoId }, this.#redraw);
    this.#sessions = new LiveQuery(this.#client, "sessions:listByRepo", { repoId }, this.#redraw);
    this.#client.onConnectionState(this.#redraw);
    new ConnectionStatus(this.#client);
    this.#listen();
    this.#queueRender();
    byId("app").hidden = false;
  }

  #listen() {
    byId("back").append(icon("arrowLeft"));
    byId("close-preview").append(icon("close"));
    byId("toggle-preview").prepend(icon("panel"));
    byId("toggle-preview").addEventListener("click", () => this.#setPanel(!this.#isPanelOpen));
    byId("close-preview").addEventListener("click", () => this.#setPanel(false));
    byId("backdrop").addEventListener("click", () => this.#setPanel(false));
    const userName = byId("user-name");
    userName.value = this.#userName;
    userName.addEventListener("change", () => this.#rename(userName));
    document.addEventListener("click", (event) => this.#followLink(event));
    document.addEventListener("keydown", (event) => this.#pressKey(event));
    document.addEventListener("visibilitychange", this.#redraw);
    window.addEventListener("popstate", this.#redraw);
    window.addEventListener("beforeunload", (event) => this.#warnOfLoss(event));
    isWide.addEventListener("change", () => this.#setPanel(isWide.matches));
    isNarrow.addEventListener("change", this.#redraw);
    setInterval(this.#redraw, REDRAW_TIMES_MS);
  }

  /** Draw once, however many things change in this turn. */
  #queueRender() {
    if (this.#isRenderQueued) return;
    this.#isRenderQueued = true;
    queueMicrotask(() => {
      this.#isRenderQueued = false;
      this.#render();
    });
  }

  #render() {
    const chosenByAddress = new URLSearchParams(location.search).get("session");
    const newest = this.#sessions.value?.[0]?._id ?? null;
    this.#openSession(chosenByAddress ?? (isNarrow.matches ? this.#sessionId : newest));
    document.body.dataset.view = chosenByAddress ? "conversation" : "sessions";
    const now = Date.now();
    const isOnline = this.#client.connectionState().phase === "ready";
    const sessionId = this.#sessionId;
    const session = this.#sessions.value?.find(({ _id }) => _id === sessionId);
    const isMissing = this.#sessions.status === "ready" && sessionId !== null && !session;

    this.#sessionList.render({
      project: this.#project,
      sessions: this.#sessions,
      sessionId,
      creation: { ...this.#creation, isOnline },
      now,
      linkTo: (id) => this.#linkTo(id),
    });
    this.#renderHeading(session, now);
    this.#renderPreview(isOnline, now);
    const isReady = this.#messages?.value !== undefined;
    this.#composer.render({ sessionId: isMissing ? null : sessionId, isReady });
    const added = this.#conversation.render({
      sessionId,
      messages: this.#messages,
      failures: this.#failures.filter((failure) => failure.sessionId === sessionId),
      isMissing,
      isOnline,
      authorName: !session || session.userId === this.#userName ? "You" : session.userId,
      chosenId: this.#isPanelOpen ? (this.#shownMessage()?._id ?? null) : null,
      now,
    });
    this.#renderTitle(added);
  }

  #renderHeading(session, now) {
    const isOwn = session?.userId === this.#userName;
    byId("conversation-title").textContent = session
      ? `${isOwn ? "Your" : `${session.userId}’s`} session`
      : "Session";
    byId("conversation-facts").textContent = session
      ? `Started ${formatStart(session.createdAt, now)}`
      : "";
    byId("back").href = `?${new URLSearchParams({ repo: this.#repoId })}`;
  }

  #renderPreview(isOnline, now) {
    const isOpen = this.#isPanelOpen;
    const message = this.#shownMessage();
    const commit = this.#commits.get(message?._id) ?? { isSaving: false, error: null };
    const isLoading = this.#messages?.status === "loading";
    const project = this.#project.value;
    this.#preview.render({ message, isLoading, project, isOnline, now, ...commit });
    byId("preview").hidden = !isOpen;
    document.body.dataset.panel = isOpen ? "open" : "closed";
    byId("toggle-preview").setAttribute("aria-expanded", String(isOpen));
    for (const id of ["sidebar", "conversation"]) byId(id).inert = isOpen && !isWide.matches;
  }

  /** Count in the title what has come while nobody was looking. */
  #renderTitle(added) {
    this.#unseenCount = document.visibilityState === "visible" ? 0 : this.#unseenCount + added;
    const { githubOwner, githubRepo } = this.#project.value ?? {};
    const name = githubRepo ? `${githubOwner}/${githubRepo}` : "Sessions";
    document.title = `${this.#unseenCount > 0 ? `(${this.#unseenCount}) ` : ""}${name} · realtime`;
  }

  /** The message in the panel: the chosen one, else the newest with changes. */
  #shownMessage() {
    const changed = this.#messages?.value?.filter(({ changes }) => changes) ?? [];
    return changed.find(({ _id }) => _id === this.#chosenId) ?? changed.at(-1) ?? null;
  }

  #openSession(sessionId) {
    if (sessionId === this.#sessionId) return;
    this.#messages?.end();
    this.#sessionId = sessionId;
    this.#chosenId = null;
    this.#messages =
      sessionId && new LiveQuery(this.#client, "messages:list", { sessionId }, this.#redraw);
  }

  #retry(query) {
    query.retry();
    this.#queueRender();
  }

  #linkTo(sessionId) {
    return `?${new URLSearchParams({ repo: this.#repoId, session: sessionId })}`;
  }

  #go(link) {
    if (link !== location.search) history.pushState(null, "", link);
    this.#queueRender();
  }

  /** Links within the page change what it shows; with a modifier they open a tab as any link does. */
  #followLink(event) {
    const link = event.target.closest?.('a[href^="?"]');
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !isPlain) return;
    event.preventDefault();
    this.#go(link.getAttribute("href"));
    this.#render();
    this.#keepFocus();
  }

  /** Where one column replaces another, the link that was followed has gone: focus the new one. */
  #keepFocus() {
    if (!isNarrow.matches) return;
    const isList = document.body.dataset.view === "sessions";
    if (isList) byId("session-list").querySelector('[tabindex="0"]')?.focus();
    else byId("conversation-title").focus();
  }

  #pressKey(event) {
    if (event.key === "Escape" && this.#isPanelOpen && !event.isComposing) this.#setPanel(false);
    const isTyping = event.target.closest?.("input, textarea, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#composer.focus();
  }

  #choose(messageId) {
    const isShown = this.#isPanelOpen && this.#shownMessage()?._id === messageId;
    this.#chosenId = messageId;
    this.#setPanel(!isShown);
  }

  /** Open or close the panel; the focus goes along where it would be lost. */
  #setPanel(isOpen) {
    const wasOpen = this.#isPanelOpen;
    this.#isPanelOpen = isOpen;
    if (isOpen && !wasOpen) this.#panelOpener = document.activeElement;
    const isFocusInside = byId("preview").contains(document.activeElement);
    this.#render();
    if (isOpen && !wasOpen && !isWide.matches) byId("close-preview").focus();
    if (isOpen || !isFocusInside) return;
    const opener = this.#panelOpener?.isConnected ? this.#panelOpener : byId("toggle-preview");
    opener.focus();
  }

  async #send(content) {
    const sessionId = this.#sessionId;
    const now = Date.now();
    const shown = { sessionId, role: "user", content, timestamp: now, pending: true };
    const message = { _id: `pending-${this.#nextLocalId++}`, _creationTime: now, ...shown };
    const optimisticUpdate = (store) => {
      const messages = store.getQuery("messages:list", { sessionId });
      if (messages) store.setQuery("messages:list", { sessionId }, [...messages, message]);
    };
    try {
      const args = { sessionId, role: "user", content };
      await this.#client.mutation("messages:send", args, { optimisticUpdate });
    } catch (error) {
      this.#failures.push({ id: `failed-${this.#nextLocalId++}`, sessionId, content, error });
      this.#queueRender();
    }
  }

  #discard(failure) {
    this.#failures = this.#failures.filter((other) => other !== failure);
    this.#queueRender();
    return true;
  }

  async #createSession() {
    this.#creation = { isPending: true, error: null };
    this.#queueRender();
    try {
      const args = { repoId: this.#repoId, userId: this.#userName };
      const sessionId = await this.#client.mutation("sessions:create", args);
      this.#creation = { isPending: false, error: null };
      this.#go(this.#linkTo(sessionId));
      queueMicrotask(() => this.#composer.focus());
    } catch (error) {
      this.#creation = { isPending: false, error };
      this.#queueRender();
    }
  }

  async #markCommitted(messageId, commitSha, prUrl) {
    const sessionId = this.#sessionId;
    const result = { committed: true, commitSha, ...(prUrl && { prUrl }) };
    const mark = (message) =>
      message._id === messageId && message.changes
        ? { ...message, changes: { ...message.changes, ...result } }
        : message;
    const optimisticUpdate = (store) => {
      const messages = store.getQuery("messages:list", { sessionId });
      if (messages) store.setQuery("messages:list", { sessionId }, messages.map(mark));
    };
    this.#commits.set(messageId, { isSaving: true, error: null });
    try {
      const args = { messageId, commitSha, prUrl };
      await this.#client.mutation("messages:markChangesCommitted", args, { optimisticUpdate });
      this.#commits.delete(messageId);
    } catch (error) {
      this.#commits.set(messageId, { isSaving: false, error });
    }
    this.#queueRender();
  }

  #rename(input) {
    this.#userName = input.value.trim() || DEFAULT_USER_NAME;
    input.value = this.#userName;
    keepUserName(this.#userName);
    this.#queueRender();
  }

  #warnOfLoss(event) {
    const { pendingMutations } = this.#client.connectionState();
    if (pendingMutations > 0 || this.#failures.length > 0) event.preventDefault();
  }
}

/** Storage may be forbidden: then the name lives as long as the page. */
function readUserName() {
  try {
    return localStorage.getItem(USER_NAME_KEY) || DEFAULT_USER_NAME;
  } catch {
    return DEFAULT_USER_NAME;
  }
}

function keepUserName(name) {
  try {
    localStorage.setItem(USER_NAME_KEY, name);
  } catch {
    // as above
  }
}

const { repoId, sessionId } = await chooseIds();
const address = new URLSearchParams({ repo: repoId, ...(sessionId && { session: sessionId }) });
history.replaceState(null, "", `?${address}`);
new App(repoId);
