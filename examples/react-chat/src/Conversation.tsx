import { usePaginatedQuery, useQuery } from "convex/react";
import { api } from "./_generated/api";
import type { Id } from "./_generated/dataModel";
import { Composer } from "./Composer";
import { FailedMessages } from "./FailedMessages";
import { MessageItem } from "./MessageItem";
import { Notice } from "./Notice";
import { useSend } from "./useSend";

const PAGE = 20;

/** One conversation: its newest messages, earlier ones on demand, and the field for the next. */
export function Conversation({ sessionId }: { sessionId: Id<"sessions"> }) {
  const session = useQuery(api.sessions.get, { sessionId });
  const sending = useSend(sessionId);
  if (session === null) {
    return <Notice title="No such session">Choose one from the list, or begin a new one.</Notice>;
  }
  return (
    <>
      <div className="scroller" tabIndex={0} role="region" aria-label="Messages">
        <div className="messages">
          <History sessionId={sessionId} />
          <FailedMessages {...sending} />
        </div>
      </div>
      <Composer onSend={sending.send} />
    </>
  );
}

function History({ sessionId }: { sessionId: Id<"sessions"> }) {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.history,
    { sessionId },
    { initialNumItems: PAGE },
  );
  if (status === "LoadingFirstPage") return <Notice busy>Loading the messages…</Notice>;
  if (results.length === 0) return <Notice>No messages yet. Write the first one.</Notice>;
  return (
    <>
      {status !== "Exhausted" && (
        <button
          type="button"
          className="button earlier"
          disabled={status === "LoadingMore"}
          onClick={() => loadMore(PAGE)}
        >
          {status === "LoadingMore" ? "Loading…" : "Earlier messages"}
        </button>
      )}
      <ol role="log" aria-label="Messages">
        {results.toReversed().map((message) => (
          <MessageItem key={message._id} message={message} />
        ))}
      </ol>
    </>
  );
}
