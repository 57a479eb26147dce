// Made by `realtime codegen` from the app's functions and schema: do not edit.

import type { DocumentByName, SystemTableNames, TableNamesInDataModel } from "convex/server";
import type { GenericId } from "convex/values";

/** The tables: their documents, the paths of fields, and their indexes. */
export type DataModel = {
  /** An open invitation to a team; times in milliseconds since the epoch. */
  invites: {
    document: {
      _creationTime: number;
      _id: Id<"invites">;
      createdAt: number;
      email: string;
      expiresAt: number;
      invitedBy: string;
      teamId: Id<"teams">;
    };
    fieldPaths: "_creationTime" | "_id" | "createdAt" | "email" | "expiresAt" | "invitedBy" | "teamId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_email: ["email", "_creationTime"];
      by_teamId: ["teamId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** One message of a session. */
  messages: {
    document: {
      _creationTime: number;
      _id: Id<"messages">;
      changes?: { commitSha?: string; committed: boolean; files: Array<string>; prUrl?: string };
      content: string;
      role: "user" | "assistant";
      sessionId: Id<"sessions">;
      timestamp: number;
    };
    fieldPaths: "_creationTime" | "_id" | "changes" | "changes.commitSha" | "changes.committed" | "changes.files" | "changes.prUrl" | "content" | "role" | "sessionId" | "timestamp";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_sessionId: ["sessionId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** A GitHub repository that a team has connected. */
  repos: {
    document: {
      _creationTime: number;
      _id: Id<"repos">;
      connectedAt: number;
      connectedBy: string;
      defaultBranch: string;
      githubOwner: string;
      githubRepo: string;
      githubUrl: string;
      pushStrategy: "direct" | "pr";
      teamId: Id<"teams">;
    };
    fieldPaths: "_creationTime" | "_id" | "connectedAt" | "connectedBy" | "defaultBranch" | "githubOwner" | "githubRepo" | "githubUrl" | "pushStrategy" | "teamId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_teamId: ["teamId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** One conversation about a repository. */
  sessions: {
    document: {
      _creationTime: number;
      _id: Id<"sessions">;
      createdAt: number;
      lastActiveAt: number;
      repoId: Id<"repos">;
      userId: string;
    };
    fieldPaths: "_creationTime" | "_id" | "createdAt" | "lastActiveAt" | "repoId" | "userId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_repoId: ["repoId", "_creationTime"];
      by_userId: ["userId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** A user's place in a team; `joined_at` is absent until the invitation is accepted. */
  teamMembers: {
    document: {
      _creationTime: number;
      _id: Id<"teamMembers">;
      invitedAt: number;
      joinedAt?: number;
      role: "owner" | "member";
      teamId: Id<"teams">;
      userId: string;
    };
    fieldPaths: "_creationTime" | "_id" | "invitedAt" | "joinedAt" | "role" | "teamId" | "userId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_teamId: ["teamId", "_creationTime"];
      by_teamId_userId: ["teamId", "userId", "_creationTime"];
      by_userId: ["userId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** A group of people with one language model for all. */
  teams: {
    document: {
      _creationTime: number;
      _id: Id<"teams">;
      llmApiKey?: string;
      llmModel?: string;
      llmProvider?: "openai" | "anthropic" | "google";
      name: string;
      ownerId: string;
    };
    fieldPaths: "_creationTime" | "_id" | "llmApiKey" | "llmModel" | "llmProvider" | "name" | "ownerId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_ownerId: ["ownerId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** What a user shows to others, and the user's GitHub connection. */
  userProfiles: {
    document: {
      _creationTime: number;
      _id: Id<"userProfiles">;
      displayName: string;
      githubAccessToken?: string;
      githubUsername?: string;
      userId: string;
    };
    fieldPaths: "_creationTime" | "_id" | "displayName" | "githubAccessToken" | "githubUsername" | "userId";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_userId: ["userId", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
};

/** The names of the tables. */
export type TableNames = TableNamesInDataModel<DataModel>;

/** A document of a table, with its system fields. */
export type Doc<TableName extends TableNames> = DocumentByName<DataModel, TableName>;

/** The id of a document of a table. */
export type Id<TableName extends TableNames | SystemTableNames> = GenericId<TableName>;
