// Made by `realtime codegen` from the app's functions and schema: do not edit.

import type { DocumentByName, SystemTableNames, TableNamesInDataModel } from "convex/server";
import type { GenericId } from "convex/values";

/** The tables: their documents, the paths of fields, and their indexes. */
export type DataModel = {
  anything: {
    document: any;
    fieldPaths: string;
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  items: {
    document: {
      _creationTime: number;
      _id: Id<"items">;
      kind: "letter";
      pages: number;
    } | {
      _creationTime: number;
      _id: Id<"items">;
      kind: "crate";
      weight: number;
    };
    fieldPaths: "_creationTime" | "_id" | "kind" | "pages" | "weight";
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_kind: ["kind", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  /** A parcel. Its label may hold *\/ and `backticks`. */
  parcels: {
    document: {
      _creationTime: number;
      _id: Id<"parcels">;
      class: string;
      extra: any;
      /** What is written on it: *\/ or not. */
      label: string;
      note?: string;
      /**
       * How it looks.
       *
       * Taken at the door.
       */
      photo?: Id<"_storage">;
      seal: ArrayBuffer;
      serial: bigint;
      size: { height: number; width: number } | null;
      state: "waiting" | "sent";
      tags: Record<string, Array<string>>;
    };
    fieldPaths: "_creationTime" | "_id" | "class" | "extra" | "label" | "note" | "photo" | "seal" | "serial" | "size" | "size.height" | "size.width" | "state" | "tags" | `tags.${string}`;
    indexes: {
      by_creation_time: ["_creationTime"];
      by_id: ["_id"];
      by_state_width: ["state", "size.width", "_creationTime"];
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
