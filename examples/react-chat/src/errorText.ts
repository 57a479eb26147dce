import { ConvexError } from "convex/values";

/** What to tell people of an error: the message that the function gave it, if there is one. */
export function errorText(error: unknown): string {
  if (error instanceof ConvexError) {
    const { data } = error as ConvexError<{ message?: string } | string>;
    const message = typeof data === "string" ? data : data.message;
    if (message !== undefined) return message;
  }
  return "The server refused it.";
}
