/**
 * The right column: the files that a message changed, and whether they are committed.
 *
 * The parts of the panel are made once and filled; the form in particular must survive each push of
 * new results while somebody types in it.
 */
import { byId, h, icon, reconcile } from "./elements.js";
import { formatCount, formatError, formatFull, formatStart, linkTarget } from "./format.js";

const SHA = /^[0-9a-f]{7,64}$/i;
const EXCERPT_LENGTH = 160;

export class Preview {
  #body = byId("preview-body");
  #status = h("p", { class: "preview-status", role: "status" });
  #source = h("p", { class: "preview-source" });
  #fileCount = h("h3", { class: "section-title" });
  #files = h("ul", { class: "file-list" });
  #commit = h("dl", { class: "commit", tabindex: "-1" });
  #error = h("p", { class: "notice notice-danger", role: "alert", hidden: true });
  #sha = field({ id: "commit-sha", label: "Commit SHA", placeholder: "8f2c1d9", isMono: true });
  #pr = field({
    id: "pr-url",
    label: "Pull request",
    note: "optional",
    placeholder: "https://github.com/…/pull/12",
    inputmode: "url",
  });
  #submit = h("button", { class: "button button-primary button-wide", type: "submit" });
  #form = h(
    "form",
    { class: "commit-form", novalidate: true },
    this.#sha.element,
    this.#pr.element,
  );
  #content = h("div", { class: "preview-content" });
  #empty = h("div", { class: "empty" });
  #messageId = null;
  #wasCommitted = false;
  /** What was typed for a message, while another one is shown. */
  #drafts = new Map();

  /** @param {{ onCommit(messageId: string, commitSha: string, prUrl?: string): void }} actions */
  constructor({ onCommit }) {
    this.#submit.textContent = "Mark as committed";
    this.#form.append(this.#submit);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [commitSha, prUrl] = [this.#sha, this.#pr].map(({ input }) => input.value.trim());
      if (this.#isValid(commitSha, prUrl)) onCommit(this.#messageId, commitSha, prUrl || undefined);
    });
    const sections = [this.#status, this.#source, this.#fileCount, this.#files, this.#commit];
    this.#content.append(...sections, this.#error, this.#form);
    this.#empty.append(
      icon("file"),
      h("p", { class: "empty-title" }, "Nothing to preview"),
      h("p", {}, "When a message changes files, they are listed here."),
    );
    this.#body.append(this.#content, this.#empty);
  }

  /** @param {{ message: any, isLoading: boolean, project: any, isSaving: boolean, isOnline: boolean,
   *            error: Error | null, now: number }} model `message`: one with changes, or null */
  render({ message, isLoading, project, isSaving, isOnline, error, now }) {
    this.#content.hidden = message === null;
    this.#empty.hidden = message !== null || isLoading;
    if (message === null) return;
    const isOther = message._id !== this.#messageId;
    if (isOther) this.#openMessage(message._id);
    const { files, committed } = message.changes;
    this.#renderStatus(committed, isSaving, isOnline);
    this.#renderSource(message, now);
    this.#fileCount.textContent = formatCount(files.length, "file");
    reconcile(this.#files, files.map(fileEntry));
    this.#renderCommit(message.changes, project);
    this.#form.hidden = committed;
    this.#error.hidden = error === null;
    this.#error.textContent =
      error === null ? "" : `Not marked as committed. ${formatError(error)}`;
    if (committed && !this.#wasCommitted && !isOther && this.#hasLostFocus()) this.#commit.focus();
    this.#wasCommitted = committed;
  }

  #openMessage(messageId) {
    const inputs = [this.#sha.input, this.#pr.input];
    const typed = inputs.map(({ value }) => value);
    if (this.#messageId !== null) this.#drafts.set(this.#messageId, typed);
    this.#messageId = messageId;
    const draft = this.#drafts.get(messageId) ?? ["", ""];
    inputs.forEach((input, index) => (input.value = draft[index]));
    this.#sha.show(null);
    this.#pr.show(null);
    this.#body.scrollTop = 0;
  }

  #isValid(commitSha, prUrl) {
    const shaError = SHA.test(commitSha) ? null : "A commit SHA is 7 to 64 hexadecimal digits.";
    const isPrValid = prUrl === "" || linkTarget(prUrl) !== null;
    this.#sha.show(shaError);
    this.#pr.show(isPrValid ? null : "A link starts with https:// or http://.");
    const invalid = shaError ? this.#sha : isPrValid ? null : this.#pr;
    invalid?.input.focus();
    return invalid === null;
  }

  #renderStatus(committed, isSaving, isOnline) {
    const badge = committed ? "badge-success" : "badge-warning";
    const text = committed ? "Committed" : "Not committed";
    const note = isSaving ? (isOnline ? "Saving…" : "Saved when the connection is back") : "";
    if (this.#status.dataset.text === text + note) return;
    this.#status.dataset.text = text + note;
    this.#status.replaceChildren(
      h("span", { class: `badge ${badge}` }, committed && icon("check"), text),
      h("span", { class: "preview-note" }, note),
    );
  }

  #renderSource({ content, timestamp }, now) {
    const text = content.replace(/\s+/g, " ");
    const isLong = text.length > EXCERPT_LENGTH;
    const excerpt = isLong ? `${text.slice(0, EXCERPT_LENGTH).trimEnd()}…` : text;
    const time = h("time", { title: formatFull(timestamp) }, formatStart(timestamp, now));
    this.#source.replaceChildren(excerpt.replaceAll("`", ""), " ", time);
  }

  #renderCommit({ committed, commitSha, prUrl }, project) {
    this.#commit.hidden = !committed;
    if (!committed) return;
    const repository = linkTarget(project?.githubUrl)?.replace(/\/+$/, "");
    const rows = [];
    if (commitSha) {
      const sha = h("code", { title: commitSha }, commitSha.slice(0, 10));
      const target = repository ? `${repository}/commit/${encodeURIComponent(commitSha)}` : null;
      rows.push(h("div", {}, h("dt", {}, "Commit"), h("dd", {}, linked(target, sha))));
    }
    if (prUrl) {
      const label = prUrl.replace(/^https?:\/\/(www\.)?(github\.com\/)?/, "");
      rows.push(
        h("div", {}, h("dt", {}, "Pull request"), h("dd", {}, linked(linkTarget(prUrl), label))),
      );
    }
    this.#commit.replaceChildren(...rows);
  }

  /** The button that was pressed has gone with its form. */
  #hasLostFocus() {
    const { activeElement } = document;
    return activeElement === document.body || this.#form.contains(activeElement);
  }
}

function fileEntry(path) {
  const cut = path.lastIndexOf("/") + 1;
  return {
    key: path,
    signature: path,
    className: "file",
    build: () => [
      icon("file"),
      h(
        "span",
        { class: "file-path" },
        cut > 0 && h("span", { class: "file-folder" }, path.slice(0, cut)),
        h("span", { class: "file-name" }, path.slice(cut)),
      ),
    ],
  };
}

function linked(target, content) {
  if (target === null) return content;
  const attributes = { href: target, target: "_blank", rel: "noopener noreferrer" };
  return h("a", attributes, content, icon("external"));
}

function field({ id, label, note, placeholder, inputmode, isMono }) {
  const input = h("input", {
    id,
    class: isMono ? "input input-mono" : "input",
    type: "text",
    placeholder,
    inputmode,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": `${id}-error`,
  });
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const name = h("label", { for: id }, label, note && h("span", { class: "field-note" }, note));
  const show = (message) => {
    error.hidden = message === null;
    error.textContent = message ?? "";
    input.setAttribute("aria-invalid", String(message !== null));
  };
  input.addEventListener("input", () => show(null));
  return { input, show, element: h("div", { class: "field" }, name, input, error) };
}
