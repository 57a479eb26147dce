import { type KeyboardEvent, useState } from "react";

/** The field for the next message. It is emptied at once: what is sent is shown above. */
export function Composer({ onSend }: { onSend: (content: string) => void }) {
  const [draft, setDraft] = useState("");
  const content = draft.trim();
  const send = () => {
    if (content === "") return;
    setDraft("");
    onSend(content);
  };
  const sendOnEnter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        rows={2}
        value={draft}
        aria-label="Message"
        placeholder="Write a message"
        enterKeyHint="send"
        autoFocus
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={sendOnEnter}
      />
      <button type="submit" className="button" disabled={content === ""}>
        Send
      </button>
      <p className="hint">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> begins a new line
      </p>
    </form>
  );
}
