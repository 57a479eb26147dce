/** The official `ConvexHttpClient` with tokens, the admin key, and neither. */

import { ConvexHttpClient } from "convex/browser";

import { run } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(async ({ url, token, badToken, adminKey, identity }) => {
  const client = new ConvexHttpClient(url, { logger: false });
  const me = () => client.query(reference("who:me"), {});
  const add = (text) => client.mutation(reference("notes:add"), { text });
  const failure = async (promise) => {
    try {
      return { value: await promise };
    } catch (error) {
      return JSON.parse(error.message);
    }
  };

  const nobody = await me();
  client.setAuth(token);
  const user = await me();
  const author = await add("over http");
  client.setAuth(badToken);
  const refused = await failure(me());
  client.setAdminAuth(adminKey, identity);
  const acting = await me();
  const count = await client.query(reference("who:countOfEverybody"), {});
  client.setAdminAuth(adminKey, {});
  const actingAsNobody = await failure(me());
  client.setAdminAuth(`${adminKey}x`);
  const badKey = await failure(me());
  client.clearAuth();
  return { nobody, user, author, refused, acting, count, actingAsNobody, badKey, after: await me() };
});
