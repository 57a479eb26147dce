import { useConvexConnectionState, useQuery } from "convex/react";
import { api } from "./_generated/api";
import { NewNote } from "./NewNote";
import { NoteItem } from "./NoteItem";

/** The board: a live query, and two mutations. Open the page twice to see it move. */
export function App() {
  const { isWebSocketConnected, hasEverConnected } = useConvexConnectionState();
  return (
    <>
      <h1>Notes</h1>
      <NewNote />
      <p role="status">
        {hasEverConnected && !isWebSocketConnected && "Connection lost. Trying again…"}
      </p>
      <Notes />
    </>
  );
}

function Notes() {
  const notes = useQuery(api.notes.list);
  if (notes === undefined) return <p aria-busy="true">Loading the notes…</p>;
  if (notes.length === 0) return <p>Nothing is to be done.</p>;
  return (
    <ul aria-label="Notes">
      {notes.map((note) => (
        <NoteItem key={note._id} note={note} />
      ))}
    </ul>
  );
}
