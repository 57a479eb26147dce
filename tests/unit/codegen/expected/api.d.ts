// Made by `realtime codegen` from the app's functions and schema: do not edit.

import type { FunctionReference, PaginationOptions, PaginationResult } from "convex/server";
import type { GenericId } from "convex/values";
import type { Doc, Id } from "./dataModel.js";

/** The functions that clients may call. */
export declare const api: {
  admin: {
    "2024": {
      /** The total of that year. */
      total: FunctionReference<"query", "public", Record<string, never>, number>;
    };
    users: {
      /** The names of the users. */
      default: FunctionReference<"query", "public", Record<string, never>, Array<string>>;
    };
  };
  parcels: {
    /** Take a parcel. */
    add: FunctionReference<"mutation", "public", { label: string; seal: ArrayBuffer; serial: bigint }, Id<"parcels">>;
    /** How many parcels there are. */
    count: FunctionReference<"query", "public", Record<string, never>, { sent: number; waiting: number }>;
    /** A parcel, or null. */
    get: FunctionReference<"query", "public", { parcelId: Id<"parcels"> }, Doc<"parcels"> | null>;
    /** The items, as the table has them. */
    items: FunctionReference<"query", "public", any, Array<Doc<"items">>>;
    /**
     * The parcels in pages.
     *
     * Newest first. A comment may not end here: *\/ nor `${here}`.
     */
    list: FunctionReference<"query", "public", { paginationOpts: PaginationOptions }, PaginationResult<Doc<"parcels">>>;
    /** The labels of parcels, in pages. */
    pageOf: FunctionReference<"query", "public", { label: string; paginationOpts: PaginationOptions }, PaginationResult<string>>;
    /** Give a parcel another label. */
    rename: FunctionReference<"mutation", "public", { label: string; parcelId: Id<"parcels"> }, null>;
    /**
     * All arguments may be left out.
     *
     * Args:
     *     text: What the label has to
     *         hold, *\/ included.
     *     limit: How many at most.
     */
    search: FunctionReference<"query", "public", { /** How many at most. */ limit?: number | null; /** What the label has to hold, *\/ included. */ text?: string }, Array<Doc<"parcels">>>;
    /** Where a parcel is. */
    track: FunctionReference<"action", "public", { parcelId: Id<"parcels"> }, string>;
    /** A document of a table that the schema does not have. */
    undeclared: FunctionReference<"query", "public", { id: GenericId<"undeclared"> }, any>;
  };
};

/** The functions that only other functions and the admin key reach. */
export declare const internal: {
  admin: {
    users: {
      secrets: FunctionReference<"query", "internal", Record<string, never>, any>;
    };
  };
  parcels: {
    /** Delete all parcels. */
    clear: FunctionReference<"mutation", "internal", Record<string, never>, number>;
  };
};
