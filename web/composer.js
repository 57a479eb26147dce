/** The message field. A draft belongs to its session and survives a reload of the tab. */
import { byId, icon } from "./elements.js";

export class Composer {
  #form = byId("composer");
  #input = byId("composer-input");
  #button = byId("send");
  #sessionId = null;
  #isReady = false;

  /** @param {(content: string) => void} onSend */
  constructor(onSend) {
    this.#button.replaceChildren(icon("arrowUp"));
    this.#input.addEventListener("input", () => this.#noteInput());
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const content = this.#input.value.trim();
      if (content === "" || !this.#isReady) return;
      this.#write("");
      onSend(content);
    });
  }

  /** @param {{ sessionId: string | null, isReady: boolean }} model ready: messages are on screen */
  render({ sessionId, isReady }) {
    this.#isReady = isReady;
    this.#form.hidden = sessionId === null;
    if (sessionId !== this.#sessionId) {
      this.#sessionId = sessionId;
      this.#input.value = readDraft(sessionId);
      this.#fitHeight();
    }
    this.#showButton();
  }

  focus() {
    this.#input.focus();
  }

  /** Put a text that was not sent back into the field, before what is there. */
  restore(content) {
    const present = this.#input.value.trim();
    this.#write(present === "" ? content : `${content}\n${present}`);
    this.focus();
  }

  #write(text) {
    this.#input.value = text;
    this.#noteInput();
  }

  #noteInput() {
    keepDraft(this.#sessionId, this.#input.value);
    this.#fitHeight();
    this.#showButton();
  }

  #showButton() {
    this.#button.disabled = !this.#isReady || this.#input.value.trim() === "";
  }

  #fitHeight() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}

function draftKey(sessionId) {
  return `realtime.draft.${sessionId}`;
}

/** Storage may be forbidden: then a draft lives as long as the field. */
function readDraft(sessionId) {
  try {
    return sessionStorage.getItem(draftKey(sessionId)) ?? "";
  } catch {
    return "";
  }
}

function keepDraft(sessionId, text) {
  try {
    if (text === "") sessionStorage.removeItem(draftKey(sessionId));
    else sessionStorage.setItem(draftKey(sessionId), text);
  } catch {
    // as above
  }
}
