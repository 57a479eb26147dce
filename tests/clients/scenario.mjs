/**
 * One walk through every function of the chat app, the same for each client.
 *
 * @typedef {{
 *   query(path: string, args: object): Promise<any>,
 *   mutation(path: string, args: object): Promise<any>,
 *   watch(path: string, args: object): { values: any[], until(test: (value: any) => boolean): Promise<any> },
 * }} Client
 */

import { anyApi } from "convex/server";

import { step } from "./program.mjs";

export const MUTATIONS = [
  "sessions:create",
  "sessions:updateLastActive",
  "messages:send",
  "messages:markChangesCommitted",
  "seed:demo",
];

/** Return the reference of a path as an app writes it: `api.messages.list`. */
export function reference(path) {
  const [module, name] = path.split(":");
  return anyApi[module][name];
}

/** @param {Client} client @param {Record<string, string>} ids @param {string} name unique */
export async function callEveryFunction(client, ids, name) {
  const call = (kind, path, args) => step(`${kind} ${path}`, client[kind](path, args));
  const query = (path, args) => call("query", path, args);
  const mutation = (path, args) => call("mutation", path, args);

  const sessionId = await mutation("sessions:create", { repoId: ids.repoId, userId: name });
  const session = await query("sessions:get", { sessionId });
  const sessions = await query("sessions:listByRepo", { repoId: ids.repoId });
  const missingSession = await query("sessions:get", { sessionId: ids.missingSessionId });

  const live = client.watch("messages:list", { sessionId });
  const countIs = (count) => step(`messages:list with ${count}`, live.until((list) => list.length === count));
  await countIs(0);
  const sent = [await mutation("messages:send", { sessionId, role: "user", content: "first" })];
  await countIs(1);
  sent.push(await mutation("messages:send", { sessionId, role: "assistant", content: "second" }));
  await countIs(2);
  sent.push(await sendFromElsewhere(ids.url, sessionId, "from elsewhere"));
  const messages = await countIs(3);

  const touched = await mutation("sessions:updateLastActive", { sessionId });
  const active = await query("sessions:get", { sessionId });
  const repo = await query("projects:get", { repoId: ids.repoId });
  const repos = await query("projects:listByTeam", { teamId: ids.teamId });

  const commit = { commitSha: `sha of ${name}`, prUrl: `pr of ${name}` };
  const marked = await mutation("messages:markChangesCommitted", { messageId: ids.messageId, ...commit });
  const demo = await query("messages:list", { sessionId: ids.sessionId });
  const { changes } = demo.find((message) => message._id === ids.messageId);

  const errors = {
    internal: await failure(mutation("seed:demo", {})),
    sendToMissing: await failure(
      mutation("messages:send", { sessionId: ids.missingSessionId, role: "user", content: "lost" }),
    ),
    markMissing: await failure(
      mutation("messages:markChangesCommitted", { messageId: ids.missingMessageId, ...commit }),
    ),
    markWithoutChanges: await failure(
      mutation("messages:markChangesCommitted", { messageId: sent[0], ...commit }),
    ),
    illTyped: await failure(query("messages:list", { sessionId: 5 })),
  };
  return {
    name, sessionId, session, sessions, missingSession, sent, messages, touched, active, repo, repos,
    marked, changes, errors,
    updates: live.values.map((list) => list.map((message) => message.content)),
  };
}

/** The watch of a client that has no live queries: it asks again. */
export function asking(query) {
  return (path, args) => ({
    values: [],
    async until(test) {
      const value = await query(path, args);
      this.values.push(value);
      if (!test(value)) throw new Error(`${path} gave ${JSON.stringify(value)}`);
      return value;
    },
  });
}

/** Send a message past the client under test. */
async function sendFromElsewhere(url, sessionId, content) {
  const response = await fetch(`${url}/api/mutation`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path: "messages:send", args: { sessionId, role: "user", content } }),
  });
  return (await response.json()).value;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { kind: error.constructor.name, message: error.message, data: error.data };
  }
  return null;
}
