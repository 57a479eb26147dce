import { insertAtTop, useMutation } from "convex/react";
import { useCallback, useState } from "react";
import { api } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { errorText } from "./errorText";

/** A message that the server has refused. */
export interface FailedMessage {
  key: string;
  content: string;
  reason: string;
}

/** Messages that are on their way have ids of this form until the server has given them theirs. */
const PENDING = "pending:";

export function isPending(message: Doc<"messages">): boolean {
  return message._id.startsWith(PENDING);
}

/** Sends messages that are shown at once; keeps those that were refused, to be sent again. */
export function useSend(sessionId: Id<"sessions">) {
  const [failed, setFailed] = useState<FailedMessage[]>([]);
  const mutate = useMutation(api.messages.send).withOptimisticUpdate((store, args) => {
    const now = Date.now();
    insertAtTop({
      paginatedQuery: api.messages.history,
      argsToMatch: { sessionId: args.sessionId },
      localQueryStore: store,
      item: {
        ...args,
        _id: `${PENDING}${newKey()}` as Id<"messages">,
        _creationTime: now,
        timestamp: now,
      },
    });
  });

  const send = useCallback(
    async (content: string) => {
      try {
        await mutate({ sessionId, role: "user", content });
      } catch (error) {
        const message = { key: newKey(), content, reason: errorText(error) };
        setFailed((others) => [...others, message]);
      }
    },
    [mutate, sessionId],
  );
  const discard = useCallback((message: FailedMessage) => {
    setFailed((others) => others.filter((other) => other !== message));
  }, []);
  const retry = useCallback(
    (message: FailedMessage) => {
      discard(message);
      void send(message.content);
    },
    [discard, send],
  );
  return { send, failed, retry, discard };
}

/** Browsers have `crypto.randomUUID` only under https and on localhost. */
function newKey(): string {
  return Math.random().toString(36).slice(2);
}
