import type { Doc } from "./_generated/dataModel";
import { isPending } from "./useSend";

const AUTHORS = { user: "You", assistant: "Assistant" } as const;
const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** One message, with the files that it changed. */
export function MessageItem({ message }: { message: Doc<"messages"> }) {
  const { role, content, timestamp, changes } = message;
  return (
    <li className={`message ${role}`} aria-busy={isPending(message)}>
      <header>
        {AUTHORS[role]}
        <time dateTime={new Date(timestamp).toISOString()}>
          {isPending(message) ? "Sending…" : timeFormat.format(timestamp)}
        </time>
      </header>
      <p>{content}</p>
      {changes && (
        <p className="changes">
          {changes.committed ? "Committed" : "Changed"}: {changes.files.join(", ")}
        </p>
      )}
    </li>
  );
}
