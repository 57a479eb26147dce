import { useMutation } from "convex/react";
import { api } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";

/** A note, and whether it is done; one that is not stored yet can only be read. */
export function NoteItem({ note }: { note: Doc<"notes"> }) {
  const setDone = useMutation(api.notes.setDone).withOptimisticUpdate((store, { noteId, done }) => {
    const notes = store.getQuery(api.notes.list) ?? [];
    const changed = notes.map((other) => (other._id === noteId ? { ...other, done } : other));
    store.setQuery(api.notes.list, {}, changed);
  });
  return (
    <li>
      <label>
        <input
          type="checkbox"
          checked={note.done}
          disabled={note._id.startsWith("pending:")}
          onChange={(event) => void setDone({ noteId: note._id, done: event.target.checked })}
        />
        {note.text}
      </label>
    </li>
  );
}
