/** The oldest 1.x clients: `ConvexHttpClient`, and `BaseConvexClient`, on which React's is built. */

import { BaseConvexClient, ConvexHttpClient } from "convex-1.0/browser";
import { WebSocket } from "ws";

import { run, Watched } from "./program.mjs";
import { asking, callEveryFunction } from "./scenario.mjs";

const CLIENTS = { http: callOverHttp, socket: callOverSocket };

async function callOverHttp(ids) {
  const client = new ConvexHttpClient(ids.url);
  client.setDebug(false);
  const query = (path, args) => client.query(path, args);
  const mutation = (path, args) => client.mutation(path, args);
  return await callEveryFunction({ query, mutation, watch: asking(query) }, ids, "http 1.0");
}

async function callOverSocket(ids) {
  const transitions = new EventTarget();
  const client = new BaseConvexClient(
    ids.url,
    () => transitions.dispatchEvent(new Event("transition")),
    { webSocketConstructor: WebSocket },
  );

  /** Call back with each new value of a query, or its error, until the returned function is called. */
  function follow(path, args, onValue, onError) {
    const { unsubscribe } = client.subscribe(path, args);
    let last;
    const look = () => {
      try {
        const value = client.localQueryResult(path, args);
        if (value !== undefined && value !== last) onValue((last = value));
      } catch (error) {
        onError(error);
      }
    };
    transitions.addEventListener("transition", look);
    look();
    return () => {
      transitions.removeEventListener("transition", look);
      unsubscribe();
    };
  }

  async function query(path, args) {
    let stop;
    try {
      return await new Promise((resolve, reject) => {
        stop = follow(path, args, resolve, reject);
      });
    } finally {
      stop();
    }
  }

  function watch(path, args) {
    const watched = new Watched();
    follow(path, args, (value) => watched.set(value), (error) => console.error(error));
    return watched;
  }

  const mutation = (path, args) => client.mutation(path, args);
  const result = await callEveryFunction({ query, mutation, watch }, ids, "socket 1.0");
  await client.close();
  return result;
}

run(({ client, ...ids }) => CLIENTS[client](ids));
