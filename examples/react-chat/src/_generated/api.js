// Made by `realtime codegen` from the app's functions and schema: do not edit.

import { anyApi } from "convex/server";

export const api = anyApi;
export const internal = anyApi;
