// Made by `realtime codegen` from the app's functions and schema: do not edit.

import type { FunctionReference, PaginationOptions, PaginationResult } from "convex/server";
import type { Doc, Id } from "./dataModel.js";

/** The functions that clients may call. */
export declare const api: {
  messages: {
    /** The messages of a conversation, newest first, a page at a time. */
    history: FunctionReference<"query", "public", { paginationOpts: PaginationOptions; sessionId: Id<"sessions"> }, PaginationResult<Doc<"messages">>>;
    /** The messages of a conversation, oldest first. */
    list: FunctionReference<"query", "public", { sessionId: Id<"sessions"> }, Array<Doc<"messages">>>;
    /** Record that the changes of a message were committed, and the pull request if there is one. */
    markChangesCommitted: FunctionReference<"mutation", "public", { commitSha: string; messageId: Id<"messages">; prUrl?: string }, null>;
    /** Append a message, mark its conversation as active now, and return the message's id. */
    send: FunctionReference<"mutation", "public", { content: string; role: "user" | "assistant"; sessionId: Id<"sessions"> }, Id<"messages">>;
  };
  projects: {
    /** A repository, or null. */
    get: FunctionReference<"query", "public", { repoId: Id<"repos"> }, Doc<"repos"> | null>;
    /** The repositories of a team, in the order in which they were connected. */
    listByTeam: FunctionReference<"query", "public", { teamId: Id<"teams"> }, Array<Doc<"repos">>>;
  };
  sessions: {
    /** Start a conversation about a repository and return its id. */
    create: FunctionReference<"mutation", "public", { repoId: Id<"repos">; userId: string }, Id<"sessions">>;
    /** A conversation, or null. */
    get: FunctionReference<"query", "public", { sessionId: Id<"sessions"> }, Doc<"sessions"> | null>;
    /** The conversations about a repository, newest first. */
    listByRepo: FunctionReference<"query", "public", { repoId: Id<"repos"> }, Array<Doc<"sessions">>>;
    /** Mark a conversation as active now. */
    updateLastActive: FunctionReference<"mutation", "public", { sessionId: Id<"sessions"> }, null>;
  };
};

/** The functions that only other functions and the admin key reach. */
export declare const internal: {
  seed: {
    /** Make a team, its owner, a repository and a short conversation, once; return their ids. */
    demo: FunctionReference<"mutation", "internal", Record<string, never>, { repoId: Id<"repos">; sessionId: Id<"sessions">; teamId: Id<"teams"> }>;
  };
};
