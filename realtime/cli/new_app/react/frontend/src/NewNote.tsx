import { useMutation } from "convex/react";
import { ConvexError } from "convex/values";
import { type FormEvent, useState } from "react";
import { api } from "./_generated/api";
import type { Id } from "./_generated/dataModel";

/** The field for another note, which is on the board before the server has answered. */
export function NewNote() {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const add = useMutation(api.notes.add).withOptimisticUpdate((store, { text }) => {
    const notes = store.getQuery(api.notes.list);
    const _id = `pending:${Math.random()}` as Id<"notes">;
    const note = { _id, _creationTime: Date.now(), text: text.trim(), done: false };
    if (notes !== undefined) store.setQuery(api.notes.list, {}, [note, ...notes]);
  });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setText("");
    setError("");
    try {
      await add({ text });
    } catch (failure) {
      setText((written) => written || text);
      setError(failure instanceof ConvexError ? String(failure.data) : "The server refused it");
    }
  };
  return (
    <>
      <form onSubmit={submit}>
        <input
          aria-label="New note"
          placeholder="What is to be done?"
          required
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button>Add</button>
      </form>
      <p role="alert">{error}</p>
    </>
  );
}
