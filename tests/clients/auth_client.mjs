/** Official WebSocket clients that sign in, stay signed in, and out; one scenario a run. */

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

import { run, step, tell, Watched } from "./program.mjs";
import { reference } from "./scenario.mjs";

/** A client with all that it says about its authentication. */
class Member {
  authenticates = [];
  sockets = 0;
  changes = new Watched();
  fetches = [];

  constructor(url, options = {}) {
    const member = this;
    class Recorded extends WebSocket {
      constructor(...args) {
        super(...args);
        member.sockets += 1;
      }
      send(data, ...rest) {
        const message = JSON.parse(data);
        if (message.type === "Authenticate") {
          member.authenticates.push([message.tokenType, message.baseVersion]);
        }
        super.send(data, ...rest);
      }
    }
    this.client = new ConvexClient(url, {
      webSocketConstructor: Recorded,
      logger: false,
      ...options,
    });
  }

  signIn(fetchToken) {
    this.client.setAuth(
      (args) => {
        this.fetches.push(args.forceRefreshToken);
        return fetchToken(args);
      },
      (isAuthenticated) => this.changes.set(isAuthenticated),
    );
  }

  watchMe() {
    const me = new Watched();
    this.client.onUpdate(reference("who:me"), {}, (identity) => me.set(identity));
    return me;
  }

  add(text) {
    return this.client.mutation(reference("notes:add"), { text });
  }

  get report() {
    const { authenticates, sockets, fetches, changes } = this;
    return { authenticates, sockets, fetches, changes: changes.values };
  }
}

async function newToken(provider, query = {}) {
  const parameters = new URLSearchParams({ sub: "ann", ...query });
  return await (await fetch(`${provider}/token?${parameters}`)).text();
}

const scenarios = {
  /** Sign in with a cached and a fresh token, call, sign out. */
  async signInAndOut({ url, provider }) {
    const member = new Member(url);
    const me = member.watchMe();
    await step("nobody", me.until((identity) => identity === null));
    member.signIn(() => newToken(provider, { email: "ann@example.com" }));
    await step("onChange", member.changes.until((isAuthenticated) => isAuthenticated));
    const identity = await step("me", me.until((value) => value !== null));
    const author = await step("mutation", member.add("hello"));
    await step("fresh token", member.changes.until(() => member.changes.values.length === 2));
    member.client.client.clearAuth();
    await step("signed out", me.until((value) => value === null));
    const nobody = await step("mutation of nobody", member.add("bye"));
    return { ...member.report, identity, author, nobody };
  },

  /** Stay signed in with tokens that are replaced after two seconds, on one socket. */
  async staySignedIn({ url, provider }) {
    const member = new Member(url, { authRefreshTokenLeewaySeconds: 2 });
    const me = member.watchMe();
    member.signIn(() => newToken(provider, { lifetime: "4" }));
    await step("onChange", member.changes.until((isAuthenticated) => isAuthenticated));
    await step("me", me.until((identity) => identity !== null));
    const authors = new Set();
    while (member.authenticates.length < 4) authors.add(await member.add("while refreshing"));
    return { ...member.report, authors: [...authors] };
  },

  /** Keep a token beyond its end, as it is all that can be had; then there is a new one. */
  async outliveToken({ url, provider }) {
    const member = new Member(url);
    const lifetime = { lifetime: "3" };
    const old = await newToken(provider, lifetime);
    const end = JSON.parse(atob(old.split(".")[1])).exp * 1000;
    member.signIn(async () => (Date.now() < end ? old : await newToken(provider)));
    await step("onChange", member.changes.until((isAuthenticated) => isAuthenticated));
    const authors = new Set();
    while (member.authenticates.length < 2) authors.add(await member.add("until the end"));
    authors.add(await step("after the end", member.add("after the end")));
    return { ...member.report, authors: [...authors] };
  },

  /** Have only tokens that are not accepted. */
  async rejected({ url, provider }) {
    const member = new Member(url);
    const me = member.watchMe();
    member.signIn(() => newToken(provider, { aud: "another application" }));
    await step("onChange", member.changes.until((isAuthenticated) => isAuthenticated === false));
    const identity = await step("me", me.until(() => true));
    const author = await step("mutation", member.add("as nobody"));
    return { ...member.report, identity, author };
  },

  /** Sign in while the provider's keys can't be fetched at first. */
  async unreachable({ url, provider }) {
    const member = new Member(url);
    member.signIn(() => newToken(provider));
    await step("onChange", member.changes.until(() => true));
    const author = await step("mutation", member.add("at last"));
    return { ...member.report, author };
  },

  /** Act as a user with the admin key. */
  async actAs({ url, adminKey, identity }) {
    const member = new Member(url);
    const me = member.watchMe();
    member.client.setAdminAuth(adminKey, identity);
    const shown = await step("me", me.until((value) => value !== null));
    const count = await member.client.query(reference("who:countOfEverybody"), {});
    return { ...member.report, identity: shown, count };
  },
};

run(async ({ scenario, ...args }) => {
  tell({ started: scenario });
  return await scenarios[scenario](args);
});
